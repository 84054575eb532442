/**
 * What a host is told at its first boot: who is let in, and how it names its disks. Everything else comes over SSH, as on any host. The same
 * text for all hosts but their names, and nothing secret: everybody who may describe an instance can read it.
 */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { stringify } from "yaml";

/** Of EC2, before it is encoded (https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/user-data.html). */
export const userDataLimitBytes = 16_384;

/** Mirrors "/" of a host. */
const tree = join(__dirname, "boot");
/** What every host runs: a name a line, and comments. */
const packages = join(__dirname, "../../machine/packages");

/** @param hostname absent: the name that EC2 gives */
export function userData(hostname?: string): string {
  const config = {
    ...(hostname !== undefined && { hostname }),
    // Without the image's own user: root is let in by the key of the program, and nobody else.
    users: [{ name: "root", lock_passwd: true }],
    disable_root: false,
    ssh_pwauth: false,
    // The host's key is made here and never leaves.
    ssh_deletekeys: true,
    ssh_genkeytypes: ["ed25519"],
    write_files: [...bootFiles(), packageList()],
    runcmd: [
      ["udevadm", "settle"],
      ["/usr/local/sbin/name-disks"],
      ["udevadm", "control", "--reload"],
      ["udevadm", "trigger", "--settle", "--subsystem-match=block"],
      ["systemctl", "daemon-reload"],
      ["/usr/local/sbin/install-packages"],
      ["systemctl", "restart", "ssh.service"],
      ["systemctl", "enable", "--now", "show-host-key.service"],
    ],
  };
  return limited(`#cloud-config\n${stringify(config, { lineWidth: 0 })}`);
}

function bootFiles() {
  const names = readdirSync(tree, { recursive: true, encoding: "utf8" }).sort();
  return names.flatMap((name) => {
    const status = statSync(join(tree, name));
    if (!status.isFile()) return [];
    const permissions = (status.mode & 0o100) !== 0 ? "0755" : "0644";
    return [{ path: `/${name}`, permissions, content: readFileSync(join(tree, name), "utf8") }];
  });
}

function packageList() {
  const names = readFileSync(packages, "utf8").replace(/^#.*\n/gm, "");
  return { path: "/usr/local/share/kilonode/packages", permissions: "0644", content: names };
}

function limited(text: string): string {
  const bytes = Buffer.byteLength(text);
  if (bytes <= userDataLimitBytes) return text;
  throw new Error(`user-data of ${bytes} bytes; EC2 takes ${userDataLimitBytes}: shorten components/platform/aws/boot`);
}
