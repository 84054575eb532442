/** The policy pack as a program of its own: `pulumi preview --policy-pack policy`, and `kilonode preview` by itself. */
import { PolicyPack } from "@pulumi/policy";
import { Config, getStack, RunError } from "@pulumi/pulumi";
import { policies } from "./pack";
import { packName, rules } from "./rules";
import { type Severities, severityProblems } from "./severities";
import { stackOf } from "./stack";

const severities: unknown = new Config("policy").getObject("severities") ?? {};
const problems = severityProblems(severities);
if (problems.length > 0) throw new RunError(problems.join("\n"));

const config = new Config("kilonode");
const stack = stackOf(getStack(), {
  platform: config.get("platform"),
  ephemeral: config.getBoolean("ephemeral"),
  workload: config.getObject("workload"),
  etcd: config.getObject("etcd"),
});

new PolicyPack(packName, { policies: policies(rules, stack, severities as Severities) });
