/** The face behind which the engine itself is: loads all of it, the protocol, the SDK and the providers. See index.ts. */
export { providers } from "./providers";
export { Rehearsal } from "./stack/rehearsal";
