import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";

/** 1 MiB reads: with the default of 64 KiB the stream costs more than the hashing. */
const chunkBytes = 1 << 20;

/** Hashes a file as a stream, so that memory stays flat however many are under way. */
export async function sha256OfFile(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path, { highWaterMark: chunkBytes })) hash.update(chunk as Buffer);
  return hash.digest("hex");
}

export function sha256OfText(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
