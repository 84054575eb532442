/**
 * What stands behind the instances of a pretended account: hosts that answer what the program and its rollouts ask over SSH. An instance is
 * let in by its address, its pinned host key and the key of its tag; what it holds goes with it, what lies on a volume of EBS stays. Nothing
 * takes time. All of it is plain data, so that it can be kept as it was at any moment.
 */
import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { Attributes, CertificationRequest, CertificationRequestInfo } from "@peculiar/asn1-csr";
import { AsnConvert } from "@peculiar/asn1-schema";
import { AlgorithmIdentifier, Attribute, Extensions, SubjectPublicKeyInfo } from "@peculiar/asn1-x509";
import ssh2 from "ssh2";
import { type Outcome, SshError } from "../../../../components/access/ssh";
import type { HostTarget } from "../../../../components/access/target";
import { makeKeys, programsRecord, readMachineInput } from "../../../../components/host/delivery";
import { machineApply, tools } from "../../../../components/machine/host-programs";
import type { KeyRequest, Machine } from "../../../../components/machine/machine";
import { alternativeNames, derOf, subjectOf, toPem } from "../../../../components/pki/identity";
import { hostTag, hostTags } from "../../../../components/platform/aws/host-tags";
import type { Cloud, Thing } from "../../../../engine/providers/aws/cloud";
import { T } from "../../../../engine/providers/aws/rows/common";
import type { Values } from "../../../../engine/values/value";
import type { Sight } from "./model";

interface Content {
  readonly digest: string;
  readonly staging: string;
  readonly generation: number;
  readonly machine: Machine;
}

/** What an instance holds, beside its volumes. */
interface HostState {
  requests: Record<string, { readonly wanted: string; readonly pem: string }>;
  repairs?: number;
  secrets: string;
  staged?: Content;
  active?: Content;
  /** Services that run. */
  up: string[];
  /** Services whose restart was held back. */
  owed: string[];
}

/** What a member of etcd has on its volumes. */
interface Disk {
  shard: string;
  member: string;
}

interface Member {
  readonly id: string;
  readonly name: string;
  readonly peerUrl: string;
  clientUrl?: string;
  learner: boolean;
}

interface ShardState {
  members: Member[];
  leader?: string;
}

interface World {
  /** By id of the instance. */
  hosts: Record<string, HostState>;
  /** By id of the volume with the database, or of the instance whose disks it has. */
  disks: Record<string, Disk>;
  /** By the shard's token. */
  shards: Record<string, ShardState>;
  ids: number;
}

const etcd = "etcd.service";
const apiServer = "kube-apiserver";

export class PretendedHosts {
  world: World = { hosts: {}, disks: {}, shards: {}, ids: 0 };
  /** Called whenever something is up or away: what happens on a host that nobody tells of. */
  moved: (what: string) => void = () => undefined;

  /** @param cloud as the run under way knows it */
  constructor(public cloud: Cloud) {}

  save(): string {
    return JSON.stringify(this.world);
  }

  load(text: string): void {
    this.world = JSON.parse(text) as World;
  }

  /** Instances that run, by the host that they are. */
  running(): Map<string, Thing> {
    return new Map(this.cloud.all(T.instance).map((one) => [tagOf(one, hostTag) ?? "", one]));
  }

  /** Forgets what went with instances that are gone. */
  sweep(): void {
    const there = new Set(this.cloud.all(T.instance).map(({ id }) => id));
    for (const id of Object.keys(this.world.hosts)) if (!there.has(id)) delete this.world.hosts[id];
    for (const id of Object.keys(this.world.disks))
      if (id.startsWith("i-") && !there.has(id)) delete this.world.disks[id];
  }

  /** What is up at this moment. A master serves when its API server runs and every shard has a quorum. */
  sight(): Sight {
    const running = this.running();
    const disks = this.#databases();
    const shards = Object.entries(this.world.shards).map(([token, { members }]) => {
      const voters = members.filter(({ learner }) => !learner);
      const up = voters.filter((member) => this.#isUp(member, running.get(member.name), disks));
      return [token, { voters: voters.map(({ name }) => name), up: up.map(({ name }) => name) }] as const;
    });
    const quorum = shards.every(([, { up, voters }]) => up.length > voters.length / 2);
    const masters = [...running].filter(([, one]) => this.host(one).up.some((name) => name.startsWith(apiServer)));
    return { shards: Object.fromEntries(shards), masters: quorum ? masters.map(([name]) => name).sort() : [] };
  }

  #isUp({ id }: Member, instance: Thing | undefined, disks: ReadonlyMap<string, string>): boolean {
    if (!instance || !this.host(instance).up.includes(etcd)) return false;
    return this.world.disks[disks.get(instance.id) ?? instance.id]?.member === id;
  }

  isReady = (host: string): boolean => this.sight().masters.includes(host);

  /** A volume on which a member has its data. */
  holdsData = (volume: string): boolean => volume in this.world.disks;

  host({ id }: Thing): HostState {
    this.world.hosts[id] ??= { requests: {}, secrets: "", up: [], owed: [] };
    return this.world.hosts[id] as HostState;
  }

  /** As read-host-key leaves it: the key that its console has shown is in its tag. */
  showKey(id: string): string {
    const instance = this.cloud.find(T.instance, id);
    if (!instance) throw new Error(`An error occurred (InvalidInstanceID.NotFound): ${id}`);
    const key = hostKeyOf(id);
    const { simulatedTags } = instance.outputs;
    const tags = { ...(simulatedTags as Values), [hostTags.hostKey]: key };
    this.cloud.put({ ...instance, outputs: { ...instance.outputs, simulatedTags: tags } });
    return key;
  }

  /** What a command on a host comes to. @throws SshError where nobody is let in */
  async run(
    target: Omit<HostTarget, "name">,
    privateKey: string,
    words: readonly string[],
    stdin = "",
  ): Promise<Outcome> {
    const instance = this.#enter(target, privateKey);
    const host = this.host(instance);
    const [program = "", ...args] = words.slice(words.findIndex((word) => !/^[A-Z]+=/.test(word)));
    if (program === "python3") {
      if (args[3] === makeKeys) return answered(JSON.stringify(keys(host, JSON.parse(stdin) as KeyRequest[])));
      host.repairs = Number(args[3]);
      return answered("{}");
    }
    if (program === "cat" && args[0] === programsRecord)
      return host.repairs === undefined
        ? failed("none")
        : answered(JSON.stringify({ repairs: host.repairs, sums: {} }));
    if (program === "cat")
      return answered(args.map((path) => host.active?.machine.files[path]?.content ?? "").join(""));
    if (host.repairs === undefined) return failed(`${program}: not found`, 127);
    if (program === "test") return answered("");
    if (program === machineApply) return this.#machineApply(instance, host, args, stdin);
    switch (program.replace(`${tools}/`, "")) {
      case "etcd-look":
        return this.#look(instance);
      case "etcd-call":
        return this.#call(instance, args);
      case "secret-keys":
        return answered('{"key1": 1}');
      case "still-starting":
      case "hold-clients":
        return answered("");
      case "check-apiserver":
        return this.isReady(nameOf(instance)) ? answered("") : failed("[-]etcd failed: readyz check failed");
      case "ready-seconds":
        return answered(this.isReady(nameOf(instance)) ? "1000" : "0");
      case "leader-of":
        return answered(JSON.stringify(this.#holder() === nameOf(instance) ? leases : []));
    }
    return failed(`${program}: not pretended`, 126);
  }

  #enter({ address, hostKey }: Omit<HostTarget, "name">, privateKey: string): Thing {
    const instance = this.cloud.all(T.instance).find(({ outputs }) => outputs.privateIp === address);
    if (!instance) throw new SshError(`SSH to ${address}: connect EHOSTUNREACH`, false);
    if (hostKeyOf(instance.id) !== hostKey)
      throw new SshError(`SSH to ${address}: its host key is not the pinned one`, false);
    if (tagOf(instance, hostTags.sshKey)?.split(" ")[1] !== publicHalf(privateKey))
      throw new SshError(`SSH to ${address}: All configured authentication methods failed`, false);
    return instance;
  }

  #machineApply(instance: Thing, host: HostState, [verb = "", ...options]: readonly string[], stdin: string): Outcome {
    switch (verb) {
      case "stage-secrets":
        host.secrets = sumOf(stdin);
        return answered(JSON.stringify({ digest: host.secrets }));
      case "stage":
        return answered(JSON.stringify(this.#stage(host, Number(options[1]), stdin)));
      case "drift":
        return answered(
          JSON.stringify({ generation: host.active?.generation ?? 0, programRepairs: host.repairs ?? 1, drift: [] }),
        );
      case "status":
        return answered(JSON.stringify(this.#status(instance, host)));
      case "diagnose":
        return answered('{"down": []}');
      case "rest":
        host.up = [];
        this.moved(`${nameOf(instance)} rests`);
        return answered("{}");
      case "set-aside":
        delete this.world.disks[this.#diskId(instance)];
        return answered('{"setAside": ["/var/lib/etcd/aside"]}');
      case "activate":
        return this.#activate(instance, host, options);
    }
    return failed(`machine-apply ${verb}: not pretended`);
  }

  #stage(host: HostState, generation: number, stdin: string) {
    const machine = readMachineInput(stdin) as Machine;
    const digest = sumOf(`${stdin} ${generation} ${host.secrets}`);
    if (host.staged?.digest !== digest)
      host.staged = { digest, generation, machine, staging: sumOf(`${digest} ${++this.world.ids}`).slice(0, 8) };
    return { digest, staging: host.staged.staging };
  }

  #status(instance: Thing, host: HostState) {
    const services = Object.entries(host.staged?.machine.services ?? {});
    const states = services.map(([name, { kind }]) => [
      name,
      { kind, active: host.up.includes(name) ? "active" : kind === "unit" ? "inactive" : "absent" },
    ]);
    return {
      staged: host.staged?.digest ?? null,
      active: host.active?.digest ?? null,
      everActivated: host.active !== undefined || this.#disk(instance) !== undefined,
      restarts: restartsOf(host),
      pending: services.flatMap(([name]) => (host.up.includes(name) ? [] : [`start ${name}`])),
      services: Object.fromEntries(states),
      degradations: [],
    };
  }

  #activate(instance: Thing, host: HostState, options: readonly string[]): Outcome {
    if (!host.staged) return failed("nothing is staged", 2);
    const given = (option: string) => options.flatMap((word, index) => (options[index - 1] === option ? [word] : []));
    const environment = new Map(given("--env").map((entry) => entry.split(/=(.*)/s) as [string, string]));
    const held = [...given("--hold"), ...given("--hold-running").filter((name) => host.up.includes(name))];
    const wanted = restartsOf(host);
    const restarts = wanted.filter((name) => !held.includes(name));
    host.owed = wanted.filter((name) => held.includes(name));
    host.active = host.staged;
    for (const name of restarts) host.up.splice(host.up.indexOf(name), 1);
    if (restarts.length > 0) this.moved(`${nameOf(instance)} restarts ${restarts.join(", ")}`);
    for (const name of Object.keys(host.active.machine.services)) {
      if (host.up.includes(name) || held.includes(name)) continue;
      if (name === etcd && !this.#joins(instance, host, environment)) return failed(`${etcd} failed`);
      host.up.push(name);
    }
    this.moved(`${nameOf(instance)} activated`);
    return answered(JSON.stringify({ digest: host.active.digest, degradations: [] }));
  }

  /** What etcd does at its start. @returns false: it ends */
  #joins(instance: Thing, host: HostState, environment: ReadonlyMap<string, string>): boolean {
    const name = nameOf(instance);
    const own = settings(host.active?.machine.files["/etc/etcd/etcd.env"]?.content ?? "");
    const there = this.#disk(instance);
    const token = there?.shard ?? environment.get("ETCD_INITIAL_CLUSTER_TOKEN") ?? "";
    const listed = (environment.get("ETCD_INITIAL_CLUSTER") ?? "")
      .split(",")
      .map((entry) => entry.split("=") as [string, string]);
    const peerUrl = own.get("ETCD_INITIAL_ADVERTISE_PEER_URLS") ?? "";
    if (!there) {
      // "--initial-cluster has ... but missing from --initial-advertise-peer-urls"
      if (!listed.some(([one, url]) => one === name && url === peerUrl)) return false;
      if (environment.get("ETCD_INITIAL_CLUSTER_STATE") === "new") {
        const known = this.world.shards[token];
        if (known?.members.some((member) => member.name === name && member.clientUrl !== undefined))
          throw new Error(`${name} begins the shard ${token} a second time, with an empty disk`);
        this.world.shards[token] = known ?? {
          members: listed.map(([one, url]) => ({ id: this.#newId(), name: one, peerUrl: url, learner: false })),
        };
      }
    }
    const shard = this.world.shards[token];
    const member = shard?.members.find((one) => (there ? one.id === there.member : one.peerUrl === peerUrl));
    if (!shard || !member || (!there && member.clientUrl !== undefined)) return false;
    Object.assign(member, { name, clientUrl: own.get("ETCD_ADVERTISE_CLIENT_URLS") ?? "" });
    this.world.disks[this.#diskId(instance)] = { shard: token, member: member.id };
    return true;
  }

  /** What etcd-look prints on the host. */
  #look(instance: Thing): Outcome {
    const shard = this.#shardOf(instance);
    if (!shard) return failed("connection refused");
    this.#elect(shard);
    const leader = shard.members.find(({ name }) => name === shard.leader)?.id;
    const members = shard.members.map(({ clientUrl, id, learner, name, peerUrl }) => ({
      ID: id,
      name: clientUrl === undefined ? "" : name,
      peerURLs: [peerUrl],
      clientURLs: clientUrl === undefined ? [] : [clientUrl],
      ...(learner && { isLearner: true }),
    }));
    const endpoints = this.#upIn(shard).map(({ id }) => ({
      Status: { header: { member_id: id }, ...(leader && { leader }), raftAppliedIndex: 100 },
    }));
    return answered(
      [this.#hasQuorum(shard) ? "quorum" : "alone", JSON.stringify({ members }), JSON.stringify(endpoints)].join("\n"),
    );
  }

  /** etcdctl's verbs that change a shard, with the words of its refusals. */
  #call(instance: Thing, [verb, what, id = "", ...options]: readonly string[]): Outcome {
    const shard = this.#shardOf(instance);
    if (!shard || !this.#hasQuorum(shard)) return failed("etcdserver: no leader");
    const member = shard.members.find((one) => BigInt(one.id).toString(16) === (verb === "move-leader" ? what : id));
    if (verb === "move-leader") {
      if (shard.leader !== nameOf(instance)) return failed("no leader endpoint given");
      if (!member || !this.#upIn(shard).includes(member)) return failed("timed out");
      shard.leader = member.name;
      return answered("");
    }
    if (what === "add") {
      const peerUrl = options.find((one) => one.startsWith("--peer-urls="))?.slice("--peer-urls=".length) ?? "";
      if (shard.members.some((one) => one.peerUrl === peerUrl)) return failed("Peer URLs already exists");
      shard.members.push({ id: this.#newId(), name: id, peerUrl, learner: true });
      return answered("");
    }
    if (!member) return failed("member not found");
    if (what === "promote") member.learner = false;
    else if (what === "remove") {
      shard.members.splice(shard.members.indexOf(member), 1);
      if (shard.leader === member.name) delete shard.leader;
    } else return failed(`not pretended: ${verb} ${what}`);
    this.moved(`${member.name}: ${verb} ${what}`);
    return answered("");
  }

  #shardOf(instance: Thing): ShardState | undefined {
    const disk = this.#disk(instance);
    return disk && this.host(instance).up.includes(etcd) ? this.world.shards[disk.shard] : undefined;
  }

  #upIn({ members }: ShardState): Member[] {
    const [running, disks] = [this.running(), this.#databases()];
    return members.filter((member) => this.#isUp(member, running.get(member.name), disks));
  }

  #hasQuorum(shard: ShardState): boolean {
    const voters = shard.members.filter(({ learner }) => !learner);
    return this.#upIn(shard).filter(({ learner }) => !learner).length > voters.length / 2;
  }

  #elect(shard: ShardState): void {
    const up = this.#upIn(shard).filter(({ learner }) => !learner);
    if (up.some(({ name }) => name === shard.leader)) return;
    const [first] = up;
    if (this.#hasQuorum(shard) && first) shard.leader = first.name;
    else delete shard.leader;
  }

  #holder(): string | undefined {
    return [...this.sight().masters].sort()[0];
  }

  #disk = (instance: Thing): Disk | undefined => this.world.disks[this.#diskId(instance)];

  #diskId = ({ id }: Thing): string => this.#databases().get(id) ?? id;

  /** Instance to the volume that holds its database, where it is one of EBS. */
  #databases(): Map<string, string> {
    const attached = this.cloud.all(T.attachment).filter(({ inputs }) => inputs.deviceName === "/dev/sdg");
    return new Map(attached.map(({ inputs }) => [String(inputs.instanceId), String(inputs.volumeId)]));
  }

  #newId = (): string => String(1000 + ++this.world.ids);
}

const leases = ["kube-controller-manager", "kube-scheduler"];

const tagOf = ({ outputs }: Thing, tag: string): string | undefined =>
  ((outputs.simulatedTags as Values)?.[tag] ?? (outputs.tagsAll as Values)?.[tag]) as string | undefined;

const nameOf = (instance: Thing): string => tagOf(instance, hostTag) ?? "";

/** Services that run and are not what is staged: see restarts of machine-apply. */
function restartsOf({ active, owed, staged, up }: HostState): string[] {
  if (!active || !staged) return [];
  const [before, after] = [active.machine, staged.machine];
  const differs = (path: string) =>
    JSON.stringify([before.files[path], before.binaries[path]]) !==
    JSON.stringify([after.files[path], after.binaries[path]]);
  return Object.entries(after.services).flatMap(([name, service]) => {
    const own = service.kind === "unit" ? `/etc/systemd/system/${name}` : `/etc/kubernetes/manifests/${name}.yaml`;
    return up.includes(name) && (owed.includes(name) || [own, ...service.restartOn].some(differs)) ? [name] : [];
  });
}

/** Of an environment file. */
const settings = (text: string): ReadonlyMap<string, string> =>
  new Map(
    text.split("\n").map((line) => [line.split("=")[0] ?? "", line.slice(line.indexOf("=") + 1).replaceAll('"', "")]),
  );

/** As make-keys: the same request for the same key, as long as the same is wanted. The key itself stays on the host, and nobody asks for it. */
function keys(host: HostState, requests: readonly KeyRequest[]): Record<string, string> {
  for (const request of requests) {
    const wanted = JSON.stringify(request);
    if (host.requests[request.name]?.wanted !== wanted)
      host.requests[request.name] = { wanted, pem: requestFor(request) };
  }
  return Object.fromEntries(requests.map(({ name }) => [name, host.requests[name]?.pem ?? ""]));
}

function requestFor(identity: KeyRequest): string {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const names = alternativeNames(identity);
  const certificationRequestInfo = new CertificationRequestInfo({
    subject: subjectOf(identity),
    subjectPKInfo: AsnConvert.parse(publicKey.export({ format: "der", type: "spki" }), SubjectPublicKeyInfo),
    attributes: new Attributes(
      names
        ? [new Attribute({ type: "1.2.840.113549.1.9.14", values: [AsnConvert.serialize(new Extensions([names]))] })]
        : [],
    ),
  });
  const signature = sign("sha256", derOf(certificationRequestInfo), privateKey as KeyObject);
  const signatureAlgorithm = new AlgorithmIdentifier({ algorithm: "1.2.840.10045.4.3.2" });
  const bytes = Uint8Array.from(signature).buffer;
  return toPem(
    "CERTIFICATE REQUEST",
    derOf(new CertificationRequest({ certificationRequestInfo, signatureAlgorithm, signature: bytes })),
  );
}

const sumOf = (text: string): string => createHash("sha256").update(text).digest("hex");

/** Another instance has another one. */
function hostKeyOf(instance: string): string {
  const seed = createHash("sha256").update(instance).digest();
  const prefix = Buffer.from("302e020100300506032b657004220420", "hex");
  const key = createPublicKey(createPrivateKey({ key: Buffer.concat([prefix, seed]), format: "der", type: "pkcs8" }));
  const raw = key.export({ format: "der", type: "spki" }).subarray(-32);
  const part = (bytes: Buffer) => Buffer.concat([Buffer.from([0, 0, 0, bytes.length]), bytes]);
  return `ssh-ed25519 ${Buffer.concat([part(Buffer.from("ssh-ed25519")), part(raw)]).toString("base64")}`;
}

const halves = new Map<string, string>();
function publicHalf(privateKey: string): string {
  const known = halves.get(privateKey);
  if (known !== undefined) return known;
  const parsed = ssh2.utils.parseKey(privateKey);
  if (parsed instanceof Error) throw parsed;
  const half = (Array.isArray(parsed) ? parsed[0] : parsed).getPublicSSH().toString("base64");
  halves.set(privateKey, half);
  return half;
}

const answered = (stdout: string): Outcome => ({ code: 0, stdout, stderr: "" });
const failed = (stderr: string, code = 1): Outcome => ({ code, stdout: "", stderr });
