/** An authority lives longer than its certificates, and whoever reads it only once is restarted for a new one. */
import { describe, expect, it } from "vitest";
import { clusterOf, planOf, problemsOf } from "../support/plans";
import { smallConfiguration } from "./cli-fixture";

describe("an authority", () => {
  it("must live at least twice as long as its certificates", () => {
    const problems = (certificates: object) => problemsOf({ platform: "lab", certificates });
    expect(problems({ authorityDays: 1 })).toEqual([
      expect.stringMatching(
        /^certificates\.authorityDays: 1 days for an authority, and 365 .* take at least twice as long, 730/,
      ),
    ]);
    expect(problems({ authorityDays: 729 })).toHaveLength(1);
    expect(problems({ authorityDays: 730 })).toEqual([]);
    expect(problems({ authorityDays: 60, days: 30, renewBeforeDays: 10 })).toEqual([]);
  });
});

describe("an authority's file", () => {
  /** A service reads it anew by itself: the API server those of its own clients (dynamic_cafile_content.go). */
  const readAnew = ["front-proxy-ca.crt"];

  it.each([
    ["units", planOf("lab")],
    ["a small lab", clusterOf("lab-small", smallConfiguration).plan],
  ])("restarts or reloads who reads it: %s", (_what, { hosts }) => {
    for (const { name, machine, pem } of hosts) {
      const acted = Object.values(machine.services).flatMap((service) => [
        ...service.restartOn,
        ...(service.kind === "unit" ? service.reloadOn : []),
      ]);
      const paths = Object.entries(pem).flatMap(([path, { kind }]) => (kind === "authorities" ? [path] : []));
      const silent = paths.filter(
        (path) => !acted.includes(path) && !readAnew.some((file) => path.endsWith(`/${file}`)),
      );
      expect([name, silent]).toEqual([name, []]);
    }
  });
});
