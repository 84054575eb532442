/** The look at what exists, and the reading of a host's key: by EC2's own client, against a server on loopback that answers as EC2 does. */
import { execFile } from "node:child_process";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import {
  ec2,
  lacksCredentials,
  lookAtInstances,
  lookAtOffers,
  lookFailed,
  questions,
} from "../../components/platform/aws/look";
import { freePort } from "../support/loopback";

type Answer = readonly [status: number, body: string];

/** What was asked, oldest first, and what is answered to each; the last answer again and again. */
let asked: Map<string, string>[];
let answers: Answer[];
let server: Server;
const environment: Readonly<Record<string, string>> = {
  AWS_ACCESS_KEY_ID: "AKIAEXAMPLE",
  AWS_SECRET_ACCESS_KEY: "example",
  AWS_EC2_METADATA_DISABLED: "true",
  AWS_CONFIG_FILE: "/dev/null",
  AWS_SHARED_CREDENTIALS_FILE: "/dev/null",
};

beforeEach(async () => {
  [asked, answers] = [[], []];
  server = createServer((request, response) => {
    let body = "";
    request.setEncoding("utf8").on("data", (text) => {
      body += text;
    });
    request.on("end", () => {
      asked.push(new Map(new URLSearchParams(body)));
      const [status, text] = answers.length > 1 ? (answers.shift() as Answer) : (answers[0] as Answer);
      response.writeHead(status, { "content-type": "text/xml" }).end(text);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  for (const [name, value] of Object.entries(environment)) vi.stubEnv(name, value);
  vi.stubEnv("AWS_ENDPOINT_URL_EC2", `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

const account = "123456789012";
async function look() {
  const client = ec2("eu-central-1");
  try {
    return await lookAtInstances(client, { account, stack: "test" });
  } finally {
    client.destroy();
  }
}

const tagsOf = (tags: Readonly<Record<string, string>>) =>
  Object.entries(tags)
    .map(([key, value]) => `<item><key>${key}</key><value>${value}</value></item>`)
    .join("");
const instance = (id: string, tags: Readonly<Record<string, string>>, state = "running", address = "198.18.32.40") =>
  `<item><instanceId>${id}</instanceId><instanceState><code>16</code><name>${state}</name></instanceState>` +
  `<privateIpAddress>${address}</privateIpAddress><tagSet>${tagsOf(tags)}</tagSet></item>`;
const described = (instances: string, { next = "", owner = account } = {}): Answer => [
  200,
  `<?xml version="1.0" encoding="UTF-8"?><DescribeInstancesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><requestId>1</requestId>` +
    `<reservationSet><item><reservationId>r-1</reservationId><ownerId>${owner}</ownerId><groupSet/><instancesSet>${instances}</instancesSet></item></reservationSet>` +
    `${next && `<nextToken>${next}</nextToken>`}</DescribeInstancesResponse>`,
];
const failed = (code: string, status = 400): Answer => [
  status,
  `<?xml version="1.0" encoding="UTF-8"?><Response><Errors><Error><Code>${code}</Code><Message>it says why</Message></Error></Errors><RequestID>1</RequestID></Response>`,
];

const tags = {
  "kilonode:host": "test-etcd-main-1",
  "kilonode:owner": "0011",
  "kilonode:machine": "ami-1 / i3en.2xlarge",
  "kilonode:volumes": "",
  "kilonode:incarnation": "1",
  "kilonode:ssh-key": "ssh-ed25519 AAAA",
  "kilonode:host-key": "ssh-ed25519 BBBB",
};

describe("the look", () => {
  it("finds the hosts of the stack that are not gone, with what their tags tell, page by page", async () => {
    answers = [
      described(instance("i-0a", tags), { next: "more" }),
      described(
        instance("i-0b", { "kilonode:host": "test-master-1" }, "stopped") +
          instance("i-0c", { "kilonode:host": "test-master-2" }, "pending", "198.18.33.10"),
      ),
    ];
    const [first, ...others] = await look();
    expect(first).toEqual({
      id: "i-0a",
      host: "test-etcd-main-1",
      runs: true,
      address: "198.18.32.40",
      owner: "0011",
      machine: "ami-1 / i3en.2xlarge",
      volumes: "",
      incarnation: "1",
      sshKey: "ssh-ed25519 AAAA",
      hostKey: "ssh-ed25519 BBBB",
    });
    expect(others.map(({ host, runs }) => [host, runs])).toEqual([
      ["test-master-1", false],
      ["test-master-2", true],
    ]);
    expect(asked.map((question) => [question.get("Action"), question.get("NextToken")])).toEqual([
      ["DescribeInstances", undefined],
      ["DescribeInstances", "more"],
    ]);
    const filters = [...(asked[0] ?? [])].filter(([name]) => name.startsWith("Filter"));
    expect(Object.fromEntries(filters)).toEqual({
      "Filter.1.Name": "tag:kilonode:cluster",
      "Filter.1.Value.1": "test",
      "Filter.2.Name": "tag-key",
      "Filter.2.Value.1": "kilonode:host",
      "Filter.3.Name": "instance-state-name",
      "Filter.3.Value.1": "pending",
      "Filter.3.Value.2": "running",
      "Filter.3.Value.3": "stopping",
      "Filter.3.Value.4": "stopped",
    });
  });

  it("is taken again when AWS is busy", async () => {
    answers = [failed("RequestLimitExceeded", 503), described(instance("i-0a", tags))];
    expect(await look()).toHaveLength(1);
    expect(asked).toHaveLength(2);
  });

  it("refuses another account, answers without an id, and pages without an end", async () => {
    answers = [described(instance("i-0a", tags), { owner: "999999999999" })];
    await expect(look()).rejects.toThrow(/those of account 999999999999, and this stack is in 123456789012/);
    answers = [described("<item><instanceState><name>running</name></instanceState></item>")];
    await expect(look()).rejects.toThrow(/not as documented:[\s\S]*InstanceId/);
    answers = [described(instance("i-0a", tags), { next: "again" })];
    await expect(look()).rejects.toThrow(/DescribeInstances with more than 20 pages/);
    expect(asked.length).toBeLessThan(25);
  });

  it("says in an operator's words why there was no answer", async () => {
    const inWords = async () => {
      const error = await look().catch((thrown: unknown) => thrown);
      return {
        lacks: lacksCredentials(error),
        message: lookFailed([{ action: questions.instances, error }], "eu-central-1").message,
      };
    };
    answers = [failed("UnauthorizedOperation", 403)];
    expect(await inWords()).toEqual({
      lacks: false,
      message: expect.stringMatching(
        /lack ec2:DescribeInstances in eu-central-1 \(UnauthorizedOperation: it says why\): give them the policy of docs\/aws-deployer\.json, .* Nothing was touched/,
      ),
    });
    answers = [failed("AuthFailure", 401)];
    expect((await inWords()).message).toMatch(
      /cannot be looked at: AuthFailure: it says why\. Check the network and the credentials/,
    );
    answers = [[200, "<DescribeInst"]];
    expect((await inWords()).message).toMatch(/cannot be looked at/);
    vi.stubEnv("AWS_ENDPOINT_URL_EC2", `http://127.0.0.1:${await freePort()}`);
    expect((await inWords()).message).toMatch(/cannot be looked at: .*ECONNREFUSED/);
    for (const name of ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"]) vi.stubEnv(name, undefined);
    expect(await inWords()).toEqual({
      lacks: true,
      message: expect.stringMatching(/no credentials for AWS are at hand/),
    });
  });
});

describe("what zones offer", () => {
  const offered = (places: string, next = ""): Answer => [
    200,
    `<DescribeInstanceTypeOfferingsResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><requestId>1</requestId>` +
      `<instanceTypeOfferingSet>${places}</instanceTypeOfferingSet>${next && `<nextToken>${next}</nextToken>`}</DescribeInstanceTypeOfferingsResponse>`,
  ];
  const place = (type: string, location: string) =>
    `<item><instanceType>${type}</instanceType><locationType>availability-zone</locationType><location>${location}</location></item>`;

  it("is asked for the types that hosts need, page by page", async () => {
    answers = [offered(place("m5d.4xlarge", "eu-central-1a"), "more"), offered(place("c7i.8xlarge", "eu-central-1b"))];
    const client = ec2("eu-central-1");
    const offers = await lookAtOffers(client, ["c7i.8xlarge", "m5d.4xlarge"]);
    client.destroy();
    expect(offers).toEqual([
      { type: "m5d.4xlarge", availabilityZone: "eu-central-1a" },
      { type: "c7i.8xlarge", availabilityZone: "eu-central-1b" },
    ]);
    expect(Object.fromEntries(asked[0] ?? [])).toMatchObject({
      Action: "DescribeInstanceTypeOfferings",
      LocationType: "availability-zone",
      "Filter.1.Name": "instance-type",
      "Filter.1.Value.1": "c7i.8xlarge",
      "Filter.1.Value.2": "m5d.4xlarge",
    });
    expect(asked[1]?.get("NextToken")).toBe("more");
  });
});

describe("read-host-key", () => {
  const run = promisify(execFile);
  const key = `ssh-ed25519 ${"A".repeat(68)}`;
  const shown = `-----BEGIN KILONODE HOST KEY-----\r\n${key}\r\n-----END KILONODE HOST KEY-----\r\n`;
  const console = (text: string): Answer => [
    200,
    `<GetConsoleOutputResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><instanceId>i-0a</instanceId><output>${Buffer.from(text).toString("base64")}</output></GetConsoleOutputResponse>`,
  ];
  const readHostKey = () =>
    run("components/platform/aws/read-host-key", [], {
      env: { ...process.env, REGION: "eu-central-1", INSTANCE: "i-0a", HOST: "test-master-1", ADDRESS: "198.18.32.10" },
    });

  it("waits for the console, writes the key into the instance's tag, and prints it", async () => {
    const tagged: Answer = [200, "<CreateTagsResponse><return>true</return></CreateTagsResponse>"];
    answers = [failed("InvalidInstanceID.NotFound"), console(`booting\r\n${shown}login: `), tagged];
    const { stdout } = await readHostKey();
    expect(JSON.parse(stdout)).toEqual({ instance: "i-0a", address: "198.18.32.10", hostKey: key });
    expect(asked.map((question) => question.get("Action"))).toEqual([
      "GetConsoleOutput",
      "GetConsoleOutput",
      "CreateTags",
    ]);
    expect(asked[1]?.get("Latest")).toBe("true");
    expect([asked[2]?.get("ResourceId.1"), asked[2]?.get("Tag.1.Key"), asked[2]?.get("Tag.1.Value")]).toEqual([
      "i-0a",
      "kilonode:host-key",
      key,
    ]);
  });

  it("fails where it may not, and says so", async () => {
    answers = [failed("UnauthorizedOperation", 403)];
    await expect(readHostKey()).rejects.toMatchObject({
      code: 1,
      stdout: "",
      stderr: "test-master-1 (i-0a): UnauthorizedOperation: it says why\n",
    });
  });
});
