/**
 * Where everything of a cluster's picture stands: a table of groups and zones, so that a zone is a column from top to bottom. A library that
 * lays out graphs (dagre, ELK, Graphviz) places nodes by their edges, and would have to be held to this table by hand.
 */
import type { MachineVolume } from "../../components/machine/machine";
import type { ClusterPlan, HostPlan } from "../../components/plan/types";
import { type InstanceType, instanceNamed } from "../../config/instances";
import { shortList } from "./names";

export type Tone = "master" | "etcd" | "balancer" | "pool" | "frame" | "card";

/** In pixels, as everything here. */
export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly tone: Tone;
}

export interface Label {
  readonly text: string;
  /** Of the start, the middle or the end of the base line. */
  readonly x: number;
  readonly y: number;
  readonly anchor: "start" | "middle" | "end";
  readonly font: Font;
}

export interface Arrow {
  readonly x: number;
  readonly from: number;
  readonly to: number;
}

/** Between two zones. */
export type Divider = Arrow;

/** A disk in front of a volume's label. */
export interface Disk {
  readonly x: number;
  readonly y: number;
}

export interface Picture {
  /** One sentence for those who do not see it. */
  readonly description: string;
  readonly width: number;
  readonly height: number;
  readonly boxes: readonly Box[];
  readonly labels: readonly Label[];
  readonly arrows: readonly Arrow[];
  readonly dividers: readonly Divider[];
  readonly disks: readonly Disk[];
}

export interface FontShape {
  readonly size: number;
  readonly weight?: 600;
  readonly mono?: true;
}

export const fonts = {
  title: { size: 20, weight: 600 },
  heading: { size: 14, weight: 600 },
  name: { size: 13, weight: 600 },
  text: { size: 12 },
  address: { size: 12, mono: true },
} as const satisfies Record<string, FontShape>;
export type Font = keyof typeof fonts;

/** Rather too much than too little: the fonts of readers differ. */
export function textWidth(text: string, font: Font): number {
  const { mono, size, weight }: FontShape = fonts[font];
  const wide = (character: string) =>
    /[mwMW@%\u2026]/.test(character) ? 0.9 : /[A-Z0-9]/.test(character) ? 0.64 : 0.57;
  const narrow = /[iljtfr.,:;'|!()[\] /-]/;
  const width = [...text].reduce((sum, one) => sum + (mono ? 0.61 : narrow.test(one) ? 0.38 : wide(one)), 0);
  return width * size * (weight ? 1.06 : 1);
}

function fitted(text: string, font: Font, width: number): string {
  if (textWidth(text, font) <= width) return text;
  let characters = [...text];
  while (characters.length > 1 && textWidth(`${characters.join("")}\u2026`, font) > width)
    characters = characters.slice(0, -1);
  return `${characters.join("").trimEnd()}\u2026`;
}

const margin = 20;
const padding = 16;
const gap = 8;
const zoneGap = 20;
const arrowRoom = 34;
const line = 18;

interface Group {
  readonly title: string;
  /** Beside the title: what a shard holds. */
  readonly holds?: string;
  readonly size: string;
  readonly tone: "master" | "etcd";
  readonly hosts: readonly HostPlan[];
}

/** @param hasInstances true: hosts are instances of the types that the scale names */
export function pictureOf(plan: ClusterPlan, hasInstances: boolean): Picture {
  const groups = groupsOf(plan, hasInstances);
  const zones = [...new Set(groups.flatMap(({ hosts }) => hosts.map(({ zone }) => zone)))].sort();
  const most = Math.max(
    ...groups.flatMap(({ hosts }) => zones.map((zone) => hosts.filter((one) => one.zone === zone).length)),
  );
  const perRow = Math.max(1, Math.min(most, Math.floor(6 / zones.length)));
  const cardWidth = perRow * zones.length <= 3 ? 200 : 148;
  const zoneWidth = perRow * (cardWidth + gap) - gap;
  const inner = zones.length * (zoneWidth + zoneGap) - zoneGap;
  const full = inner + 4 * padding;
  const sheet = new Sheet(plan.stack);

  sheet.say(summary(plan), { font: "title", x: margin, y: margin + 18, width: full });
  sheet.say(ranges(plan), { font: "text", x: margin, y: margin + 40, width: full });
  let y = margin + 58;

  const pools = poolTexts(plan);
  for (let first = 0; first < pools.length; first += 3) {
    const row = pools.slice(first, first + 3);
    const width = Math.floor((full - (row.length - 1) * gap) / row.length);
    for (const [index, [title, text]] of row.entries())
      sheet.strip({ tone: "pool", x: margin + index * (width + gap), y, width, title, text });
    y += stripHeight + gap;
  }
  if (pools.length > 0) y = sheet.arrow(margin + full / 2, y - gap, "API, 6443");

  const { balancer, endpoint } = plan.api;
  const own = balancer ? `${ownName(plan, balancer.name)} ${balancer.address}, ${endpoint}` : endpoint;
  sheet.strip({ tone: "balancer", x: margin, y, width: full, title: "load balancer", text: own });
  y = sheet.arrow(margin + full / 2, y + stripHeight, "6443");

  const frame = y;
  const left = margin + 2 * padding;
  const column = (zone: string) => left + zones.indexOf(zone) * (zoneWidth + zoneGap);
  for (const zone of zones)
    sheet.say(`zone ${zone}`, {
      font: "heading",
      x: column(zone) + zoneWidth / 2,
      y: y + 26,
      width: zoneWidth,
      anchor: "middle",
    });
  y += 38;
  for (const [index, group] of groups.entries()) {
    if (index > 0 && groups[index - 1]?.tone !== group.tone) y = sheet.arrow(margin + full / 2, y - gap, "etcd, 2379");
    y =
      sheet.group(group, { x: margin + padding, y, width: full - 2 * padding, zones, column, perRow, cardWidth }) + gap;
  }
  sheet.frame({ x: margin, y: frame, width: full, height: y - gap + padding - frame, tone: "frame" });
  return sheet.picture({
    description: `${summary(plan)}; ${ranges(plan)}`,
    width: full + 2 * margin,
    height: y - gap + padding + margin,
  });
}

const summary = ({ hosts, shards, stack }: ClusterPlan): string => {
  const masters = hosts.filter(({ role }) => role === "master").length;
  const members = shards.reduce((sum, shard) => sum + shard.members.length, 0);
  return `${stack}: ${masters} masters, ${members} etcd hosts in ${shards.length} shard${shards.length === 1 ? "" : "s"}`;
};

const ranges = ({ network, platform, releases }: ClusterPlan): string =>
  `Kubernetes ${releases.kubernetes}, etcd ${releases.etcd}, on ${platform}; hosts ${network.hosts}, nodes ${network.nodes}`;

function groupsOf({ hosts, scale, shards }: ClusterPlan, hasInstances: boolean): Group[] {
  const size = (count: number, what: string, type: string) =>
    hasInstances ? `${count} \u00d7 ${type}${sizeOf(instanceNamed(type))}` : `${count} ${what}`;
  const masters = hosts.filter(({ role }) => role === "master");
  return [
    { title: "masters", size: size(masters.length, "masters", scale.masters.instance), tone: "master", hosts: masters },
    ...shards.map(
      ({ members, name, resources }): Group => ({
        title: `etcd ${name}`,
        holds: resources.join(", ") || "everything else",
        size: size(
          members.length,
          members.length === 1 ? "member" : "members",
          scale.etcd.shards[name]?.host.instance ?? "",
        ),
        tone: "etcd",
        hosts: hosts.filter((host) => members.some((member) => member.name === host.name)),
      }),
    ),
  ];
}

const sizeOf = (type: InstanceType | undefined): string => (type ? `, ${type.vcpus} vCPU, ${type.memoryGiB} GiB` : "");

function poolTexts({ hosts, network, pools, simulatedNodes, stack }: ClusterPlan): [string, string][] {
  const simulators = hosts
    .filter(({ role }) => role === "node-simulator")
    .map(({ name }) => name.replace(`${stack}-`, ""));
  return [
    ...pools.map(({ count, name }): [string, string] => [
      `pool ${name}`,
      `${count.toLocaleString("en-US")} nodes in ${network.nodes}`,
    ]),
    ...(simulators.length > 0
      ? [
          ["simulated nodes", `${simulatedNodes.toLocaleString("en-US")} of ${shortList(simulators)}`] as [
            string,
            string,
          ],
        ]
      : []),
  ];
}

const ownName = ({ stack }: Pick<ClusterPlan, "stack">, host: string): string =>
  host.startsWith(`${stack}-`) ? host.slice(stack.length + 1) : host;

const stripHeight = 42;
const headHeight = 34;

interface Rows {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly zones: readonly string[];
  readonly column: (zone: string) => number;
  readonly perRow: number;
  readonly cardWidth: number;
}

/** What was drawn so far; boxes that hold others come first. */
class Sheet {
  readonly #boxes: Box[] = [];
  readonly #frames: Box[] = [];
  readonly #labels: Label[] = [];
  readonly #arrows: Arrow[] = [];
  readonly #dividers: Divider[] = [];
  readonly #disks: Disk[] = [];

  constructor(private readonly stack: string) {}

  say(
    text: string,
    {
      anchor = "start",
      font,
      width,
      x,
      y,
    }: Pick<Label, "font" | "x" | "y"> & { readonly width: number; readonly anchor?: Label["anchor"] },
  ): void {
    this.#labels.push({ text: fitted(text, font, width), x, y, anchor, font });
  }

  frame(box: Box): void {
    this.#frames.unshift(box);
  }

  /** A box with a title and, at its right, a text. */
  strip({ text, title, ...box }: Omit<Box, "height"> & { readonly title: string; readonly text: string }): void {
    this.#frames.push({ ...box, height: stripHeight });
    this.#titled({ ...box, height: stripHeight }, title, text, "");
  }

  /** @returns where its point is */
  arrow(x: number, from: number, what: string): number {
    const to = from + arrowRoom;
    this.#arrows.push({ x, from: from + 4, to: to - 4 });
    this.say(what, { font: "text", x: x + 12, y: from + arrowRoom / 2 + 4, width: 200 });
    return to;
  }

  /** @returns its end */
  group(
    { holds = "", hosts, size, title, tone }: Group,
    { cardWidth, column, perRow, width, x, y, zones }: Rows,
  ): number {
    const cardHeight = 2 * line + 14 + Math.max(...hosts.map(({ machine }) => machine.volumes.length)) * line;
    let rows = 0;
    for (const zone of zones) {
      const ofZone = hosts.filter((host) => host.zone === zone);
      rows = Math.max(rows, Math.ceil(ofZone.length / perRow));
      for (const [index, host] of ofZone.entries()) {
        const [row, place] = [Math.floor(index / perRow), index % perRow];
        const at = { x: column(zone) + place * (cardWidth + gap), y: y + headHeight + row * (cardHeight + gap) };
        this.#card(host, { ...at, width: cardWidth, height: cardHeight, tone: "card" });
      }
    }
    const height = headHeight + rows * (cardHeight + gap) - gap + padding;
    this.#frames.push({ x, y, width, height, tone });
    for (const zone of zones.slice(1))
      this.#dividers.push({ x: column(zone) - zoneGap / 2, from: y + headHeight, to: y + height - padding });
    this.#titled({ x, y, width, height: headHeight }, title, size, holds);
    return y + height;
  }

  /** The title at the left, what it is about beside it, its size at the right: each has the room that the others leave. */
  #titled({ height, width, x, y }: Omit<Box, "tone">, title: string, text: string, holds: string): void {
    const room = width - 2 * padding;
    const base = y + height / 2 + 5;
    this.say(title, { font: "heading", x: x + padding, y: base, width: room / 3 });
    const used = Math.min(textWidth(title, "heading"), room / 3) + padding;
    const right = Math.min(textWidth(text, "text"), room - used);
    this.say(text, { font: "text", x: x + width - padding, y: base, width: room - used, anchor: "end" });
    const left = room - used - right - padding;
    if (holds !== "" && left > 40) this.say(holds, { font: "text", x: x + padding + used, y: base, width: left });
  }

  #card({ address, machine, name }: HostPlan, box: Box): void {
    this.#boxes.push(box);
    const [x, width] = [box.x + 12, box.width - 20];
    this.say(ownName({ stack: this.stack }, name), { font: "name", x, y: box.y + 20, width });
    this.say(address, { font: "address", x, y: box.y + 20 + line, width });
    for (const [index, volume] of machine.volumes.entries()) {
      const y = box.y + 20 + (2 + index) * line;
      this.#disks.push({ x, y: y - 10 });
      this.say(volumeText(volume), { font: "text", x: x + 18, y, width: width - 18 });
    }
  }

  picture(of: Pick<Picture, "description" | "height" | "width">): Picture {
    const boxes = [...this.#frames, ...this.#boxes];
    return { ...of, boxes, labels: this.#labels, arrows: this.#arrows, dividers: this.#dividers, disks: this.#disks };
  }
}

const volumeText = ({ name, sizeGiB }: MachineVolume): string => `${name} ${sizeGiB.toLocaleString("en-US")} GiB`;
