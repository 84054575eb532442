// Loaded into the program's process before anything else: what the SDK does that a rehearsal never needs.
const Module = require("node:module");
const { isMainThread } = require("node:worker_threads");

// Only functions that become text (dynamic providers) need the TypeScript compiler and npm's tree of packages: half of what the
// SDK takes to load. Each is loaded when it is first used.
const LATE = new Set(["../../typescript-shim", "@npmcli/arborist"]);
const SDK = /[\\/]@pulumi[\\/]pulumi[\\/]/;

function late(load) {
  let loaded;
  const real = () => {
    loaded ??= load();
    return loaded;
  };
  return new Proxy(Object.create(null), {
    // Asked by every compiled import; true leaves the rest of it alone.
    get: (_, key) => (key === "__esModule" ? true : real()[key]),
    has: (_, key) => key in real(),
  });
}

// Node preloads into worker threads, too: those run compilers' hooks, not the program.
if (isMainThread) {
  const load = Module._load;
  Module._load = function (request, parent, ...rest) {
    const whole = () => load.call(this, request, parent, ...rest);
    return LATE.has(request) && SDK.test(parent?.filename ?? "") ? late(whole) : whole();
  };
  // The SDK sends every debug message to the engine in a call of its own, one after the other, with whole resources in them: a
  // third of the time of a preview, for messages that nobody reads.
  const sdk = (part) => require(require.resolve(`@pulumi/pulumi/${part}`, { paths: [process.cwd()] }));
  sdk("log").debug = () => Promise.resolve();
  // Where in the source each resource is made: found by mapping a stack trace for each, and shown by nobody.
  sdk("resource").Resource.callsites = () => [];
}
