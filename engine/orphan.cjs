// Loaded into servers that the engine starts: when the engine is gone, so that nobody will stop them, they end by themselves.
process.stdin.on("end", () => process.exit(0));
process.stdin.resume();
