/** Asks a store that speaks S3 which versions of what it has: restic shows no time but that which a host has written. */
import { createHash, createHmac } from "node:crypto";
import { type RequestOptions, request } from "node:https";
import type { StoreCredentials } from "../../../components/platform/module";

export interface S3Place {
  /** Of the bucket, such as "https://198.18.0.7:7070/etcd-main". */
  readonly url: string;
  readonly region: string;
  readonly credentials: StoreCredentials;
  /** Of the store's certificate; absent: one that everybody trusts. */
  readonly authorityPem?: string | undefined;
}

export interface ObjectVersions {
  /** How often it was written. */
  readonly versions: number;
  /** Of the first of them, by the store's clock; milliseconds since 1970. */
  readonly firstAt: number;
}

const timeoutMs = 60_000;
const mostBytes = 16 << 20;
/** Of a thousand versions each. */
const mostPages = 1_000;

/** Key to its versions, of everything below the prefix. Those that were deleted are listed, too. */
export async function objectVersions(place: S3Place, prefix: string): Promise<Map<string, ObjectVersions>> {
  const found = new Map<string, ObjectVersions>();
  let from: readonly (readonly [string, string])[] = [];
  for (let page = 0; page < mostPages; page++) {
    const text = await get(place, [["prefix", prefix], ["versions", ""], ...from]);
    for (const [, version = ""] of text.matchAll(/<Version>([\s\S]*?)<\/Version>/g)) {
      const [key, at] = [textOf(version, "Key"), Date.parse(textOf(version, "LastModified"))];
      if (key === "" || Number.isNaN(at)) throw new Error(`${place.url} lists a version without its key or its time`);
      const known = found.get(key);
      found.set(key, {
        versions: (known?.versions ?? 0) + 1,
        firstAt: Math.min(known?.firstAt ?? Number.POSITIVE_INFINITY, at),
      });
    }
    if (textOf(text, "IsTruncated") !== "true") return found;
    from = [
      ["key-marker", textOf(text, "NextKeyMarker")],
      ["version-id-marker", textOf(text, "NextVersionIdMarker")],
    ];
  }
  throw new Error(`${place.url} lists more than ${mostPages} pages of versions`);
}

function textOf(xml: string, name: string): string {
  const [, value = ""] = new RegExp(`<${name}>([^<]*)</${name}>`).exec(xml) ?? [];
  return value.replaceAll("&quot;", '"').replaceAll("&amp;", "&");
}

function get(place: S3Place, query: readonly (readonly [string, string])[]): Promise<string> {
  const url = new URL(place.url);
  const search = [...query]
    .filter(([name, value]) => value !== "" || name === "versions")
    .map(([name, value]) => `${encoded(name)}=${encoded(value)}`)
    .sort()
    .join("&");
  const headers = signedHeaders(place, url, search, new Date());
  const options: RequestOptions = {
    headers,
    timeout: timeoutMs,
    ...(place.authorityPem && { ca: place.authorityPem }),
  };
  return new Promise((resolve, reject) => {
    const asked = request(`${place.url}?${search}`, options, (answer) => {
      let text = "";
      answer.setEncoding("utf8");
      answer.on("data", (more: string) => {
        text += more;
        if (text.length > mostBytes)
          asked.destroy(new Error(`${place.url} answered with more than ${mostBytes} bytes`));
      });
      answer.on("end", () => {
        if (answer.statusCode === 200) return resolve(text);
        const code = textOf(text, "Code").replaceAll(/[^A-Za-z]/g, "");
        reject(new Error(`${place.url} answered ${answer.statusCode} ${code} to a list of its versions`));
      });
      answer.on("error", reject);
    });
    asked.on("timeout", () => asked.destroy(new Error(`${place.url} did not answer within ${timeoutMs / 1000} s`)));
    asked.on("error", reject);
    asked.end();
  });
}

/** https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html */
export function signedHeaders(
  { credentials, region }: Pick<S3Place, "credentials" | "region">,
  { host, pathname }: Pick<URL, "host" | "pathname">,
  search: string,
  now: Date,
): Record<string, string> {
  const moment = now.toISOString().replaceAll(/[-:]|\.\d+/g, "");
  const nothing = createHash("sha256").digest("hex");
  const sent: Record<string, string> = {
    host,
    "x-amz-content-sha256": nothing,
    "x-amz-date": moment,
    ...(credentials.sessionToken && { "x-amz-security-token": credentials.sessionToken }),
  };
  const names = Object.keys(sent).sort();
  const lines = names.map((name) => `${name}:${sent[name]}`);
  const canonical = ["GET", pathname, search, ...lines, "", names.join(";"), nothing].join("\n");
  const scope = `${moment.slice(0, 8)}/${region}/s3/aws4_request`;
  const toSign = ["AWS4-HMAC-SHA256", moment, scope, createHash("sha256").update(canonical).digest("hex")].join("\n");
  const key = scope
    .split("/")
    .reduce<string | Buffer>(
      (before, part) => createHmac("sha256", before).update(part).digest(),
      `AWS4${credentials.secretAccessKey}`,
    );
  const signature = createHmac("sha256", key).update(toSign).digest("hex");
  const who = `${credentials.accessKeyId}/${scope}`;
  return {
    ...sent,
    authorization: `AWS4-HMAC-SHA256 Credential=${who},SignedHeaders=${names.join(";")},Signature=${signature}`,
  };
}

const encoded = (text: string): string =>
  encodeURIComponent(text).replaceAll(/[!'()*]/g, (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`);
