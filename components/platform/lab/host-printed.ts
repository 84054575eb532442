/** What `lab-host create` prints: the program pins the key, and the command line finds both again in the state. */
export function hostPrinted(stdout: string): { readonly address: string; readonly hostKey: string } {
  const { address, hostKey } = JSON.parse(stdout) as { readonly address: string; readonly hostKey: string };
  return { address, hostKey };
}
