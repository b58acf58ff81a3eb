import assert from "node:assert/strict";
import { test } from "node:test";
import type { Progress, RaftStatus } from "../raft/index.ts";
import { trimTarget } from "./log-trimming.ts";
import { at, node } from "./replica.test-kit.ts";

const limits = { logEntriesKept: 10, logEntriesKeptMax: 100, logTrimEntries: 20 };

const follower = (matchIndex: number, recentActive = true): Progress => ({
  id: node(2),
  matchIndex: at(matchIndex),
  nextIndex: at(matchIndex + 1),
  state: "replicate",
  recentActive,
});

const target = (
  appliedIndex: number,
  facts: { first?: number; progress?: Progress[]; snapshot?: number } = {},
): number | null =>
  trimTarget(limits, {
    status: {
      firstIndex: at(facts.first ?? 1),
      progress: facts.progress ?? [],
    } as never as RaftStatus,
    appliedIndex: at(appliedIndex),
    snapshotInFlight: facts.snapshot === undefined ? null : at(facts.snapshot),
  });

test("applied entries are trimmed but for those that are kept", () => {
  assert.equal(target(200), 190);
});

test("a few entries are not worth the work", () => {
  assert.equal(target(29), null);
  assert.equal(target(30), 20);
  assert.equal(target(200, { first: 180 }), null);
});

test("what a live follower still needs stays", () => {
  assert.equal(target(200, { progress: [follower(150), follower(180)] }), 150);
});

test("a follower that is gone does not hold the log, nor one too far behind", () => {
  assert.equal(target(200, { progress: [follower(0, false)] }), 190);
  assert.equal(target(200, { progress: [follower(20)] }), 100);
});

test("the log after a snapshot in flight stays", () => {
  assert.equal(target(200, { snapshot: 120 }), 120);
  assert.equal(target(300, { snapshot: 120 }), 200);
});
