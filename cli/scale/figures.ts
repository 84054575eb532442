/** What the page draws, also as JSON: lines of the model over a range of nodes, and published figures. */
import type { Notice, Scale } from "../../config/scale";

/** One line of a chart: pairs of nodes and value. */
export interface Line {
  readonly name: string;
  readonly points: readonly (readonly [nodes: number, value: number])[];
  /** The marked size on this line. */
  readonly here?: number;
  /** A ladder: level until the next size. */
  readonly steps: boolean;
}

/** A published figure: a line over all sizes, or one point. */
export interface Reference {
  readonly name: string;
  readonly value: number;
  /** Absent: it holds at every size. */
  readonly nodes?: number;
  /** Where the name of a point goes. Default left. */
  readonly side?: "left" | "right";
  /** A limit is drawn stronger than a figure for orientation. */
  readonly limit: boolean;
  readonly source: string;
}

export interface Chart {
  readonly id: string;
  readonly title: string;
  readonly unit: string;
  readonly scale: "log" | "linear";
  readonly note: string;
  readonly lines: readonly Line[];
  readonly references: readonly Reference[];
}

/** A size in the table. */
export type Row = Readonly<Record<string, number | string>>;

export interface Figures {
  readonly range: readonly [number, number];
  /** The marked size. */
  readonly at: { readonly nodes: number; readonly pods: number };
  readonly versions: Scale["versions"];
  readonly charts: readonly Chart[];
  readonly points: readonly Row[];
  /** The marked size as such a row. */
  readonly here: Row;
  /** Each notice with the smallest number of nodes at which it appears. */
  readonly notices: readonly (Notice & { readonly fromNodes: number })[];
}
