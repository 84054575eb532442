/** What AWS takes of volumes, of images and of hosts: each limit is tried on both sides. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type EbsVolume, ebsProblems } from "../../components/platform/aws/ebs";
import { spreadProblems } from "../../components/platform/aws/hosts";
import { imageProblems } from "../../components/platform/aws/images";
import { diskProblems } from "../../components/platform/aws/machine";
import { hostOf, planOf } from "../support/plans";

const gp3 = (change: Partial<EbsVolume>): EbsVolume => ({ type: "gp3", sizeGiB: 100, iops: 3000, ...change });
const io2 = (change: Partial<EbsVolume>): EbsVolume => ({ type: "io2", sizeGiB: 100, iops: 3000, ...change });

describe("volumes of EBS", () => {
  it.each<[EbsVolume, EbsVolume, RegExp]>([
    [gp3({ sizeGiB: 1 }), gp3({ sizeGiB: 0 }), /0 GiB; allowed are 1 to 65536/],
    [gp3({ sizeGiB: 65_536 }), gp3({ sizeGiB: 65_537 }), /65537 GiB/],
    [gp3({ iops: 3000 }), gp3({ iops: 2999 }), /2999 IOPS; allowed are 3000 to 80000/],
    [gp3({ sizeGiB: 160, iops: 80_000 }), gp3({ sizeGiB: 200, iops: 80_001 }), /80001 IOPS; allowed/],
    [gp3({ sizeGiB: 8, iops: 4000 }), gp3({ sizeGiB: 7, iops: 4000 }), /at most 3500, or at least 8 GiB/],
    [gp3({ throughputMiB: 125 }), gp3({ throughputMiB: 124 }), /124 MiB\/s; allowed are 125 to 2000/],
    [gp3({ iops: 4000, throughputMiB: 1000 }), gp3({ iops: 3999, throughputMiB: 1000 }), /at least 4000 IOPS/],
    [gp3({ iops: 8000, throughputMiB: 2000 }), gp3({ iops: 9000, throughputMiB: 2001 }), /2001 MiB\/s; allowed/],
    [io2({ sizeGiB: 4 }), io2({ sizeGiB: 3 }), /3 GiB; allowed are 4/],
    [io2({ iops: 100 }), io2({ iops: 99 }), /99 IOPS; allowed are 100 to 256000/],
    [io2({ sizeGiB: 256, iops: 256_000 }), io2({ sizeGiB: 300, iops: 256_001 }), /256001 IOPS/],
    [io2({ sizeGiB: 10, iops: 10_000 }), io2({ sizeGiB: 10, iops: 10_001 }), /at most 10000, or at least 11 GiB/],
    [io2({}), io2({ throughputMiB: 500 }), /io2 takes no throughput/],
  ])("takes %j and refuses %j", (good, bad, message) => {
    expect(ebsProblems(good)).toEqual([]);
    expect(ebsProblems(bad)).toEqual([expect.stringMatching(message)]);
  });

  it("say everything that is wrong at once, with the source", () => {
    const problems = ebsProblems(gp3({ sizeGiB: 0, iops: 1, throughputMiB: 1 }));
    expect(problems).toHaveLength(3);
    expect(problems.join("\n")).toMatch(/\(gp3: https:\/\/docs\.aws\.amazon\.com\/.*\)/);
  });

  it("that the smallest of a type may have are taken whatever their size", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 65_536 }), (sizeGiB) => {
        expect(ebsProblems(gp3({ sizeGiB, throughputMiB: 125 }))).toEqual([]);
      }),
    );
  });
});

describe("what is wanted of a host", () => {
  const plan = planOf("prod-a");
  const member = hostOf(plan, "prod-a-etcd-main-1");

  it("two disks of its instance, large enough, or volumes of EBS", () => {
    const volumes = { wal: gp3({}), database: gp3({}) };
    expect(diskProblems({ instanceType: "i3en.2xlarge", volumes: {} }, member)).toEqual([]);
    expect(diskProblems({ instanceType: "i4i.2xlarge", volumes: {} }, member)).toEqual([
      "i4i.2xlarge has 1 local NVMe disks, 2 are needed; take another type, or `aws.disks` of EBS",
    ]);
    expect(diskProblems({ instanceType: "i4i.2xlarge", volumes }, member)).toEqual([]);
    expect(diskProblems({ instanceType: "q9.large", volumes: {} }, member)[0]).toMatch(/not in the catalogue/);
    expect(diskProblems({ instanceType: "c7i.large", volumes: {} }, hostOf(plan, "prod-a-master-1"))).toEqual([]);
  });

  it("not more than seven of a group in a zone", () => {
    expect(spreadProblems(plan)).toEqual([]);
    const zone = { groups: plan.groups, hosts: plan.hosts.map((host) => ({ ...host, zone: "a" })) };
    expect(spreadProblems(zone)).toEqual([
      "masters has 11 hosts in zone a; a spread placement group takes 7: use more zones",
    ]);
  });

  it("an image, whose id only AWS can tell", () => {
    expect(imageProblems({ region: "eu-central-1", image: "ami-0123456789abcdef0" })).toEqual([]);
    expect(imageProblems({ region: "eu-central-1", image: "debian-13" })[0]).toMatch(/no image's id/);
    expect(imageProblems({ region: "eu-central-1" })).toEqual([
      "missing, and no image is known for eu-central-1: take the id that `aws ec2 describe-images --region eu-central-1 --owners 136693071363 --filters Name=name,Values=debian-13-amd64-20260914-2601 --query 'Images[].ImageId' --output text` prints",
    ]);
  });
});
