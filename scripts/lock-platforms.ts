/**
 * Completes package-lock.json with the builds for platforms that the registry in use did not offer
 * (a mirror may hold only some). npm 11 refuses to install from a lock that leaves one out.
 * Run it after `npm install` when tests/tidy says so; it changes nothing in a complete lock.
 */

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { completeLock } from "./platform-builds.ts";

const path = join(import.meta.dirname, "../package-lock.json");
const before = readFileSync(path, "utf8");
const { lock, added } = completeLock(JSON.parse(before));
writeFileSync(path, `${JSON.stringify(lock, null, 2)}\n`);
console.log(`added ${added.length} ${added.join(" ")}`);
