import assert from "node:assert/strict";
import { test } from "node:test";
import { suiteOf } from "./suites.ts";

test("a test file belongs to the folder under tests/, or to the suite its name tells", () => {
  assert.equal(suiteOf("tests/cluster/kill-leader.test.ts"), "cluster");
  assert.equal(suiteOf("tests/tidy/paper.test.ts"), "tidy");
  assert.equal(suiteOf("node/src/raft/paper.test.ts"), "paper");
  assert.equal(suiteOf("node/src/raft/golden.test.ts"), "golden");
  assert.equal(suiteOf("node/src/api/auth-matrix.test.ts"), "auth-matrix");
  assert.equal(suiteOf("node/src/transport/frame-fuzz.test.ts"), "fuzz");
  assert.equal(suiteOf("node/src/raft/paper-less.test.ts"), "paper");
  assert.equal(suiteOf("node/src/raft/newspaper.test.ts"), "unit");
});
