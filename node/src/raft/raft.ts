/**
 * The consensus core's face: inputs in, effects out. It dispatches and nothing else; every rule has
 * a file of its own. No I/O, no clock, no randomness but the generator it is given: the same inputs
 * give the same effects.
 */
import { admit } from "./admission.ts";
import { handleAppendEntries, handleHeartbeat } from "./append.ts";
import { assertInvariant } from "./assertion.ts";
import {
  handleRequestPreVoteResponse,
  handleRequestVoteResponse,
  handleTimeoutNow,
  resumeTimeoutNow,
} from "./election.ts";
import { higherIndex } from "./log-index.ts";
import { changeMembership, stepDownIfRemoved } from "./membership.ts";
import type { NodeState } from "./node-state.ts";
import { propose } from "./own-log.ts";
import {
  forwardReads,
  handleReadIndexRequest,
  handleReadIndexResponse,
  readIndex,
} from "./read-forwarding.ts";
import { startReadRound } from "./read-index.ts";
import {
  advanceCommit,
  entriesRead,
  handleAppendEntriesResponse,
  handleHeartbeatResponse,
  peerUnreachable,
  replicate,
} from "./replication.ts";
import { restoreNode } from "./restore.ts";
import { handleInstallSnapshot, snapshotInstalled, snapshotSent } from "./snapshot.ts";
import { statusOf } from "./status.ts";
import type { TermRun } from "./term-runs.ts";
import { tick } from "./tick.ts";
import { transferLeadership } from "./transfer.ts";
import type {
  Effects,
  HardState,
  Input,
  LogIndex,
  Message,
  RaftOptions,
  RaftRestore,
  RaftStatus,
  Term,
} from "./types.ts";
import { handleRequestPreVote, handleRequestVote } from "./vote.ts";

/**
 * One member of a cluster, from what its disk has.
 * @param random a number in [0, 1); draws election timeouts and the first number of a read batch.
 * @throws InvariantViolation, DecodeError when the restored state contradicts itself.
 */
export function createRaft(options: RaftOptions, restore: RaftRestore, random: () => number): Raft {
  return new Raft(options, restore, random);
}

export class Raft {
  readonly #node: NodeState;
  /** As told to the driver last. */
  #hardState: HardState;

  constructor(options: RaftOptions, restore: RaftRestore, random: () => number) {
    this.#node = restoreNode(options, restore, random);
    this.#hardState = restore.hardState;
  }

  /**
   * Takes inputs in order and says what is to be done. Many proposals in one call become one write
   * and one message per follower.
   * @throws InvariantViolation when the state is impossible: the process must crash.
   */
  step(inputs: readonly Input[]): Effects {
    const node = this.#node;
    node.steps += 1;
    for (const input of inputs) take(node, input);
    if (node.leadership === null) forwardReads(node);
    else finishLeaderStep(node);
    const effects = node.outbox.take(this.#changedHardState(), node.commitIndex);
    if (effects.write !== null && effects.write.entries.length > 0) node.log.writeIssued();
    node.log.evict(node.options.cacheBytesMax);
    return effects;
  }

  /** A snapshot of the core's state; built at each call. */
  status(): RaftStatus {
    return statusOf(this.#node);
  }

  /** The term of the entry at `index`; null when it is compacted away or not there. */
  term(index: LogIndex): Term | null {
    return this.#node.log.term(index);
  }

  /** The runs of equal terms after the compacted prefix: the shape of the log, for checks. */
  termRuns(): readonly TermRun[] {
    return this.#node.log.termRuns;
  }

  #changedHardState(): HardState | null {
    const { currentTerm, votedFor } = this.#node;
    const last = this.#hardState;
    if (last.currentTerm === currentTerm && last.votedFor === votedFor) return null;
    this.#hardState = { currentTerm, votedFor };
    return this.#hardState;
  }
}

function finishLeaderStep(node: NodeState): void {
  const { leadership } = node;
  if (leadership === null) return;
  if (leadership.isCommitDue) advanceCommit(node, leadership);
  startReadRound(node, leadership);
  replicate(node, leadership);
  stepDownIfRemoved(node, leadership);
}

function take(node: NodeState, input: Input): void {
  switch (input.type) {
    case "tick":
      tick(node);
      break;
    case "message":
      if (admit(node, input.message)) handle(node, input.message);
      break;
    case "propose":
      propose(node, input);
      break;
    case "readIndex":
      readIndex(node, input.id);
      break;
    case "changeMembership":
      changeMembership(node, input.id, input.change);
      break;
    case "transferLeadership":
      transferLeadership(node, input.id, input.target);
      break;
    case "persisted":
      persisted(node, input.index, input.term);
      break;
    case "applied":
      applied(node, input.index);
      break;
    case "snapshotInstalled":
      snapshotInstalled(node, input.snapshot);
      break;
    case "snapshotSent":
      snapshotSent(node, input);
      break;
    case "compacted":
      compacted(node, input.index, input.term);
      break;
    case "entriesRead":
      entriesRead(node, input.to, input.entries);
      break;
    case "unreachable":
      peerUnreachable(node, input.nodeId);
      break;
    default:
      input satisfies never;
  }
}

function handle(node: NodeState, message: Message): void {
  switch (message.type) {
    case "requestPreVote":
      handleRequestPreVote(node, message);
      break;
    case "requestPreVoteResponse":
      handleRequestPreVoteResponse(node, message);
      break;
    case "requestVote":
      handleRequestVote(node, message);
      break;
    case "requestVoteResponse":
      handleRequestVoteResponse(node, message);
      break;
    case "appendEntries":
      handleAppendEntries(node, message);
      break;
    case "appendEntriesResponse":
      if (node.leadership !== null) handleAppendEntriesResponse(node, node.leadership, message);
      break;
    case "heartbeat":
      handleHeartbeat(node, message);
      break;
    case "heartbeatResponse":
      if (node.leadership !== null) handleHeartbeatResponse(node, node.leadership, message);
      break;
    case "installSnapshot":
      handleInstallSnapshot(node, message);
      break;
    case "timeoutNow":
      handleTimeoutNow(node, message);
      break;
    case "readIndexRequest":
      handleReadIndexRequest(node, message);
      break;
    case "readIndexResponse":
      handleReadIndexResponse(node, message);
      break;
    default:
      message satisfies never;
  }
}

/** The leader counts itself only for what is durable here (thesis §10.2.1). */
function persisted(node: NodeState, index: LogIndex, term: Term): void {
  node.log.writePersisted(index, term);
  const { leadership } = node;
  if (leadership === null) return;
  leadership.isCommitDue = true;
  if (node.log.persistedIndex >= leadership.termStartIndex) leadership.isVoteDurable = true;
}

function applied(node: NodeState, index: LogIndex): void {
  assertInvariant(
    index <= node.commitIndex,
    () => `applied ${index}, committed only ${node.commitIndex}`,
  );
  node.lastApplied = higherIndex(node.lastApplied, index);
  node.configurations.forgetBefore(node.lastApplied);
  resumeTimeoutNow(node);
}

function compacted(node: NodeState, index: LogIndex, term: Term): void {
  assertInvariant(
    index <= node.lastApplied,
    () => `compacted up to ${index}, applied only ${node.lastApplied}`,
  );
  node.log.compact(index, term);
}
