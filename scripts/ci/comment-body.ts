/** The body of a comment, from a text that a run of the pull request's own code has made. */
import { longestBody } from "./github";

export const previewMark = (stack: string) => `<!-- kilonode preview ${stack} -->`;
export const isPreviewMark = (mark: string) => mark.startsWith("<!-- kilonode preview ");

/** Of a stack that an earlier commit of the pull request had an effect on. */
export const outdatedBody = (mark: string) => `${mark}\nThe change has no effect on this stack any more.\n`;

/**
 * @param trusted true: whoever could change the text may write to the repository anyhow, so it is Markdown as it is.
 * Otherwise it is shown as text, in a fence that nothing in it can end: no mention, link, image or mark of ours in it has an effect.
 */
export function commentBody(stack: string, text: string, trusted: boolean, run: string): string {
  const mark = previewMark(stack);
  const readable = cleaned(text);
  const content = readable.startsWith(`${mark}\n`) ? readable.slice(mark.length + 1) : readable;
  if (trusted) return cut([mark, ""].join("\n"), content, "");
  const head = [
    mark,
    `Preview of \`${stack}\`, made by [a run](${run}) of code from a fork. It is shown as that run has written it:`,
    "",
    "",
  ].join("\n");
  const runs = [...content.matchAll(/`+/g)].map(([ticks]) => ticks.length);
  const fence = "`".repeat(Math.max(2, ...runs) + 1);
  return cut(`${head}${fence}diff\n`, content, `\n${fence}\n`);
}

/** A fence grows with the longest run of backticks: a longer one than this is no Markdown of ours. */
const longestTicks = 8;

/** Without what is there to deceive: control characters (also other ends of lines), and what turns the direction of a text. */
function cleaned(text: string): string {
  return text.replace(/[^\P{C}\n\t]/gu, "").replace(new RegExp(`\`{${longestTicks},}`, "g"), "`".repeat(longestTicks));
}

const gone = "\n... (cut: the whole text is in the log of the run)";

function cut(head: string, content: string, tail: string): string {
  const room = longestBody - head.length - tail.length;
  if (content.length <= room) return `${head}${content}${tail}`;
  // Never half of a character that takes two places.
  const kept = content.slice(0, room - gone.length).replace(/[\uD800-\uDBFF]$/, "");
  return `${head}${kept}${gone}${tail}`;
}
