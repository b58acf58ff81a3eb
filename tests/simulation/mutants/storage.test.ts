/** Historic bugs of snapshots, disks and the state machine, put back: each must be noticed. */
import { test } from "node:test";
import { assertCaught, titleOf } from "./hunt.test-kit.ts";
import { snapshotBugs } from "./snapshot-bugs.test-kit.ts";
import { stateBugs } from "./state-bugs.test-kit.ts";
import { storageBugs } from "./storage-bugs.test-kit.ts";

for (const mutant of [...snapshotBugs, ...storageBugs, ...stateBugs]) {
  test(titleOf(mutant), (t) => assertCaught(t, mutant));
}
