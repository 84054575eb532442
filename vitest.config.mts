import { defineConfig } from "vitest/config";

// Three projects: `unit` (pure, seconds), `engine` (the rehearsal engine and its child processes), `lab` (real hosts: Linux, root).
export default defineConfig({
  test: {
    projects: [
      { test: { name: "unit", include: ["test/unit/**/*.test.ts", "test/toolchain/**/*.test.ts"], testTimeout: 30_000 } },
      { test: { name: "engine", include: ["test/engine/**/*.test.ts"], testTimeout: 120_000, hookTimeout: 120_000 } },
      {
        test: {
          name: "lab",
          include: ["test/lab/**/*.test.ts"],
          testTimeout: 600_000,
          hookTimeout: 900_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
