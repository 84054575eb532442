/**
 * Reads the key of a new host from its console, writes it into its tag, where the next update finds it, and prints it for the state. A
 * console is empty for a minute or more after the start. Environment: REGION, INSTANCE, HOST, ADDRESS. Nothing of it is secret.
 *
 * Exit: 0 done; 1 no key within the time, or AWS refused.
 */

import { CreateTagsCommand, type EC2Client, GetConsoleOutputCommand } from "@aws-sdk/client-ec2";
import { hostKeyOn } from "./host-key";
import { hostTags } from "./host-tags";
import { ec2 } from "./look";

const secondsAtMost = 900;
const secondsBetween = 5;
const secondsBetweenLines = 30;

async function main(): Promise<void> {
  const { ADDRESS = "", HOST = "", INSTANCE = "", REGION = "" } = process.env;
  const client = ec2(REGION);
  const began = Date.now();
  const seconds = () => Math.round((Date.now() - began) / 1000);
  for (let told = 0; ; ) {
    const hostKey = hostKeyOn(await consoleOf(client, INSTANCE));
    if (hostKey !== undefined) {
      await tag(client, INSTANCE, hostKey);
      process.stdout.write(JSON.stringify({ instance: INSTANCE, address: ADDRESS, hostKey }));
      return;
    }
    if (seconds() >= secondsAtMost)
      throw new Error(
        `its console shows no key after ${seconds()} s. Look at it (aws ec2 get-console-output --latest --region ${REGION} --instance-id ${INSTANCE}): ` +
          "its first boot may have failed. Then run `kilonode up` again, which waits again",
      );
    if (seconds() - told >= secondsBetweenLines) {
      told = seconds();
      process.stderr.write(`${HOST}: waiting for its key on its console, ${told} of at most ${secondsAtMost} s\n`);
    }
    await new Promise((resolve) => setTimeout(resolve, secondsBetween * 1000));
  }
}

async function consoleOf(client: EC2Client, instance: string): Promise<string> {
  try {
    // The latest, not that of the boot: every type of the catalogue is on Nitro, which has it at once.
    const { Output = "" } = await client.send(new GetConsoleOutputCommand({ InstanceId: instance, Latest: true }));
    return Buffer.from(Output, "base64").toString("utf8");
  } catch (error) {
    // Not everywhere in EC2 is known at once what was just made.
    if ((error as Error).name === "InvalidInstanceID.NotFound") return "";
    throw error;
  }
}

async function tag(client: EC2Client, instance: string, hostKey: string): Promise<void> {
  await client.send(
    new CreateTagsCommand({ Resources: [instance], Tags: [{ Key: hostTags.hostKey, Value: hostKey }] }),
  );
}

main().catch((error: unknown) => {
  const { message, name } = error as Error;
  process.stderr.write(
    `${process.env.HOST} (${process.env.INSTANCE}): ${name === "Error" ? "" : `${name}: `}${message}\n`,
  );
  process.exitCode = 1;
});
