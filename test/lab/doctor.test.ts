/**
 * The doctor on a running cluster. KILONODE_TEST_STACK names its stack, which must be up:
 * `node cli/kilonode.mjs up lab-small && KILONODE_TEST_STACK=lab-small npx vitest run --project lab test/lab/doctor.test.ts`
 */
import { execFile } from "node:child_process";
import { describe, expect, it } from "vitest";
import type { DoctorReport } from "../../cli/doctor/types";

const stack = process.env.KILONODE_TEST_STACK ?? "";

const doctor = (...args: string[]) => kilonode("doctor", stack, ...args);

function kilonode(...args: string[]): Promise<{ code: number; stdout: string; seconds: number }> {
  const started = performance.now();
  return new Promise((resolve) => {
    execFile("node", ["cli/kilonode.mjs", ...args], { maxBuffer: 2 ** 24 }, (error, stdout) => {
      const code = error ? Number(error.code ?? 1) : 0;
      resolve({ code, stdout, seconds: (performance.now() - started) / 1000 });
    });
  });
}

if (stack === "") {
  it.skip("doctor on a running cluster (skipped: KILONODE_TEST_STACK does not name a stack that is up)", () =>
    undefined);
} else {
  describe(`doctor on ${stack}`, () => {
    it("finds every setting in effect or explained, within 20 s", async () => {
      const { code, stdout, seconds } = await doctor("--json");
      const report = JSON.parse(stdout) as DoctorReport;
      const others = report.checks.filter(({ status }) => status === "failed" || status === "warning");
      expect(others.map(({ id, found, details }) => ({ id, found, details }))).toEqual([]);
      expect({ code, passed: report.passed }).toEqual({ code: 0, passed: true });
      for (const { id, because } of report.checks.filter(
        ({ status }) => status === "explained" || status === "skipped",
      ))
        expect(because, id).toBeTruthy();
      expect(seconds).toBeLessThan(20);
    });

    it("sees with --probe that a Secret is encrypted, and leaves nothing behind", async () => {
      const { code, stdout } = await doctor("--probe", "--json", "--explain", "encryption");
      expect(JSON.parse(stdout)).toMatchObject({ id: "encryption", status: "ok" });
      expect(code).toBe(0);
      const path = "jsonpath={range .items[*]}{.metadata.name} {.status.phase}{'\\n'}{end}";
      const { stdout: namespaces } = await kilonode("kubectl", stack, "get", "namespaces", "-o", path);
      expect(namespaces).toContain("kube-system Active");
      expect(namespaces).not.toMatch(/^kilonode-doctor-\w+ Active$/m);
    });

    it("refuses a check that it does not know", async () => {
      expect((await doctor("--explain", "nothing")).code).toBe(2);
    });
  });
}
