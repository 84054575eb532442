// Loaded into every process of a run. The SDK's servers listen on a port of the loopback address, where every local user may call
// them; here they take the socket that the engine made for this process, or, where it made none (the program), do not listen.
const Module = require("node:module");
const { isMainThread } = require("node:worker_threads");

const socket = process.env.REHEARSAL_SOCKET;

function bindAsync(bind) {
  return function (_address, credentials, done) {
    if (socket) bind.call(this, `unix:${socket}`, credentials, done);
    else done(new Error("transforms and hooks are not supported in a rehearsal; use the Pulumi CLI"));
  };
}

// Node preloads into worker threads, too: those run compilers' hooks.
if (isMainThread) {
  const load = Module._load;
  const known = new WeakSet();
  // The SDK and its policies may have a copy of gRPC each.
  Module._load = function (request, ...rest) {
    const loaded = load.call(this, request, ...rest);
    if (request === "@grpc/grpc-js" && !known.has(loaded)) {
      known.add(loaded);
      loaded.Server.prototype.bindAsync = bindAsync(loaded.Server.prototype.bindAsync);
    }
    return loaded;
  };
}
