/** A host of AWS that answers: how its key gets into the state. How it is found there again: printed.ts. */
import { local } from "@pulumi/command";
import type * as pulumi from "@pulumi/pulumi";

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
