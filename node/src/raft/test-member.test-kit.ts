/**
 * One core on its own, with hand-made messages: for tests of a single rule. Node 1 of three voters,
 * unless told otherwise; its log begins after index 3, term 1.
 */
import {
  type AppendEntries,
  type AppendEntriesResponse,
  createRaft,
  type Effects,
  type Entry,
  type Input,
  type Message,
  type Raft,
  type RaftOptions,
  type RaftRestore,
  toNodeId,
} from "./index.ts";
import { defaultOptions, testMember } from "./test-cluster.test-kit.ts";
import { at, inTerm } from "./test-entries.test-kit.ts";

export function loneMember(
  options: Partial<RaftOptions> = {},
  restore: Partial<RaftRestore> = {},
): Raft {
  const found: RaftRestore = {
    id: toNodeId(1),
    hardState: { currentTerm: inTerm(1), votedFor: null },
    compactedIndex: at(3),
    compactedTerm: inTerm(1),
    termRuns: [],
    lastIndex: at(3),
    appliedIndex: at(3),
    configuration: { members: [testMember(1), testMember(2), testMember(3)] },
    configurationIndex: at(3),
    configurationEntries: [],
    ...restore,
  };
  return createRaft({ ...defaultOptions, ...options }, found, () => 0);
}

export const ticks = (count: number): Input[] =>
  Array.from({ length: count }, () => ({ type: "tick" }));

/** Proposals of so many bytes, with ids from `from` on. */
export const proposals = (count: number, bytes: number, from: number = 1): Input[] =>
  Array.from({ length: count }, (_, n) => ({
    type: "propose",
    id: from + n,
    data: new Uint8Array(bytes),
  }));

export const received = (message: Message): Input => ({ type: "message", message });

/** Makes the member leader of the next term, by the vote of node 2; its noop is durable. */
export function elect(raft: Raft): void {
  raft.step(ticks(defaultOptions.electionTimeoutTicks));
  const term = inTerm(raft.status().term + 1);
  const vote = { from: toNodeId(2), to: raft.status().id, term, voteGranted: true };
  raft.step([received({ type: "requestPreVoteResponse", ...vote })]);
  raft.step([received({ type: "requestVoteResponse", ...vote })]);
  persist(raft);
}

/** Reports the last write as durable. */
export function persist(raft: Raft): Effects {
  const index = raft.status().lastIndex;
  return raft.step([{ type: "persisted", index, term: raft.term(index) ?? inTerm(0) }]);
}

/** An append from node 2 to node 1. */
export const append = (
  term: number,
  prev: readonly [index: number, term: number],
  rest: {
    readonly entries?: readonly Entry[];
    readonly commit?: number;
    readonly to?: number;
  } = {},
): AppendEntries => ({
  type: "appendEntries",
  from: toNodeId(2),
  to: toNodeId(rest.to ?? 1),
  term: inTerm(term),
  prevLogIndex: at(prev[0]),
  prevLogTerm: inTerm(prev[1]),
  entries: rest.entries ?? [],
  leaderCommit: at(rest.commit ?? 0),
});

/** A success from `from`. */
export const acknowledgement = (
  from: number,
  term: number,
  matchIndex: number,
): AppendEntriesResponse => ({
  type: "appendEntriesResponse",
  from: toNodeId(from),
  to: toNodeId(1),
  term: inTerm(term),
  success: true,
  matchIndex: at(matchIndex),
  rejectedIndex: at(0),
  conflictIndex: at(0),
  conflictTerm: inTerm(0),
});
