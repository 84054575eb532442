import { defineConfig } from "vitest/config";
import { LongestFirst } from "./test/longest-first";

// Four projects: `unit` (pure) beside `engine` (the rehearsal engine and its child processes, a whole cluster on a platform of the
// test's own), then `binaries` (flags and files given to the real programs, at their own ports), then `lab` (real hosts: Linux,
// root).
const sideBySide = 2;

export default defineConfig({
  test: {
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        test: {
          name: "unit",
          include: ["test/unit/**/*.test.ts", "test/toolchain/**/*.test.ts"],
          testTimeout: 600_000,
          hookTimeout: 300_000,
          maxWorkers: sideBySide,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          name: "engine",
          include: ["test/engine/**/*.test.ts", "test/platform/**/*.test.ts"],
          testTimeout: 900_000,
          hookTimeout: 600_000,
          maxWorkers: sideBySide,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          name: "binaries",
          include: ["test/binaries/**/*.test.ts"],
          globalSetup: "test/binaries/support/setup.ts",
          testTimeout: 900_000,
          hookTimeout: 600_000,
          fileParallelism: false,
          sequence: { groupOrder: 2 },
        },
      },
      {
        test: {
          name: "lab",
          include: ["test/lab/**/*.test.ts"],
          globalSetup: "test/lab/setup.ts",
          testTimeout: 2_400_000,
          hookTimeout: 1_200_000,
          // An idle cluster of three masters takes half a core: more of them beside each other make all of them late.
          maxWorkers: sideBySide,
          sequence: { groupOrder: 3 },
        },
      },
    ],
  },
});
