/** What a command needs to run as root on a host, whoever logs in. */

/** sudo gives a command the path of its own configuration, which may lack /usr/local. */
const PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** The shell command that does `command` as root: as it is for root, else by `sudo -n`, which fails instead of asking. */
export function asRoot(user: string, command: string): string {
  return user === "root" ? command : `sudo -n env PATH=${PATH} sh -c ${quote(command)}`;
}

/** One word of a shell command, whatever is in it. */
export const quote = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;
