/**
 * The same processes without Kilonode: the hosts that an `up` has made are stopped, their etcd data is removed, and one shell
 * loop starts them all again. Everything is installed, every certificate is there, nothing is checked, nothing waits for
 * anything: systemd starts what is enabled. What it takes until the last API server is ready is the floor for an `up`.
 */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import https from "node:https";
import { operatorAccess } from "./kubeconfig";
import { inHost } from "./lab";

interface StateFile {
  deployment: {
    resources: { urn: string; type: string; inputs?: { create?: string; environment?: Record<string, string> } }[];
  };
}

/** Environments of `lab-host`, from the state of the stack. */
function hostEnvironments(stateFile: string): Record<string, string>[] {
  const { deployment } = JSON.parse(readFileSync(stateFile, "utf8")) as StateFile;
  return deployment.resources
    .filter(
      (resource) => resource.type === "command:local:Command" && resource.inputs?.create?.endsWith("lab-host create"),
    )
    .map((resource) => resource.inputs?.environment ?? {});
}

/** One shell for all hosts, as a person would write it. */
function forAllHosts(hosts: readonly Record<string, string>[], verb: string): void {
  const lines = hosts.map((environment) => {
    const variables = Object.entries(environment).map(([name, value]) => `${name}='${value}'`);
    return `${variables.join(" ")} components/platform/lab/lab-host ${verb} >/dev/null &`;
  });
  const { status, stderr } = spawnSync("bash", ["-c", `${lines.join("\n")}\nwait`], { encoding: "utf8" });
  if (status !== 0) throw new Error(`lab-host ${verb} failed: ${stderr}`);
}

/** @returns seconds from the first start to the last API server's /readyz */
export async function bareSeconds(stateFile: string, kubeconfig: string, masters: readonly string[]): Promise<number> {
  const hosts = hostEnvironments(stateFile);
  for (const { PREFIX, NAME } of hosts) {
    if (NAME?.includes("-etcd-"))
      await inHost(
        PREFIX as string,
        NAME,
        "systemctl kill --signal=KILL etcd; systemctl stop etcd; rm -rf /var/lib/etcd-wal/wal /var/lib/etcd/member/snap/[!l]*",
      );
  }
  forAllHosts(hosts, "stop");
  const started = performance.now();
  forAllHosts(hosts, "start");
  await Promise.all(masters.map((address) => ready(address, kubeconfig)));
  return (performance.now() - started) / 1000;
}

async function ready(address: string, kubeconfig: string): Promise<void> {
  const { ca, cert, key } = operatorAccess(kubeconfig);
  const agent = new https.Agent({ ca, cert, key });
  const deadline = Date.now() + 600_000;
  while (Date.now() < deadline) {
    const status = await new Promise<number>((resolve) => {
      const request = https.get(`https://${address}:6443/readyz`, { agent, timeout: 5000 }, (response) => {
        response.resume();
        resolve(response.statusCode ?? 0);
      });
      request.on("timeout", () => request.destroy());
      request.on("error", () => resolve(0));
    });
    if (status === 200) return;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  throw new Error(`${address} was not ready within 10 minutes`);
}
