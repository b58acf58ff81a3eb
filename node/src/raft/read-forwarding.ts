/**
 * Linearizable reads taken by a follower: it asks the leader for a read index, one batch at a time,
 * and serves the reads itself. A batch that is lost is asked for again; all reads are dropped when
 * the leader changes, and the driver may ask anew.
 */
import type { NodeState } from "./node-state.ts";
import { takeRead } from "./read-index.ts";
import type { ReadIndexRequest, ReadIndexResponse } from "./types.ts";

/** Carries out a `readIndex` input on any role. */
export function readIndex(node: NodeState, id: number): void {
  if (node.leadership !== null) {
    takeRead(node, node.leadership, { type: "local", id });
    return;
  }
  if (node.leader === null) {
    node.outbox.reject(id, "readDropped", `node ${node.id} knows no leader`);
    return;
  }
  const { waiting, asked } = node.forwardedReads;
  const pending = waiting.length + (asked?.ids.length ?? 0);
  if (pending < node.options.pendingReadsMax) waiting.push(id);
  else node.outbox.reject(id, "overloaded", `${pending} reads wait for the leader's answer`);
}

/** At the end of a step: asks the leader for all reads that wait, unless a batch is under way. */
export function forwardReads(node: NodeState): void {
  const reads = node.forwardedReads;
  if (node.leader === null || reads.asked !== null || reads.waiting.length === 0) return;
  reads.asked = { batch: reads.nextBatch, ids: reads.waiting, askedAtTick: node.ticks };
  reads.nextBatch += 1;
  reads.waiting = [];
  sendRequest(node);
}

/** A request or its answer may have been lost; asking twice is harmless. */
export function tickForwardedReads(node: NodeState): void {
  const { asked } = node.forwardedReads;
  if (asked === null || node.ticks - asked.askedAtTick < node.options.heartbeatTicks) return;
  asked.askedAtTick = node.ticks;
  sendRequest(node);
}

function sendRequest(node: NodeState): void {
  const { asked } = node.forwardedReads;
  if (asked === null || node.leader === null) return;
  node.outbox.send({
    type: "readIndexRequest",
    from: node.id,
    to: node.leader,
    term: node.currentTerm,
    batch: asked.batch,
  });
}

/** A follower asks; only a leader can answer, and this node may no longer be one. */
export function handleReadIndexRequest(node: NodeState, message: ReadIndexRequest): void {
  if (node.leadership !== null) {
    const { from, batch } = message;
    takeRead(node, node.leadership, { type: "remote", from, batch });
    return;
  }
  node.outbox.send({
    type: "readIndexResponse",
    from: node.id,
    to: message.from,
    term: node.currentTerm,
    batch: message.batch,
    readIndex: null,
  });
}

export function handleReadIndexResponse(node: NodeState, message: ReadIndexResponse): void {
  const { asked } = node.forwardedReads;
  // Only the answer to the batch under way, from the leader it was put to, in this term.
  if (asked === null || asked.batch !== message.batch || message.from !== node.leader) return;
  node.forwardedReads.asked = null;
  for (const id of asked.ids) {
    if (message.readIndex !== null) node.outbox.grantRead(id, message.readIndex);
    else node.outbox.reject(id, "readDropped", `node ${message.from} could not confirm the read`);
  }
}

/** The leader is lost or another one leads. */
export function dropForwardedReads(node: NodeState): void {
  const { asked, waiting } = node.forwardedReads;
  for (const id of [...(asked?.ids ?? []), ...waiting]) {
    node.outbox.reject(id, "readDropped", `node ${node.id} lost its leader`);
  }
  node.forwardedReads.asked = null;
  node.forwardedReads.waiting = [];
}
