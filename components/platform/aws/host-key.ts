/**
 * The key that a host is known by. It is made on the host at its first boot and printed on its console, which AWS shows to nobody but the
 * account's own: so it is believed. Between these lines: boot/usr/local/sbin/show-host-key.
 */
const [begin, end] = ["-----BEGIN KILONODE HOST KEY-----", "-----END KILONODE HOST KEY-----"];
const key = /^ssh-ed25519 [A-Za-z0-9+/]{68}$/;

/** The last one that a console shows: it prints it at each boot. undefined: none yet. */
export function hostKeyOn(console: string): string | undefined {
  const lines = console.split(/\r?\n/).map((line) => line.trim());
  const found = lines.flatMap((line, index) => {
    const next = lines[index + 1] ?? "";
    return line.endsWith(begin) && lines[index + 2] === end && key.test(next) ? [next] : [];
  });
  return found.at(-1);
}
