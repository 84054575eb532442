/**
 * Reads the key of a new host from its console, writes it into its tag, where the next update finds it, and prints it for the state. A
 * console is empty for a minute or more after the start. Environment: REGION, INSTANCE, HOST, ADDRESS. Nothing of it is secret.
 *
 * Exit: 0 done; 1 no key within the time, or AWS refused.
 */

import { hostKeyOn } from "./host-key";
import { hostTags } from "./host-tags";
import { ec2 } from "./look";

const secondsAtMost = 900;
const secondsBetween = 5;
const secondsBetweenLines = 30;

async function main(): Promise<void> {
  const { ADDRESS = "", HOST = "", INSTANCE = "", REGION = "" } = process.env;
  const { CreateTagsCommand, GetConsoleOutputCommand } =
    require("@aws-sdk/client-ec2") as typeof import("@aws-sdk/client-ec2");
  const client = ec2(REGION);
  const began = Date.now();
  const seconds = () => Math.round((Date.now() - began) / 1000);
  for (let told = 0; ; ) {
    // The latest, not that of the boot: every type of the catalogue is on Nitro, which has it at once.
    const { Output = "" } = await client.send(new GetConsoleOutputCommand({ InstanceId: INSTANCE, Latest: true }));
    const hostKey = hostKeyOn(Buffer.from(Output, "base64").toString("utf8"));
    if (hostKey !== undefined) {
      await client.send(
        new CreateTagsCommand({ Resources: [INSTANCE], Tags: [{ Key: hostTags.hostKey, Value: hostKey }] }),
      );
      process.stdout.write(JSON.stringify({ instance: INSTANCE, address: ADDRESS, hostKey }));
      return;
    }
    if (seconds() >= secondsAtMost)
      throw new Error(
        `the console of ${HOST} (${INSTANCE}) shows no host key after ${seconds()} s. Look at it (aws ec2 get-console-output --latest --region ${REGION} --instance-id ${INSTANCE}): ` +
          "its first boot may have failed. Then run `kilonode up` again, which waits again",
      );
    if (seconds() - told >= secondsBetweenLines) {
      told = seconds();
      process.stderr.write(
        `${HOST}: waiting for its key on the console of ${INSTANCE}, ${told} of at most ${secondsAtMost} s\n`,
      );
    }
    await new Promise((resolve) => setTimeout(resolve, secondsBetween * 1000));
  }
}

main().catch((error: unknown) => {
  process.stderr.write(`${(error as Error).message}\n`);
  process.exitCode = 1;
});
