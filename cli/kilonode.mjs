#!/usr/bin/env node
// The `kilonode` command: lets Node read TypeScript, then main.ts does the rest.
import { createRequire } from "node:module";
import { register } from "tsx/cjs/api";

register();
createRequire(import.meta.url)("./main.ts").run();
