/** The face behind which the engine itself is: loads all of it, the protocol, the SDK and the providers. See index.ts. */
export { providers } from "./providers";
export { cloudOf } from "./providers/aws";
export { type AwsApi, serveAws } from "./providers/aws/api";
export { type ServedApi, serveApi } from "./providers/served";
export { Rehearsal } from "./stack/rehearsal";
