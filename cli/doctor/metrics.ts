/** Reads Prometheus' text format (https://prometheus.io/docs/instrumenting/exposition_formats/). */

export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export function readMetrics(text: string): Sample[] {
  return text.split("\n").flatMap((line) => {
    const [, name, labels = "", value] = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)/.exec(line) ?? [];
    return name === undefined ? [] : [{ name, labels: readLabels(labels), value: Number(value) }];
  });
}

function readLabels(text: string): Record<string, string> {
  const found = text.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g);
  return Object.fromEntries([...found].map(([, name = "", value = ""]) => [name, value]));
}

export function select(
  samples: readonly Sample[],
  name: string,
  labels: Readonly<Record<string, string>> = {},
): Sample[] {
  const wanted = Object.entries(labels);
  return samples.filter(
    (sample) => sample.name === name && wanted.every(([key, value]) => sample.labels[key] === value),
  );
}

export const sum = (samples: readonly Sample[]): number => samples.reduce((total, { value }) => total + value, 0);

/**
 * The bucket that holds the largest observation of each series of a histogram.
 * @returns series without `le`, and the bucket's upper bound (infinite: above the last one)
 */
export function largestBuckets(samples: readonly Sample[], name: string): { labels: Sample["labels"]; upTo: number }[] {
  const series = new Map<string, { labels: Sample["labels"]; buckets: { upTo: number; value: number }[] }>();
  for (const { labels: all, value } of select(samples, `${name}_bucket`)) {
    const { le = "+Inf", ...labels } = all;
    const key = JSON.stringify(labels);
    const entry = series.get(key) ?? { labels, buckets: [] };
    entry.buckets.push({ upTo: le === "+Inf" ? Number.POSITIVE_INFINITY : Number(le), value });
    series.set(key, entry);
  }
  return [...series.values()].flatMap(({ labels, buckets }) => {
    const total = Math.max(...buckets.map(({ value }) => value));
    const holding = buckets.filter(({ value }) => value >= total).map(({ upTo }) => upTo);
    return total > 0 ? [{ labels, upTo: Math.min(...holding) }] : [];
  });
}
