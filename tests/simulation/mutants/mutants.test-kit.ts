/** Every mutant there is, in the order of the table in docs/correctness.md. */
import { authBugs } from "./auth-bugs.test-kit.ts";
import { clientBugs } from "./client-bugs.test-kit.ts";
import { electionBugs } from "./election-bugs.test-kit.ts";
import { logBugs } from "./log-bugs.test-kit.ts";
import { membershipBugs } from "./membership-bugs.test-kit.ts";
import type { Mutant } from "./mutant.test-kit.ts";
import { snapshotBugs } from "./snapshot-bugs.test-kit.ts";
import { stateBugs } from "./state-bugs.test-kit.ts";
import { storageBugs } from "./storage-bugs.test-kit.ts";

export const mutants: readonly Mutant[] = [
  ...electionBugs,
  ...logBugs,
  ...membershipBugs,
  ...snapshotBugs,
  ...clientBugs,
  ...storageBugs,
  ...stateBugs,
  ...authBugs,
];
