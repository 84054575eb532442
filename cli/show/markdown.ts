/**
 * Markdown for a comment on GitHub: what others wrote (values, messages, names) stays a text between quotes of code, where nothing is a
 * link, a mention or a tag, and the whole is never longer than a comment may be.
 */

/** Of a comment's body, in characters: "Body is too long (maximum is 65536 characters)" is GitHub's answer to more. */
export const commentLimit = 65_536;

/** Hidden in the first line: by it a workflow finds the comment that it updates. */
export const marker = (command: string, stack: string): string =>
  `<!-- kilonode ${command} ${stack.replaceAll(/[^\w.-]/g, "")} -->`;

/** Lines that are folded away below a summary. */
export interface Fold {
  /** Made by `html` and `htmlCode`. */
  readonly summary: string;
  readonly language: "diff" | "text";
  readonly lines: readonly string[];
  /** True: shown unfolded. */
  readonly open?: true;
}

/** A paragraph, which is never cut, or a fold, which may be. */
export type Block = string | Fold;

/** @param log address of the log of the run, where all of it is */
export function comment(first: string, blocks: readonly Block[], log: string | undefined): string {
  const end = pointer(log);
  let text = `${first}\n`;
  for (const block of blocks) {
    const room = commentLimit - text.length - end.length;
    const whole = rendered(block);
    if (whole.length > room) return `${text}${typeof block === "string" ? "" : shortened(block, room)}${end}`;
    text += whole;
  }
  return text;
}

function pointer(log: string | undefined): string {
  const safe = log !== undefined && /^https?:\/\/[\w.:/-]{1,500}$/.test(log);
  const where = safe ? `[the log of the run](${log})` : "the log of the run";
  return `\n> [!NOTE]\n> Cut here: GitHub takes no more in one comment. All of it is in ${where} that made this comment.\n`;
}

function rendered(block: Block): string {
  if (typeof block === "string") return `\n${block}\n`;
  const { language, lines, open, summary } = block;
  return `\n<details${open ? " open" : ""}><summary>${summary}</summary>\n\n${fence(lines, language)}\n\n</details>\n`;
}

/** Of a fold as many lines as there is room for; nothing where that is hardly any. */
function shortened(fold: Fold, room: number): string {
  const lines = fold.lines.flatMap(linesOf);
  const cut = (kept: number) =>
    rendered({ ...fold, lines: [...lines.slice(0, kept), `... ${lines.length - kept} more lines`] });
  let [fits, tooMany] = [0, lines.length];
  while (tooMany - fits > 1) {
    const middle = Math.floor((fits + tooMany) / 2);
    if (cut(middle).length <= room) fits = middle;
    else tooMany = middle;
  }
  return fits < 3 ? "" : cut(fits);
}

/** A line of a fence; the rest of a longer one tells nobody more. */
const longestLine = 500;

/** A block of code whose fence is longer than any in it. */
export function fence(lines: readonly string[], language: Fold["language"]): string {
  const inside = lines.flatMap(linesOf).map((line) => shortenedTo(line, longestLine));
  const ticks = "`".repeat(Math.max(3, longestRun(inside) + 1));
  return [`${ticks}${language}`, ...inside, ticks].join("\n");
}

const linesOf = (text: string): string[] => clean(text).split("\n");

/** A span of code: one line, between more quotes than it holds. */
export function code(text: string, most = 300): string {
  const line = oneLine(text, most);
  const ticks = "`".repeat(longestRun([line]) + 1);
  const space = /^`|`$/.test(line) ? " " : "";
  return `${ticks}${space}${line}${space}${ticks}`;
}

/** The same within HTML, where Markdown is not read. */
export const htmlCode = (text: string, most = 300): string => `<code>${html(oneLine(text, most))}</code>`;

/** Words of our own within HTML. */
export const html = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");

function oneLine(text: string, most: number): string {
  return shortenedTo(clean(text).replaceAll(/\s+/g, " ").trim(), most) || "(nothing)";
}

function shortenedTo(line: string, most: number): string {
  return line.length > most ? `${line.slice(0, most).replace(/\p{Cs}$/u, "")}...` : line;
}

/** Without what is not seen, and what makes a line seem another one: control characters, and marks that turn the direction of writing. */
function clean(text: string): string {
  return text
    .replaceAll("\r\n", "\n")
    .replaceAll(/[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/gu, (mark) =>
      mark === "\n" || mark === "\t" ? mark : "\ufffd",
    );
}

function longestRun(lines: readonly string[]): number {
  const runs = lines.flatMap((line) => [...line.matchAll(/`+/g)].map(([run]) => run.length));
  return Math.max(0, ...runs);
}

/** An alert of GitHub's: each line of it a paragraph or an item of a list. */
export function alert(kind: "CAUTION" | "WARNING" | "NOTE", lines: readonly string[]): string {
  return [`> [!${kind}]`, ...lines.map((line) => `> ${line}`.trimEnd())].join("\n");
}

/** Items of a list that is never cut: the first of them, and how many more there are. */
export function firstItems(items: readonly string[], most = 20): string[] {
  return items.length <= most ? [...items] : [...items.slice(0, most), `- and ${items.length - most} more, in the log`];
}
