/** 1.3 and 1.4: controller manager and scheduler. */
import type { HostEvidence } from "../evidence";
import { configurationOf } from "./host";
import { bad, type CisItem, departs, equals, type Flags, given, good, running, type Seen, shown } from "./item";

const manager = (look: (flags: Flags) => Seen) => running("master", "kube-controller-manager", look);
const scheduler = (look: (flags: Flags, host: HostEvidence) => Seen) => running("master", "kube-scheduler", look);

const whyNoSigningKey =
  "it would need the key only to write tokens without end into Secrets, which nobody asks for here; pods' tokens are signed by the API servers, and the key is on no more processes than need it";

function kubeletServerCertificates(flags: Flags): Seen {
  const off = (flags.get("feature-gates") ?? "").includes("RotateKubeletServerCertificate=false");
  return off ? bad(shown(flags, "feature-gates")) : good("RotateKubeletServerCertificate is on");
}

/** With --config the scheduler takes no other flag for it. */
function profiling(flags: Flags, host: HostEvidence): Seen {
  if (!flags.has("config")) return equals(flags, "profiling", "false", "true");
  const { enableProfiling = true } = (configurationOf(host, "config") ?? {}) as { enableProfiling?: unknown };
  return enableProfiling === false ? good("enableProfiling: false") : bad(`enableProfiling: ${enableProfiling}`);
}

const local = (flags: Flags) => equals(flags, "bind-address", "127.0.0.1", "0.0.0.0");

export const controllerItems: readonly CisItem[] = [
  {
    id: "1.3.1",
    title: "pods that have ended are collected",
    judge: manager((flags) => given(flags, "terminated-pod-gc-threshold")),
  },
  { id: "1.3.2", title: "profiles are off", judge: manager((flags) => equals(flags, "profiling", "false", "true")) },
  {
    id: "1.3.3",
    title: "each controller has rights of its own",
    judge: manager((flags) => equals(flags, "use-service-account-credentials", "true", "false")),
  },
  {
    id: "1.3.4",
    title: "a key that signs tokens",
    judge: manager((flags) => {
      const seen = given(flags, "service-account-private-key-file");
      return seen.status === "ok" ? seen : departs(seen.found, whyNoSigningKey);
    }),
  },
  { id: "1.3.5", title: "pods know the API's authority", judge: manager((flags) => given(flags, "root-ca-file")) },
  { id: "1.3.6", title: "kubelets' server certificates rotate", judge: manager(kubeletServerCertificates) },
  { id: "1.3.7", title: "listens on the host alone", judge: manager(local) },
  { id: "1.4.1", title: "profiles are off", judge: scheduler(profiling) },
  { id: "1.4.2", title: "listens on the host alone", judge: scheduler(local) },
];
