/** What to do about a master that does not serve. */
const page = "docs/operations.md";

export const mastersAdvice = {
  unready: `Look at the API server's log: ${page}#an-api-server-that-is-not-ready.`,
  unreachable: `Bring the host back, or make it anew by \`kilonode replace\` if it is lost: ${page}#a-host-that-does-not-answer.`,
  starting: `Look at what the service waits for: ${page}#a-service-that-does-not-come-up.`,
  leaderless: `Look at the logs of the component that the lease is named after: ${page}#no-master-leads.`,
  outOfRotation: `Look at the load balancer and at what it asks the master: ${page}#a-master-out-of-rotation.`,
} as const;
