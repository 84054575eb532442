/** The images that are made of our own binaries: what is in each, and how it starts. How they are made: toolchain/images. */
import type { BinaryName } from "./binaries";

export interface Image {
  /** What it starts, then what else is in it. The first one's version is the image's. */
  readonly programs: readonly [BinaryName, ...BinaryName[]];
  /** Where they are: the only folder in it, so that there is no shell and no package that somebody has to mend. */
  readonly folder: "/usr/local/bin" | "/";
  /** User and group that it runs as where a pod names no others; never root. By number: there is no list of users in it. */
  readonly user: string;
}

/** The user of images that need no rights, as distroless images have it. */
const nonroot = "65532:65532";

function component(...programs: Image["programs"]): Image {
  return { programs, folder: "/usr/local/bin", user: nonroot };
}

export const images = {
  "kube-apiserver": component("kube-apiserver"),
  "kube-controller-manager": component("kube-controller-manager"),
  "kube-scheduler": component("kube-scheduler"),
  etcd: component("etcd", "etcdctl", "etcdutl"),
  // As upstream's own has it.
  pause: { programs: ["pause"], folder: "/", user: "65535:65535" },
} as const satisfies Readonly<Record<string, Image>>;

export type ImageName = keyof typeof images;

export const imageNames = Object.keys(images) as ImageName[];

/**
 * The registry in the names of our images. Nothing answers there (`.internal` is reserved for private use): a container runtime finds in its
 * own configuration who serves it, so that a name, and so a pod, stays what it is wherever the images are kept.
 */
const registry = "images.kilonode.internal";

/** @param digest "sha256:..." of its manifest; undefined: it is not made yet */
export function imageReference(name: ImageName, version: string, digest?: string): string {
  return `${registry}/${name}:v${version}${digest === undefined ? "" : `@${digest}`}`;
}
