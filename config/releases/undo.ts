/** What of a step from one release to another can be taken back: said before the step begins (docs/releases.md, "The way back"). */
import { type Releases, titles } from "./index";

const page = "docs/releases.md#the-way-back";

/** One sentence. @param from as hosts say it, so perhaps no version at all */
export function undoText(product: keyof Releases, from: string, to: string): string {
  const step = `${titles[product]} ${from} -> ${to}`;
  const [old, wanted] = [minorOf(from), minorOf(to)];
  if (old === wanted) return `${step}: can be taken back by setting the older one`;
  if (product === "etcd" && wanted < old)
    return `${step}: etcd's own downgrade; can be given up by setting ${from} again, until all members have ${to}; an upgrade leads up again afterwards`;
  if (product === "etcd")
    return `${step}: can be taken back by etcd's own downgrade, asked for by \`etcd.downgradeTo\` (${page}); a snapshot that is taken afterwards can only be restored with ${minorName(to)}`;
  return `${step}: CANNOT be taken back once all API servers have it: an older one cannot read objects that use what is new. What is left then is a restore of the snapshots from before, without what was written since (${page})`;
}

const minorOf = (version: string): number => Number(version.split(".")[1] ?? 0);
const minorName = (version: string): string => version.split(".").slice(0, 2).join(".");
