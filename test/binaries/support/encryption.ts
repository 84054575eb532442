/** The EncryptionConfiguration that the program gives to masters, with a key of zeros. */
import * as pulumi from "@pulumi/pulumi";
import { Pki } from "../../../components/pki/pki";
import { ClusterConfig } from "../../../config/cluster";

let text: Promise<string> | undefined;

export function encryptionConfiguration(): Promise<string> {
  text ??= render();
  return text;
}

async function render(): Promise<string> {
  await pulumi.runtime.setMocks({
    newResource: ({ type, name, inputs }) => ({
      id: name,
      state:
        type === "random:index/randomBytes:RandomBytes"
          ? { ...inputs, base64: Buffer.alloc(32).toString("base64") }
          : (inputs as Record<string, unknown>),
    }),
    call: () => ({}),
  });
  const { certificates, keys } = ClusterConfig.parse({ platform: "lab" });
  const pki = new Pki("pki", { stack: "prod", certificates, keys, authorities: [], ephemeral: true });
  return new Promise((resolve) => pki.encryptionConfig.apply(resolve));
}
