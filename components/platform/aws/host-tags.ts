/** Tags of what belongs to one host, beside those that everything has. */

/** The host's name. */
export const hostTag = "kilonode:host";

/** Of an instance: how it was made, and who is believed. */
export const hostTags = {
  machine: "kilonode:machine",
  volumes: "kilonode:volumes",
  incarnation: "kilonode:incarnation",
  /** Who is let in as root: the SSH public key of the program. */
  sshKey: "kilonode:ssh-key",
  /** By which the instance is known; written when its console has shown it. */
  hostKey: "kilonode:host-key",
} as const;
