/**
 * The image that hosts boot: Debian's own, of one day, so that a host that is made again in a year is made from the same. An id is of one
 * region; nobody but AWS can tell it, so a stack says it (`aws.image`), and `findImage` says how it is found.
 */
import { UserError } from "../../../config/errors";

/** https://wiki.debian.org/Cloud/AmazonEC2Image: the account is Debian's, the number after the date is of the build. */
export const debianImage = { owner: "136693071363", name: "debian-13-amd64-20260914-2601" } as const;

/** Region to the image's id. None is known before somebody has asked AWS; `aws.image` of a stack comes first. */
export const images: Readonly<Record<string, string>> = {};

export function imageOf({ image, region }: { readonly image?: string | undefined; readonly region: string }): string {
  const found = image ?? new Map(Object.entries(images)).get(region);
  if (found === undefined) throw new UserError(imageProblems({ region }).join("\n"));
  return found;
}

export function imageProblems({
  image,
  region,
}: {
  readonly image?: string | undefined;
  readonly region: string;
}): string[] {
  if (image !== undefined)
    return /^ami-([0-9a-f]{8}|[0-9a-f]{17})$/.test(image)
      ? []
      : [`${image} is no image's id; one is "ami-" and 17 hexadecimal digits, such as ami-0123456789abcdef0`];
  if (new Map(Object.entries(images)).has(region)) return [];
  return [`missing, and no image is known for ${region}: take the id that \`${findImage(region)}\` prints`];
}

/** Prints the id of the image in a region. */
export const findImage = (region: string): string =>
  `aws ec2 describe-images --region ${region} --owners ${debianImage.owner} --filters Name=name,Values=${debianImage.name} --query 'Images[].ImageId' --output text`;
