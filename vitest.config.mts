import { defineConfig } from "vitest/config";

// Four projects, one after the other, since each keeps the machine busy: `unit` (pure, seconds), `engine` (the rehearsal engine
// and its child processes, a whole cluster on a platform of the test's own), `binaries` (flags and files given to the real programs), `lab` (real hosts: Linux, root).
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: "unit",
          include: ["test/unit/**/*.test.ts", "test/toolchain/**/*.test.ts"],
          testTimeout: 60_000,
          hookTimeout: 120_000,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          name: "engine",
          include: ["test/engine/**/*.test.ts", "test/platform/**/*.test.ts"],
          testTimeout: 120_000,
          hookTimeout: 120_000,
          sequence: { groupOrder: 2 },
        },
      },
      {
        test: {
          name: "binaries",
          include: ["test/binaries/**/*.test.ts"],
          globalSetup: "test/binaries/support/setup.ts",
          testTimeout: 300_000,
          hookTimeout: 300_000,
          fileParallelism: false,
          sequence: { groupOrder: 3 },
        },
      },
      {
        test: {
          name: "lab",
          include: ["test/lab/**/*.test.ts"],
          globalSetup: "test/lab/setup.ts",
          testTimeout: 600_000,
          hookTimeout: 900_000,
          fileParallelism: false,
          sequence: { groupOrder: 4 },
        },
      },
    ],
  },
});
