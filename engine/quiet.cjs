// Loaded into the program's process before anything else. The SDK sends every debug message to the engine in a call of its
// own, one after the other, with whole resources in them: a third of the time of a preview, for messages that nobody reads.
const log = require(require.resolve("@pulumi/pulumi/log", { paths: [process.cwd()] }));
log.debug = () => Promise.resolve();
