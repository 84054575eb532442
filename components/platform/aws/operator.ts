/** Who runs the command, to AWS: as its own tools find out (environment, profile, single sign-on). */
import { EC2Client } from "@aws-sdk/client-ec2";
import type { StoreCredentials } from "../module";

export async function operatorCredentials(region: string): Promise<StoreCredentials> {
  const client = new EC2Client({ region });
  try {
    const { accessKeyId, secretAccessKey, sessionToken } = await client.config.credentials();
    return { accessKeyId, secretAccessKey, ...(sessionToken !== undefined && { sessionToken }) };
  } finally {
    client.destroy();
  }
}
