/** Binaries in the artifact bucket, where hosts fetch them by their sums: an object whose content can only ever be the same. */
import { nameOf, tagsOf } from "./names";
import type { AwsParts, Buckets } from "./parts";
import { type AwsResource, given, refTo, resource } from "./resource";

export function artifacts(parts: AwsParts, { artifacts: bucket }: Pick<Buckets, "artifacts">): readonly AwsResource[] {
  return binariesOf(parts.plan).map((binary) => {
    const name = nameOf(parts, binary);
    return resource("s3/bucketObjectv2:BucketObjectv2", name, {
      bucket: refTo(bucket, "bucket"),
      key: given(`artifactKey ${binary}`),
      source: given(`artifactFile ${binary}`),
      tags: tagsOf(parts, name),
    });
  });
}

/** Names of all that hosts and nodes run, each once. */
export function binariesOf({ hosts, pools }: Pick<AwsParts["plan"], "hosts" | "pools">): string[] {
  const machines = [...hosts.map(({ machine }) => machine), ...pools.map(({ template }) => template)];
  return [...new Set(machines.flatMap(({ binaries }) => Object.values(binaries).map(({ name }) => name)))].sort();
}
