/**
 * What runs on a host is a program with its arguments, and each of them reaches it as it is, whatever is in it. This is the only
 * place that writes text for a host's shell.
 */

/** The program, then its arguments. `NAME=value` before it sets a variable. */
export type Words = readonly string[];

/** sudo gives a command the path of its own configuration, which may lack /usr/local. */
const PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** The shell command that runs it as root, whoever logs in: as it is for root, else by `sudo -n`, which fails instead of asking. */
export function asRoot(user: string, words: Words): string {
  const all = user === "root" ? words : ["sudo", "-n", "env", `PATH=${PATH}`, ...words];
  return all.map(quoted).join(" ");
}

const quoted = (word: string): string => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`);
