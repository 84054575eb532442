/** The text of a comment on a pull request: the six changes that a reviewer meets, and what nobody can make of it. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { diagnose } from "../../cli/doctor";
import { costBefore } from "../../cli/show/cost";
import { creationOf } from "../../cli/show/creation";
import { type Block, code, comment, commentLimit, fence, htmlCode } from "../../cli/show/markdown";
import { doctorMarkdown } from "../../cli/show/markdown-doctor";
import { driftMarkdown } from "../../cli/show/markdown-drift";
import { previewMarkdown, refusalMarkdown } from "../../cli/show/markdown-preview";
import { previewReport } from "../../cli/show/preview";
import type { RunReport } from "../../cli/show/summary";
import { changeProblems, commitmentsOf } from "../../components/plan/commitments";
import { aws } from "../../components/platform/aws";
import type { PolicyViolation } from "../../engine";
import { onApi, recorded, recordedPlan } from "./doctor-recorded/fixture";
import { type Cluster, clusterWith, stepsBetween, withMachines } from "./markdown-steps";

const prod = clusterWith("prod-a");
const log = "https://github.com/example/clusters/actions/runs/1";

function commentOf(before: Cluster, after: Cluster, more: Partial<RunReport> = {}): string {
  const result = stepsBetween(before, after);
  const cost = costBefore(result.steps, aws.instances!);
  const report: RunReport = {
    stack: after.plan.stack,
    engine: "rehearsal",
    action: "preview",
    result: "succeeded",
    changes: result.changes,
    costUsdPerMonth: after.plan.scale.cost.total,
    ...(cost !== undefined && { costBeforeUsdPerMonth: cost }),
    durationMs: 1000,
    phases: [],
    diagnostics: [],
    policy: [],
    failures: [],
    outputs: {},
    ...more,
  };
  return previewMarkdown(report, previewReport(result, after.plan, aws), after.plan, log);
}

const golden = (name: string) => `golden/markdown/${name}.md`;

describe("a comment says of", () => {
  test("one sysctl: one line for all masters, and that nothing restarts", async () => {
    const tuned = withMachines(prod, (machine, host) =>
      host.includes("-master-")
        ? { ...machine, sysctls: { ...machine.sysctls, "net.core.somaxconn": { value: "65536", floor: true } } }
        : machine,
    );
    await expect(commentOf(prod, tuned)).toMatchFileSnapshot(golden("sysctl"));
  });

  test("a patch release of etcd: who restarts in which order, and for how long", async () => {
    const older = withMachines(prod, (machine) => {
      const binaries = Object.entries(machine.binaries).map(([path, binary]) =>
        binary.name === "etcd" ? [path, { ...binary, version: "3.7.2", sha256: "sum-of-3.7.2" }] : [path, binary],
      );
      return { ...machine, binaries: Object.fromEntries(binaries) };
    });
    await expect(commentOf(older, prod)).toMatchFileSnapshot(golden("etcd-release"));
  });

  test("a bigger instance type: machines first, in red, and the difference in cost", async () => {
    const larger = clusterWith("prod-a", { workload: { nodes: 3000, pods: 200_000 } });
    const text = commentOf(prod, larger);
    expect(text).toMatch(/\| cost a month \| [\d,]+ USD -> [\d,]+ USD \(\*\*[\d,]+ USD more than now\*\*\) \|/);
    await expect(text).toMatchFileSnapshot(golden("instance-type"));
  });

  test("a fourth shard: that a cluster that exists cannot have it, and why", async () => {
    const shards = {
      main: { members: 7 },
      events: { members: 5, resources: ["/events"] },
      leases: { members: 5, resources: ["coordination.k8s.io/leases"] },
      pods: { members: 5, resources: ["/pods"], slot: 3 },
    };
    const four = clusterWith("prod-a", { etcd: { shards } });
    const problems = changeProblems(commitmentsOf(prod.plan), commitmentsOf(four.plan));
    expect(problems).toHaveLength(1);
    await expect(refusalMarkdown("prod-a", problems, log)).toMatchFileSnapshot(golden("fourth-shard"));
  });

  test("a rule that is open to the world: that policy forbids it, once for all resources", async () => {
    const violation = (name: string, level: PolicyViolation["level"]): PolicyViolation => ({
      urn: `urn:pulumi:prod-a::kilonode::aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule::${name}`,
      pack: "kilonode",
      packVersion: "0.1.0",
      policy: level === "mandatory" ? "open-to-the-world" : "required-tags",
      description: "Nothing is open to the world.",
      message:
        level === "mandatory"
          ? `Nothing is open to the world.\n${name} lets 0.0.0.0/0 in; allowed are ranges of your own. What to do: name them in network.operators`
          : `Resources have tags.\n${name} has no tag "cost-center". What to do: add it to aws.tags`,
      level,
    });
    const names = ["prod-a-load-balancer-6443-0.0.0.0/0", "prod-a-hosts-22-0.0.0.0/0"];
    const policy = [...names.map((name) => violation(name, "mandatory")), violation("prod-a", "advisory")];
    const open = clusterWith("prod-a", {
      network: { hosts: "10.16.0.0/20", nodes: "10.17.0.0/16", operators: ["10.0.8.0/24", "192.0.2.0/24"] },
    });
    await expect(commentOf(prod, open, { policy, result: "failed" })).toMatchFileSnapshot(golden("forbidden"));
  });

  test("data that would be deleted: that before everything else", async () => {
    const aws = { region: "eu-central-1", account: "111122223333", image: "ami-0123456789abcdef0", egress: "one-nat" };
    const etcd = { shards: { main: { members: 3 } } };
    const text = commentOf(clusterWith("test", { etcd }), clusterWith("test", { etcd, aws }));
    const [, first = ""] = text.split("> [!CAUTION]");
    const [, danger] = first.split("\n> - ");
    expect(danger).toMatch(/^\*\*deletes\*\* 6 `aws:ebs\/volume:Volume`: .*holds data/);
    await expect(text).toMatchFileSnapshot(golden("deletes-data"));
  });

  test("nothing, and a first creation", () => {
    expect(commentOf(prod, prod)).toContain("**Nothing changes**");
    const { plan } = prod;
    const creation = creationOf({ changes: { create: 564 }, steps: [] }, plan);
    expect(commentOf(prod, prod, { changes: { create: 564 }, ...(creation && { creation }) })).toContain(
      "Makes the cluster: 17 etcd hosts, 11 masters, 564 resources in all.",
    );
  });
});

describe("drift and doctor", () => {
  test("what differs as a diff, who cannot be asked apart", async () => {
    const drift = [{ kind: "sysctl", name: "vm.swappiness", want: "1", have: "60" }];
    const hosts = [
      ...["a-master-1", "a-master-2"].map((name) => ({ name, drift })),
      { name: "a-master-3", drift: [], error: "no answer for 10 s" },
      { name: "a-etcd-main-1", drift: [] },
    ];
    await expect(driftMarkdown({ stack: "a", differs: true, hosts })).toMatchFileSnapshot(golden("drift"));
    expect(driftMarkdown({ stack: "a", differs: false, hosts: hosts.slice(3) })).toContain("1 host: **none differs**");
  });

  test("what failed, with its remedy", async () => {
    const gathered = onApi({ paging: { value: { first: ["a", "b"], second: [] } } })(recorded());
    await expect(doctorMarkdown(diagnose(recordedPlan(), gathered))).toMatchFileSnapshot(golden("doctor"));
  });
});

/** What somebody may write to get out of a text, with a word that must never be outside of one. */
const evil = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        "`",
        "```",
        "~~~",
        "\n",
        "\r\n",
        "\r",
        "\u2028",
        "\u202e",
        "</details>",
        "</code>",
        "-->",
        "<!--",
        "<b>",
        "|",
        "> ",
        "    ",
        "# ",
        "$`",
        "\\",
        "[x](http://evil)",
        "@evil",
        "\ud800",
      ),
      fc.string({ maxLength: 5 }),
    ),
    { maxLength: 12 },
  )
  .map((parts) => `${parts.join("")}@evil${parts.toReversed().join("")}`);

/** Reads a text as CommonMark does and leaves out what is code: fences, spans, and `<code>` of summaries. */
function withoutCode(text: string): string {
  const left: string[] = [];
  let open: string | undefined;
  for (const line of text.split(/\r\n|\n|\r/)) {
    const run = /^ {0,3}(`{3,})([^`]*)$/.exec(line);
    if (open !== undefined) {
      if (run && run[1]!.length >= open.length && run[2]!.trim() === "") open = undefined;
    } else if (run) open = run[1];
    else left.push(line.replaceAll(/<code>[^<]*<\/code>/g, "").replaceAll(/(?<!`)(`+)(?!`)(.*?)(?<!`)\1(?!`)/g, ""));
  }
  expect(open).toBeUndefined();
  return left.join("\n");
}

describe("what others wrote", () => {
  test("stays code wherever it stands", () => {
    fc.assert(
      fc.property(fc.array(evil, { minLength: 1, maxLength: 4 }), (texts) => {
        const blocks: Block[] = [
          `- ${code(texts[0]!)}: ${code(texts.at(-1)!)}`,
          { summary: `one ${htmlCode(texts[0]!)}`, language: "diff", lines: texts },
          fence(texts, "text"),
          `> - ${code(texts[0]!, 5000)}`,
        ];
        const text = comment("<!-- first -->", blocks, undefined);
        expect(withoutCode(text)).not.toContain("@evil");
        expect(withoutCode(text).match(/<\/?[a-z]+/g)).toEqual(["<details", "<summary", "</summary", "</details"]);
        expect(text).not.toMatch(/[\u2028\u202e\r]|\p{Cs}/u);
      }),
    );
  });

  test("in a preview, a refusal, drift: neither a mention nor a tag", () => {
    const some = stepsBetween(prod, prod).steps.slice(0, 3);
    fc.assert(
      fc.property(evil, (text) => {
        const steps = some.map((one) => ({ ...one, op: "delete" as const, name: text }));
        const violation = { urn: `a::b::c::${text}`, pack: text, packVersion: "", policy: text, description: text };
        const report: RunReport = {
          stack: text,
          engine: "rehearsal",
          action: "preview",
          result: "failed",
          changes: {},
          durationMs: 0,
          phases: [],
          diagnostics: [{ severity: "warning", message: text }],
          policy: [{ ...violation, message: text, level: "mandatory" }],
          failures: [{ resource: text, message: text, remedy: text }],
          outputs: {},
        };
        const preview = previewReport({ steps }, prod.plan, aws);
        const all = [
          previewMarkdown(report, preview, prod.plan, text),
          refusalMarkdown(text, [text], text),
          driftMarkdown({
            stack: text,
            differs: true,
            unfinished: text,
            hosts: [{ name: text, drift: [{ kind: text, name: text, want: text, have: text }] }],
          }),
        ];
        for (const one of all) expect(withoutCode(one).split("\n").slice(1).join("\n")).not.toContain("@evil");
        for (const one of all) expect(one).toMatch(/^<!-- kilonode (preview|drift) [\w.-]* -->\n/);
      }),
      { numRuns: 30 },
    );
  });
});

describe("a comment is never longer than GitHub takes it", () => {
  const line = "+a line of a file that changes, and says why it does";

  test("it is cut between two lines, with its fence closed, and says where the rest is", () => {
    const fold = { summary: "many", language: "diff" as const, lines: Array.from({ length: 5000 }, () => line) };
    const text = comment("<!-- first -->", ["sentence", fold, "never seen"], log);
    expect(text.length).toBeLessThanOrEqual(commentLimit);
    expect(text.length).toBeGreaterThan(commentLimit - 2 * line.length);
    expect(text).toMatch(
      /\n\.\.\. \d+ more lines\n```\n\n<\/details>\n\n> \[!NOTE\]\n> Cut here: .*\[the log of the run\]\(https:.*\n$/,
    );
    expect(text).not.toContain("never seen");
  });

  test("whatever it is made of, and whatever is told as the log's address", () => {
    const blocks = fc.array(
      fc.oneof(
        fc.nat(40_000).map((length): Block => "a".repeat(length)),
        fc.record({ length: fc.nat(60_000), text: evil }).map(
          ({ length, text }): Block => ({
            summary: "s",
            language: "text",
            lines: Array.from({ length: Math.ceil(length / (text.length + 1)) }, () => text),
          }),
        ),
      ),
      { maxLength: 6 },
    );
    fc.assert(
      fc.property(blocks, fc.string(), (all, url) => {
        const text = comment("<!-- first -->", all, url);
        expect(text.length).toBeLessThanOrEqual(commentLimit);
        expect(withoutCode(text)).not.toContain("@evil");
        expect(withoutCode(text).match(/<details>/g)).toEqual(
          withoutCode(text)
            .match(/<\/details>/g)
            ?.map(() => "<details>") ?? null,
        );
      }),
      { numRuns: 50 },
    );
  });

  test("a change of everything fits, with what comes first whole", () => {
    const changed = (text: (host: string) => string) =>
      withMachines(prod, (machine, host) => {
        const file = { mode: "0644", owner: "root:root", content: text(host) };
        return { ...machine, files: { ...machine.files, "/etc/long": file } };
      });
    const long = changed((host) => `${line} of host ${host.replace(/\D/g, "")}-\n`.repeat(300));
    const text = commentOf(
      changed(() => "old\n"),
      long,
    );
    expect(text.length).toBeLessThanOrEqual(commentLimit);
    expect(text).toContain("Cut here");
    expect(text).toContain("#### Order");
  });
});
