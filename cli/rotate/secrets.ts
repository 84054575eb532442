/**
 * Reads every Secret and writes it back as it is: the API server stores again, under the key that is used, what is stored under another
 * (https://kubernetes.io/docs/tasks/administer-cluster/encrypt-data/#ensure-all-secrets-are-encrypted).
 */
import { ApiClient, eachPage, metadataOnly } from "../doctor/api";

interface Named {
  readonly metadata: { readonly name: string; readonly namespace: string };
}

/** Writers side by side: few, since each write is one of etcd. */
const WRITERS = 4;
const PROGRESS = 1000;

export async function writeSecretsAgain(kubeconfig: string, say: (line: string) => void): Promise<void> {
  const client = new ApiClient(kubeconfig);
  let written = 0;
  const writeAgain = async ({ metadata: { name, namespace } }: Named) => {
    const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/secrets/${encodeURIComponent(name)}`;
    try {
      await client.text(path, { method: "PUT", body: await client.json<unknown>(path) });
    } catch (error) {
      // Somebody has written or deleted it since it was read: both are as good.
      if (!/answered (404|409)/.test((error as Error).message)) throw error;
    }
    written++;
    if (written % PROGRESS === 0) say(`${written} Secrets are stored again`);
  };
  try {
    // Names alone, and at first: a list that is read while it is worked on may be too old to be read to its end.
    const all: Named[] = [];
    const complete = await eachPage<Named>(
      client,
      "/api/v1/secrets",
      { accept: metadataOnly, pages: 100_000 },
      (secret) => void all.push(secret),
    );
    if (!complete) throw new Error(`the list of Secrets has no end after ${all.length}`);
    const left = all.values();
    const writer = async () => {
      for (const secret of left) await writeAgain(secret);
    };
    await Promise.all(Array.from({ length: WRITERS }, writer));
    say(`${written} Secrets are stored again, under the key that is used`);
  } finally {
    client.close();
  }
}
