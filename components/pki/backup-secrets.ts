/** Secrets of backups: what snapshots are encrypted with, and who a shard's members are to the store. */
import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import { keeper } from "../backup/plan";
import type { ClusterPlan, SecretName } from "../plan/types";
import { resourceNames } from "../resources";

type BackupSecretName = Exclude<SecretName, "service-account-key" | "encryption-config">;

interface ShardSecrets {
  readonly password: pulumi.Output<string>;
  /** Of the store's user, who is called as the shard is; absent where the store knows hosts by their role. */
  readonly key?: pulumi.Output<string>;
}

export class BackupSecrets {
  readonly #ofShard: ReadonlyMap<string, ShardSecrets>;
  /** Of the user who may remove snapshots; absent where the store knows the operator by himself. */
  readonly #keeper: pulumi.Output<string> | undefined;

  constructor({ backup, ephemeral }: Pick<ClusterPlan, "backup" | "ephemeral">, parent: pulumi.Resource) {
    this.#ofShard = new Map(
      Object.keys(backup?.repositories ?? {}).map((shard) => {
        // Snapshots that are kept can only be read with it.
        const options = { parent, protect: !ephemeral };
        const password = new random.RandomBytes(resourceNames.backupPassword(shard), { length: 32 }, options);
        const key = backup?.store && new random.RandomBytes(resourceNames.backupKey(shard), { length: 20 }, { parent });
        return [shard, { password: password.hex, ...(key && { key: key.hex }) }];
      }),
    );
    const made = backup?.store && new random.RandomBytes(resourceNames.backupKeeper, { length: 20 }, { parent });
    this.#keeper = made?.hex;
  }

  secret(name: BackupSecretName): pulumi.Output<string> {
    if (name === "backup-users") return this.#users();
    const [kind, shard = ""] = name.split(" ");
    const secrets = this.#ofShard.get(shard);
    if (!secrets) throw new Error(`there are no backups of a shard ${shard}`);
    return kind === "backup-password"
      ? pulumi.interpolate`${secrets.password}\n`
      : pulumi.interpolate`[default]\naws_access_key_id = ${shard}\naws_secret_access_key = ${secrets.key ?? ""}\n`;
  }

  /** As versitygw reads it (its auth/iam_internal.go): by access key. A user has no rights but those that a bucket's policy gives. */
  #users(): pulumi.Output<string> {
    const keys = [...this.#ofShard].map(([access, { key }]) => [access, key] as const);
    const users = [...keys, [keeper, this.#keeper] as const].flatMap(([access, key]) =>
      key ? [key.apply((secret) => [access, { access, secret, role: "user" }] as const)] : [],
    );
    return pulumi.secret(
      pulumi.all(users).apply((all) => `${JSON.stringify({ accessAccounts: Object.fromEntries(all) }, null, 2)}\n`),
    );
  }
}
