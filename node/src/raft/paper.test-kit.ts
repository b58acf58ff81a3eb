/** Messages and clusters for the tests that cite the paper and the thesis. */
import assert from "node:assert/strict";
import { type Effects, type Message, type NodeId, type Raft, toNodeId } from "./index.ts";
import { defaultOptions, TestCluster } from "./test-cluster.test-kit.ts";
import { at, inTerm } from "./test-entries.test-kit.ts";
import { loneMember, received, ticks } from "./test-member.test-kit.ts";

export const T: number = defaultOptions.electionTimeoutTicks;
export const peers: { readonly from: NodeId; readonly to: NodeId } = {
  from: toNodeId(2),
  to: toNodeId(1),
};

export const requestVote = (
  term: number,
  last: readonly [index: number, term: number],
  from: number = 2,
): Message => ({
  type: "requestVote",
  from: toNodeId(from),
  to: toNodeId(1),
  term: inTerm(term),
  lastLogIndex: at(last[0]),
  lastLogTerm: inTerm(last[1]),
  leadershipTransfer: false,
});

export const requestPreVote = (term: number, last: readonly [number, number]): Message => ({
  type: "requestPreVote",
  ...peers,
  term: inTerm(term),
  lastLogIndex: at(last[0]),
  lastLogTerm: inTerm(last[1]),
});

export const typesOf = (messages: readonly Message[]): string[] => messages.map(({ type }) => type);

export function voteOf(effects: Effects): boolean | undefined {
  const answer = [...effects.messages, ...effects.messagesAfterWrite].find(
    (m) => m.type === "requestVoteResponse" || m.type === "requestPreVoteResponse",
  );
  return answer?.voteGranted;
}

/** A cluster of `voters` with node 1 as leader of term 2 and its noop committed everywhere. */
export function ledCluster(voters: number, learners: number = 0): TestCluster {
  const cluster = new TestCluster();
  cluster.addNodes(voters, learners);
  cluster.step(1, ticks(T));
  cluster.stabilize();
  assert.equal(cluster.status(1).role, "leader");
  return cluster;
}

export const propose = (cluster: TestCluster, id: number, text: string): Effects =>
  cluster.step(id, [
    { type: "propose", id: cluster.nextRequest(), data: new TextEncoder().encode(text) },
  ]);

export function candidate(): Raft {
  const raft = loneMember();
  raft.step(ticks(T));
  raft.step([
    received({ type: "requestPreVoteResponse", ...peers, term: inTerm(2), voteGranted: true }),
  ]);
  assert.equal(raft.status().role, "candidate");
  assert.equal(raft.status().term, 2);
  return raft;
}
