// `npm run format`: writes every file in the project's format.
import { spawnSync } from "node:child_process";
import { shellFiles } from "./host-programs.mjs";

spawnSync("npx", ["biome", "check", "--write", "."], { stdio: "inherit" });
spawnSync("shfmt", ["-w", "-i", "2", "-ci", ...shellFiles()], { stdio: "inherit" });
