/** What a platform's command of a host prints: the program pins the key, and the command finds both again in the state. */
import * as z from "zod";
import type { MadeHost } from "./module";

/** Type of the resource that tells of a host; its name is the host's. */
export const hostType = "command:local:Command";

/** How such a host is logged in to. */
export const login = { user: "root", port: 22 } as const;
const Printed = z.object({ address: z.ipv4(), hostKey: z.string().regex(/^ssh-ed25519 [A-Za-z0-9+/=]+$/) });

/** @param outputs of the host's resource; what is not a host's answer counts as none */
export function hostPrinted(outputs: Readonly<Record<string, unknown>> | undefined): MadeHost | undefined {
  const { stdout } = outputs ?? {};
  if (typeof stdout !== "string") return undefined;
  try {
    return { ...login, ...Printed.parse(JSON.parse(stdout)) };
  } catch {
    return undefined;
  }
}
