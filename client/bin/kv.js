#!/usr/bin/env node
// Starts the `kv` command on whatever Node the shell found. In a clone the sources are TypeScript,
// which needs Node >= 24: an older one hands over to the Node that the repository pins.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import * as nodeModule from "node:module";
import { constants } from "node:os";
import { fileURLToPath } from "node:url";

const NODE_MAJOR_MIN = 24;

const pathOf = (relative) => fileURLToPath(new URL(relative, import.meta.url));
const source = pathOf("../src/cli/main.ts");
const built = pathOf("../dist/cli/main.js");
const pinnedNode = pathOf("../../node_modules/.bin/node");
// Compiled code is kept inside the clone, not in a /tmp that others can write to.
const compiled = pathOf("../../node_modules/.cache/kvcluster-compiled");

const main = existsSync(source) ? source : built;
const isRecent = Number(process.versions.node.split(".")[0]) >= NODE_MAJOR_MIN;

if (isRecent) {
  if (existsSync(source)) nodeModule.enableCompileCache?.(compiled);
  await import(main);
} else if (existsSync(pinnedNode)) {
  const child = spawn(pinnedNode, [main, ...process.argv.slice(2)], { stdio: "inherit" });
  // A Ctrl-C reaches both; this process only waits for the other's end and passes it on.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"])
    process.on(signal, () => child.kill(signal));
  child.on("exit", (code, signal) => {
    process.exitCode = code ?? 128 + constants.signals[signal];
  });
} else {
  console.error(`kv needs Node >= ${NODE_MAJOR_MIN}; this is ${process.version}`);
  process.exitCode = 1;
}
