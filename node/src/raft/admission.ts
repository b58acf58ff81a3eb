/**
 * The rules on terms that every message passes first (§5.1): a later term is adopted, an earlier
 * one is answered so that its sender catches up. Pre-votes never change a term (§9.6).
 */
import { answerStaleLeader } from "./append.ts";
import type { NodeState } from "./node-state.ts";
import { becomeFollower } from "./roles.ts";
import type { Message } from "./types.ts";
import { isLeaderAlive } from "./vote.ts";

/** @returns whether the message is to be handled in the term that the node then has. */
export function admit(node: NodeState, message: Message): boolean {
  // A wiped node that came back has another id: what is meant for its former self is not for it.
  if (message.to !== node.id || message.from === node.id) return false;
  if (message.term === node.currentTerm) return true;
  return message.term > node.currentTerm ? admitLater(node, message) : admitEarlier(node, message);
}

function admitLater(node: NodeState, message: Message): boolean {
  switch (message.type) {
    case "requestPreVote":
      return true;
    case "requestPreVoteResponse":
      // A granted pre-vote has the term that was asked about, which nobody has entered yet.
      if (message.voteGranted) return true;
      break;
    case "requestVote":
      // Silence, not a refusal: our earlier term would mean nothing to the candidate.
      if (!message.leadershipTransfer && isLeaderAlive(node)) return false;
      break;
    default:
  }
  becomeFollower(node, message.term, isFromLeader(message) ? message.from : null);
  return true;
}

function isFromLeader(message: Message): boolean {
  switch (message.type) {
    case "appendEntries":
    case "heartbeat":
    case "installSnapshot":
      return true;
    default:
      return false;
  }
}

function admitEarlier(node: NodeState, message: Message): boolean {
  if (isFromLeader(message)) answerStaleLeader(node, message.from);
  if (message.type === "requestPreVote") {
    node.outbox.send({
      type: "requestPreVoteResponse",
      from: node.id,
      to: message.from,
      term: node.currentTerm,
      voteGranted: false,
    });
  }
  return false;
}
