/** Flags and configuration files of every component, as typed data. */
export { sysctlsFor } from "../scale/kernel";
export {
  apiserverFlags,
  controllerManagerFlags,
  etcdFlags,
  etcdMemoryLimit,
  goMemoryLimit,
  haproxyGlobal,
} from "./components";
export {
  admissionConfiguration,
  type ConfigObject,
  type ConfigValue,
  kubeletConfiguration,
  kubeProxyConfiguration,
  renderConfiguration,
  schedulerConfiguration,
} from "./configurations";
export {
  checkFlags,
  etcdEnvironment,
  type FlagMap,
  type FlagPolicy,
  type FlagProblem,
  type FlagValue,
  flagProblems,
  mergeFlags,
  renderFlags,
} from "./flags";
export { type Component, components, knownFlags, replacementFor } from "./known";
export { policyFor } from "./policy";
export { renderToml, type TomlTable } from "./toml";
export { atLeast, checkVersions, listedMinors, minorOf, type Versions } from "./versions";
