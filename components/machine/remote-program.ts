/**
 * The shell command that runs a Python program of `files/` on a host: the program travels in the command, the host needs
 * nothing but python3, and stdin stays free for the content.
 *
 * The text is read by the interpreter's own first line, not given as a script path: bash makes a here-document a pipe, so
 * a program given as /dev/fd/3 could not read its text a second time to install itself.
 */
export function remoteProgram(text: string, args: readonly string[] = []): string {
  const run = 'program = open(3).read(); exec(compile(program, "kilonode", "exec"))';
  const words = ["python3", "-IS", "-c", shellQuote(run), ...args.map(shellQuote)];
  return `${words.join(" ")} 3<<'KILONODE'\n${text.replace(/\n?$/, "\n")}KILONODE\n`;
}

function shellQuote(word: string): string {
  return /^[A-Za-z0-9_.,:/=@%+-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
