/** Large writes, one after the other, for what happens only when logs and databases grow. */
import { operatorAccess } from "./kubeconfig";
import { connect, request } from "./requests";
import type { TestStack } from "./stack";

/** An object may have 1 MiB. */
const MEBIBYTES_A_WRITE = 0.9;
const path = "/api/v1/namespaces/default/configmaps";

export async function writeMuch(stack: TestStack, mebibytes: number): Promise<void> {
  const access = operatorAccess((await stack.run("kubeconfig")).stdout);
  let session = connect(access);
  const body = (round: number) => {
    const text = String(round % 10).repeat(MEBIBYTES_A_WRITE * 2 ** 20);
    const metadata = { name: "much" };
    return JSON.stringify({ apiVersion: "v1", kind: "ConfigMap", metadata, data: { text } });
  };
  await request(session, "POST", path, body(0)).catch(() => undefined);
  for (let round = 1; round * MEBIBYTES_A_WRITE < mebibytes; round++) {
    if (session.closed || session.destroyed) session = connect(access);
    // A member that ends takes a few of them with it, which is what they are for.
    await request(session, "PUT", `${path}/much`, body(round)).catch(() => undefined);
  }
  session.close();
}
