/** Historic bugs of what clients are told and of what tokens grant: each must be noticed. */
import { test } from "node:test";
import { authBugs } from "./auth-bugs.test-kit.ts";
import { clientBugs } from "./client-bugs.test-kit.ts";
import { assertCaught, titleOf } from "./hunt.test-kit.ts";

for (const mutant of [...clientBugs, ...authBugs]) {
  test(titleOf(mutant), (t) => assertCaught(t, mutant));
}
