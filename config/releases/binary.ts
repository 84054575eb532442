/** What is known of a program that a host can run. */
import type { Product } from "./catalogue";

export interface Binary {
  /** kubectl follows Kubernetes, etcdctl and etcdutl follow etcd, the others have versions of their own. */
  readonly product: Product;
  /** The Go module that holds the package, as toolchain/<product>/<version>/go.mod requires it at `v<version>`. */
  readonly module: string;
  /** The package with `func main`; the folder of `c.file` where that is what is compiled. */
  readonly goPackage: string;
  /** Build tags beside those of the release. */
  readonly tags?: readonly string[];
  /** Absent: all of it is Go. */
  readonly c?: InC;
  /**
   * Address of the official download; absent where nobody publishes it by itself. `{version}` has no leading "v", `{arch}` is an `Arch`,
   * `{machine}` the same as some publishers call it: x86_64 or arm64.
   */
  readonly url?: string;
  /** Where the binary lies inside the archive; absent where the download is the binary itself. */
  readonly member?: string;
}

/** What takes a C compiler, and is linked with what the distribution has: other bytes on another distribution. */
export interface InC {
  /** Static libraries that become part of it, as the linker names their files: "libc" is libc.a. */
  readonly libraries: readonly CLibrary[];
  /** A program of this one file. Absent: it is a program in Go with parts in C. */
  readonly file?: string;
}

export type CLibrary = "libc" | "libseccomp";
