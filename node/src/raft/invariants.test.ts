import assert from "node:assert/strict";
import { test } from "node:test";
import {
  ClusterInvariants,
  checkInvariants,
  type RaftStatus,
  type RaftView,
  toNodeId,
} from "./index.ts";
import { checkLogMatching } from "./invariants.ts";
import { testMember } from "./test-cluster.test-kit.ts";
import { at, entry, inTerm } from "./test-entries.test-kit.ts";

function status(change: Partial<RaftStatus> = {}): RaftStatus {
  return {
    id: toNodeId(1),
    role: "follower",
    term: inTerm(2),
    votedFor: null,
    leader: null,
    commitIndex: at(3),
    lastIndex: at(5),
    persistedIndex: at(5),
    firstIndex: at(1),
    configuration: { members: [testMember(1), testMember(2)] },
    configurationIndex: at(1),
    transferTarget: null,
    progress: [],
    ...change,
  };
}

/** A member whose log has these terms from index 1 on. */
function view(terms: readonly number[], change: Partial<RaftStatus> = {}): RaftView {
  return {
    status: () =>
      status({ lastIndex: at(terms.length), persistedIndex: at(terms.length), ...change }),
    term: (index) => (terms[index - 1] === undefined ? null : inTerm(terms[index - 1] ?? 0)),
    termRuns: () =>
      terms.flatMap((term, n) =>
        terms[n - 1] === term ? [] : [{ index: at(n + 1), term: inTerm(term) }],
      ),
  };
}

test("what only grows may not go back", () => {
  const broken: [RegExp, Partial<RaftStatus>, Partial<RaftStatus>][] = [
    [/terms only grow/, {}, { term: inTerm(1) }],
    [/commit index only grows/, {}, { commitIndex: at(2) }],
    [/commit within the log/, {}, { commitIndex: at(6) }],
    [/persisted within the log/, {}, { persistedIndex: at(6) }],
    [/compacted prefix only grows/, { firstIndex: at(2) }, {}],
    [/only what is committed is compacted/, {}, { firstIndex: at(5) }],
    [/a leader knows that it leads/, {}, { role: "leader" }],
    [/one vote per term/, { votedFor: toNodeId(1) }, { votedFor: toNodeId(2) }],
    [/one vote per term/, { votedFor: toNodeId(1) }, {}],
    [/one leader per term/, { leader: toNodeId(1) }, { leader: toNodeId(2) }],
    [
      /Leader Append-Only/,
      { role: "leader", leader: toNodeId(1) },
      { role: "leader", leader: toNodeId(1), lastIndex: at(4), persistedIndex: at(4) },
    ],
  ];
  for (const [rule, before, after] of broken) {
    assert.throws(() => checkInvariants(status(before), status(after)), rule);
  }
  checkInvariants(status({ votedFor: toNodeId(1) }), status({ term: inTerm(3) }));
});

test("Election Safety: two leaders of a term are found", () => {
  const cluster = new ClusterInvariants();
  cluster.observe(view([1], { role: "leader", leader: toNodeId(1), commitIndex: at(0) }));
  const other = {
    id: toNodeId(2),
    role: "leader",
    leader: toNodeId(2),
    commitIndex: at(0),
  } as const;
  assert.throws(() => cluster.observe(view([1], other)), /Election Safety/);
});

test("Log Matching: the same entry after different ones is found", () => {
  const matching = (a: readonly number[], b: readonly number[]): void =>
    checkLogMatching(view(a), view(b, { id: toNodeId(2) }));
  assert.throws(() => matching([1, 1, 3], [1, 2, 3]), /Log Matching/);
  assert.throws(() => matching([1, 2, 2, 4, 4], [2, 2, 2, 4]), /Log Matching/);
  matching([1, 1, 3], [1, 1, 2, 2, 2]);
  matching([1, 1, 1, 4], [1, 1, 1, 2, 3]);
});

test("State Machine Safety: different committed entries at one index are found", () => {
  const cluster = new ClusterInvariants();
  cluster.observe(view([1, 1], { commitIndex: at(2) }));
  const other = view([1, 2], { id: toNodeId(2), commitIndex: at(2) });
  assert.throws(() => cluster.observe(other), /State Machine Safety/);
  cluster.applied(toNodeId(1), entry(1, 1, 3));
  assert.throws(() => cluster.applied(toNodeId(2), entry(1, 1, 4)), /State Machine Safety/);
});

test("Leader Completeness: a leader without a committed entry is found", () => {
  const cluster = new ClusterInvariants();
  cluster.observe(view([1, 1], { term: inTerm(1), commitIndex: at(2) }));
  const leader = {
    id: toNodeId(2),
    role: "leader",
    leader: toNodeId(2),
    commitIndex: at(0),
  } as const;
  assert.throws(() => cluster.observe(view([1], leader)), /Leader Completeness/);
});
