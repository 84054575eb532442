/** A host of AWS that answers: how its key gets into the state, and how it is found there again. */
import { local } from "@pulumi/command";
import type * as pulumi from "@pulumi/pulumi";
import * as z from "zod";
import type { MadeHost } from "../module";
import { login } from "./seen";

/** Type of the resource that tells of a host; its name is the host's. */
export const hostType = "command:local:Command";

/** Found from the project's folder and from stacks/, since an engine may run commands in either; nothing absolute goes into the state. */
const program = 'PATH="components/platform/aws:../components/platform/aws:$PATH"; exec read-host-key';

export interface AnsweringHost {
  readonly name: string;
  readonly address: string;
  readonly region: string;
  /** Id of its instance: another one has another key. */
  readonly instance: pulumi.Input<string>;
}

export function answeringHost(
  { address, instance, name, region }: AnsweringHost,
  options: pulumi.CustomResourceOptions,
): local.Command {
  const environment = { REGION: region, INSTANCE: instance, HOST: name, ADDRESS: address };
  const quiet = { addPreviousOutputInEnv: false, logging: local.Logging.Stderr };
  return new local.Command(name, { create: program, environment, ...quiet }, options);
}

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
