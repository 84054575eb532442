/**
 * The stacks of tests and benchmarks, each with addresses of its own: any of them can be up beside the others, and beside the stacks
 * that the project comes with.
 */
export const ranges = {
  e2e: "198.18.32.0/20",
  bench: "198.18.48.0/20",
  kept: "198.18.64.0/20",
  rolling: "198.18.80.0/20",
  upgrade: "198.18.96.0/20",
  badinput: "198.18.112.0/20",
  expired: "198.18.128.0/20",
  machines: "198.18.144.0/21",
  authorities: "198.18.152.0/21",
  why: "198.18.160.0/20",
  heal: "198.18.176.0/20",
  half: "198.18.192.0/20",
  turns: "198.18.208.0/20",
  keys: "198.18.224.0/20",
  grow: "198.18.240.0/20",
  backups: "10.45.0.0/20",
  restore: "10.46.0.0/20",
  restoring: "10.47.0.0/20",
  faults: "10.52.0.0/20",
  frozen: "10.52.16.0/20",
  defrag: "10.53.0.0/20",
  pages: "10.52.32.0/20",
  move: "10.54.0.0/20",
  cloud: "10.44.0.0/20",
} as const;
