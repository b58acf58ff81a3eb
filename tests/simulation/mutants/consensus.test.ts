/** Historic bugs of consensus, put back: each must be noticed. */
import { test } from "node:test";
import { electionBugs } from "./election-bugs.test-kit.ts";
import { assertCaught, titleOf } from "./hunt.test-kit.ts";
import { logBugs } from "./log-bugs.test-kit.ts";
import { membershipBugs } from "./membership-bugs.test-kit.ts";

for (const mutant of [...electionBugs, ...logBugs, ...membershipBugs]) {
  test(titleOf(mutant), (t) => assertCaught(t, mutant));
}
