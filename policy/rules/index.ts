/** The rules, a file for each family of them. docs/policy.md is rendered from here (`npm run golden`). */
import type { Rule } from "../rule";
import { hostRules } from "./hosts";
import { identityRules } from "./identity";
import { networkRules } from "./network";
import { protectionRules } from "./protection";
import { quorumRules } from "./quorum";
import { storageRules } from "./storage";
import { tagRules } from "./tags";
import { versionRules } from "./versions";
import { volumeRules } from "./volumes";

export const packName = "kilonode";

export const families: Readonly<Record<string, readonly Rule[]>> = {
  Quorums: quorumRules,
  "etcd's volumes": volumeRules,
  Network: networkRules,
  Hosts: hostRules,
  "Rights and certificates": identityRules,
  "Encryption and buckets": storageRules,
  "What holds data": protectionRules,
  Tags: tagRules,
  Versions: versionRules,
};

export const rules: readonly Rule[] = Object.values(families).flat();
