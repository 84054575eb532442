/** Outputs whose values the program itself needs while it runs. */
import type * as pulumi from "@pulumi/pulumi";

/**
 * The value of an output; undefined where a preview does not know it. (`apply` of an unknown output is never called, so waiting
 * for it would wait for ever; the SDK tells what is known by this promise of every output.)
 */
export async function known<T>(output: pulumi.Output<T>): Promise<T | undefined> {
  const { isKnown } = output as pulumi.Output<T> & { readonly isKnown: Promise<boolean> };
  if (!(await isKnown)) return undefined;
  return new Promise<T>((resolve) => {
    output.apply((value) => resolve(value));
  });
}
