/** A Secret in a namespace of its own, for as long as the doctor looks. Made only when asked for. */
import { randomBytes } from "node:crypto";
import { ApiClient } from "./api";

export async function withProbe<T>(kubeconfig: string, work: () => Promise<T>): Promise<T> {
  const client = new ApiClient(kubeconfig);
  const name = `kilonode-doctor-${randomBytes(4).toString("hex")}`;
  const namespace = `/api/v1/namespaces/${name}`;
  try {
    const metadata = { name };
    await client.text("/api/v1/namespaces", {
      method: "POST",
      body: { apiVersion: "v1", kind: "Namespace", metadata },
    });
    const secret = {
      apiVersion: "v1",
      kind: "Secret",
      metadata: { name: "probe" },
      stringData: { probe: "nothing secret" },
    };
    await client.text(`${namespace}/secrets`, { method: "POST", body: secret });
    return await work();
  } finally {
    await client.text(namespace, { method: "DELETE" }).catch((error: Error) => {
      process.stderr.write(`warning: namespace ${name} could not be removed: ${error.message}\n`);
    });
    client.close();
  }
}
