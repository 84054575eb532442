/** Colours, only where somebody sees them. */
export interface Style {
  bold(text: string): string;
  dim(text: string): string;
  red(text: string): string;
  green(text: string): string;
  yellow(text: string): string;
}

const codes = { bold: [1, 22], dim: [2, 22], red: [31, 39], green: [32, 39], yellow: [33, 39] } as const;

export function styleFor(colours: boolean): Style {
  const paint = (name: keyof typeof codes) => (text: string) =>
    colours ? `\x1b[${codes[name][0]}m${text}\x1b[${codes[name][1]}m` : text;
  return { bold: paint("bold"), dim: paint("dim"), red: paint("red"), green: paint("green"), yellow: paint("yellow") };
}

export const plainStyle: Style = styleFor(false);

/** https://no-color.org */
export function styleOf(stream: { isTTY?: boolean }, env: NodeJS.ProcessEnv = process.env): Style {
  return styleFor(stream.isTTY === true && !env.NO_COLOR && env.TERM !== "dumb");
}
