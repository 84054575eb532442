/** Another key in the place of the one that is used: the steps of config/keys.ts, each written to the stack's file and made by an `up`. */
import { keysOf } from "../../components/plan/authorities";
import { exitCodes, UserError } from "../../config/errors";
import { type KeyNumbers, nextKeys } from "../../config/keys";
import { runningCluster } from "../hosts/cluster";
import { print } from "../output";
import { type RunOptions, runAction } from "../run/run";
import { type CheckedStack, checkedStack, writeKey } from "../stack/configuration";
import { writeSecretsAgain } from "./secrets";

export type RotateOptions = Pick<RunOptions, "engine">;

interface RotatedKey {
  /** Below `keys` in the stack's file. */
  readonly path: readonly string[];
  readonly numbers: (checked: CheckedStack) => KeyNumbers;
  /** False: one key at a time, which hosts take while the old one lets in. */
  readonly overlaps: boolean;
  /** Who outside of the cluster has to follow, by the numbers that were just reached. */
  readonly outside?: { readonly trusted: string; readonly used: string };
}

/** @returns the exit code */
export async function rotate(
  stack: string,
  key: string,
  authority: string | undefined,
  options: RotateOptions,
): Promise<number> {
  const chosen = rotatedKey(checkedStack(stack), key, authority);
  const up = (line: string) => {
    process.stderr.write(`${line}\n`);
    return runAction(checkedStack(stack), "up", options);
  };
  let numbers = chosen.numbers(checkedStack(stack));
  // Of a step that was begun earlier nobody knows here whether its `up` came to an end.
  if (numbers.length > 1) {
    const code = await up(`keys ${numbers.join(", ")}: the step that was reached`);
    if (code !== exitCodes.done) return code;
  }
  for (;;) {
    const next = chosen.overlaps ? nextKeys(numbers) : [(numbers[0] ?? 0) + 1];
    if (key === "encryption-key" && next.length < numbers.length) await secretsAgain(stack, options);
    writeKey(stack, ["keys", ...chosen.path], chosen.overlaps ? next : next[0]);
    const code = await up(`keys ${numbers.join(", ")} -> ${next.join(", ")}: ${stepText(numbers, next)}`);
    if (code !== exitCodes.done) return code;
    numbers = next;
    if (next.length === 1) return exitCodes.done;
    if (chosen.outside) {
      const [used = 0, other = 0] = next;
      print(`${used < other ? chosen.outside.trusted : chosen.outside.used} Then run the same command again.\n`);
      return exitCodes.done;
    }
  }
}

function rotatedKey(checked: CheckedStack, key: string, authority: string | undefined): RotatedKey {
  const { authorities } = checked.plan;
  if (authority !== undefined && key !== "authority")
    throw new UserError(`${authority}: ${key} takes no name`, exitCodes.badConfiguration);
  switch (key) {
    case "encryption-key":
      return { path: ["encryption"], numbers: ({ spec }) => spec.keys.encryption, overlaps: true };
    case "ssh-key":
      return { path: ["ssh"], numbers: ({ spec }) => [spec.keys.ssh], overlaps: false };
    case "service-account-key":
      return {
        path: ["serviceAccount"],
        numbers: ({ spec }) => spec.keys.serviceAccount,
        overlaps: true,
        outside: {
          trusted: "Whoever verifies tokens by a copy of the public keys (/openid/v1/jwks) needs a new copy.",
          used: "Tokens that the old key has signed are accepted until the next step: wait until they have ended or are renewed (a kubelet renews after an hour; a Secret of type kubernetes.io/service-account-token never ends, so make it anew).",
        },
      };
    case "authority": {
      const name = authorities.find((one) => one === authority);
      if (name === undefined)
        throw new UserError(
          `authority ${authority ?? "(no name given)"}: the cluster has ${authorities.join(", ")}`,
          exitCodes.badConfiguration,
        );
      return {
        path: ["authorities", name],
        numbers: ({ plan }) => keysOf(plan, name),
        overlaps: true,
        ...(name === "kubernetes" && {
          outside: {
            trusted: `Whoever has a kubeconfig needs a new one, which trusts both: kilonode kubeconfig ${checked.stack}.`,
            used: `Certificates that the old key has signed are accepted until the next step: whoever has a kubeconfig needs a new one (kilonode kubeconfig ${checked.stack}).`,
          },
        }),
      };
    }
    default:
      throw new UserError(
        `${key}: there are encryption-key, service-account-key, ssh-key and authority`,
        exitCodes.badConfiguration,
      );
  }
}

function stepText(before: KeyNumbers, after: KeyNumbers): string {
  const [used] = before;
  if (after[0] !== used) return `key ${after[0]} is used`;
  return after.length > before.length ? `key ${after[1]} is trusted` : `key ${before[1]} is not trusted any more`;
}

/** So that each is stored under the key that is used. */
async function secretsAgain(stack: string, options: RotateOptions): Promise<void> {
  const { kubeconfig } = await runningCluster(stack, options);
  await writeSecretsAgain(kubeconfig, (line) => process.stderr.write(`${line}\n`));
}
