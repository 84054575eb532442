/** The providers of the rehearsal engine, by the name of their package. */

import { EngineError } from "../errors";
import type { Provider, ProviderFactory } from "../provider/provider";
import { simulatedAws } from "./aws";
import { commandProvider } from "./command";
import { kubernetesProvider } from "./kubernetes";
import { randomProvider } from "./random";
import { tlsProvider } from "./tls";

const packages: Record<string, (stateFile?: string) => Provider> = {
  aws: simulatedAws,
  command: commandProvider,
  kubernetes: kubernetesProvider,
  random: randomProvider,
  tls: () => tlsProvider(),
};

/** A new provider of the package; each provider resource of a program gets its own. */
export const providers: ProviderFactory = (packageName, stateFile) => {
  const make = packages[packageName];
  if (make === undefined) {
    const known = Object.keys(packages).sort().join(", ");
    throw new EngineError("refused", `the package ${packageName} is not supported in a rehearsal; supported: ${known}`);
  }
  return make(stateFile);
};
