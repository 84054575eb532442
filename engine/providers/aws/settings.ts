/** Settings of the provider: `new aws.Provider(...)`, or the stack's configuration `aws:region`. */
import { isObject, type Value, type Values } from "../../values/value";
import { unsupported } from "../unsupported";
import { isRegion } from "./places";

export interface Settings {
  readonly region: string;
  readonly account: string;
  readonly defaultTags: Readonly<Record<string, Value>>;
}

const DEFAULT_ACCOUNT = "123456789012";
/** Of credentials nothing is used: a rehearsal asks nobody. */
const UNUSED = [
  ...["accessKey", "secretKey", "token", "profile", "maxRetries", "retryMode", "ignoreTags"],
  ...["skipCredentialsValidation", "skipMetadataApiCheck", "skipRegionValidation", "skipRequestingAccountId"],
];
const SUPPORTED = ["region", "allowedAccountIds", "forbiddenAccountIds", "defaultTags", ...UNUSED];

/** The SDK sends lists and objects of a provider as JSON text. */
function opened(value: Value | undefined): Value | undefined {
  return typeof value === "string" && /^[[{]/.test(value) ? (JSON.parse(value) as Value) : value;
}

export function readSettings(config: Values, account?: string): Settings {
  const [other] = Object.keys(config).filter((name) => config[name] !== null && !SUPPORTED.includes(name));
  if (other !== undefined) throw unsupported("provider setting", other, SUPPORTED);
  const { AWS_REGION, AWS_DEFAULT_REGION } = process.env;
  const region = String(config.region ?? AWS_REGION ?? AWS_DEFAULT_REGION ?? "us-east-1");
  if (!isRegion(region)) throw new Error(`invalid AWS Region: ${region}`);
  const [allowed, forbidden] = [config.allowedAccountIds, config.forbiddenAccountIds].map((ids) => opened(ids));
  const own = account ?? (Array.isArray(allowed) && typeof allowed[0] === "string" ? allowed[0] : DEFAULT_ACCOUNT);
  if ((Array.isArray(allowed) && !allowed.includes(own)) || (Array.isArray(forbidden) && forbidden.includes(own)))
    throw new Error(`AWS account ID not allowed: ${own}`);
  const tags = opened(config.defaultTags);
  return { region, account: own, defaultTags: isObject(tags) && isObject(tags.tags) ? tags.tags : {} };
}
