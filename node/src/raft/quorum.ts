/** The arithmetic of majorities. Knows nothing of time, messages or roles. */
import { type LogIndex, type NodeId, toLogIndex } from "./types.ts";

/** Servers that make a majority of `voters`. */
export const quorumSize = (voters: number): number => Math.floor(voters / 2) + 1;

/** Whether a majority of `voters` satisfies `predicate`; false without voters. */
export function hasQuorum(voters: readonly NodeId[], predicate: (id: NodeId) => boolean): boolean {
  let count = 0;
  for (const id of voters) if (predicate(id)) count += 1;
  return voters.length > 0 && count >= quorumSize(voters.length);
}

/** The highest index that a majority of `voters` holds; 0 without voters. */
export function quorumIndex(
  voters: readonly NodeId[],
  matchIndex: (id: NodeId) => LogIndex,
): LogIndex {
  const indexes = voters.map(matchIndex).sort((a, b) => b - a);
  return indexes[quorumSize(voters.length) - 1] ?? toLogIndex(0);
}

export type VoteOutcome = "won" | "lost" | "pending";

/** Where an election stands; a server without an entry in `votes` has not answered. */
export function tallyVotes(
  voters: readonly NodeId[],
  votes: ReadonlyMap<NodeId, boolean>,
): VoteOutcome {
  if (hasQuorum(voters, (id) => votes.get(id) === true)) return "won";
  return hasQuorum(voters, (id) => votes.get(id) !== false) ? "pending" : "lost";
}
