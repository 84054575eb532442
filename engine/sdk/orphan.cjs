// Loaded into servers that the engine starts: when the engine is gone, so that nobody will stop them, they end by themselves.
// (Watching standard input instead hangs Node 20 while it loads a compiler by --import.)
const engine = process.ppid;
setInterval(() => process.ppid !== engine && process.exit(0), 2000).unref();
