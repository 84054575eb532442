// Pulumi puts a compiler in front of packs that checks types at each start; this one, as the program's, compiles before it.
require("tsx/cjs");
require("./index.ts");
