/** Where host programs are on a host: what is not called by the content itself is called by these paths. */
export const machineApply = "/usr/local/sbin/machine-apply";
/** The folder of all the others. */
export const tools = "/usr/local/lib/kilonode";
