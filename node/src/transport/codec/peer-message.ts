/**
 * Everything that peers say to each other (ports.ts, PeerMessage) as the body of one frame. The
 * type is the frame's type byte; a decoder reads its body to the last byte or refuses it.
 */
import { ByteReader, type ByteWriter } from "../../codec/index.ts";
import {
  type MembershipChange,
  type NodeId,
  type RejectionReason,
  toLogIndex,
  toNodeId,
  toTerm,
} from "../../raft/index.ts";
import type {
  AdminOutcome,
  AdminRequest,
  ForwardedProposal,
  PeerMessage,
} from "../../replica/index.ts";
import { codeTable } from "./code-table.ts";
import { ENTRY_HEADER_BYTES, readRaftMessage, writeRaftMessage } from "./raft-message.ts";
import type { SegmentWriter } from "./segment-writer.ts";
import { readNodeId } from "./snapshot-metadata.ts";

const reasons = codeTable<RejectionReason>("rejection reason", {
  notLeader: 1,
  leaderNotReady: 2,
  overloaded: 3,
  changePending: 4,
  changeInvalid: 5,
  quorumAtRisk: 6,
  learnerLagging: 7,
  transferFailed: 8,
  readDropped: 9,
});
const requests = codeTable<AdminRequest["type"]>("admin request", {
  changeMembership: 1,
  transferLeadership: 2,
});
const outcomes = codeTable<AdminOutcome["type"]>("admin outcome", { done: 1, rejected: 2 });
const changes = codeTable<MembershipChange["type"]>("membership change", {
  addLearner: 1,
  promote: 2,
  demote: 3,
  remove: 4,
  updateAddresses: 5,
});

/** Sequence and data length of a forwarded proposal. */
const PROPOSAL_HEADER_BYTES = 8;

/** Bytes that a message takes in a queue: its data and a little more, told without encoding it. */
export function queuedBytes(message: PeerMessage): number {
  let bytes = 128;
  if (message.type === "raft" && message.message.type === "appendEntries") {
    for (const entry of message.message.entries) bytes += ENTRY_HEADER_BYTES + entry.data.length;
  }
  if (message.type === "forward") {
    for (const proposal of message.proposals) bytes += PROPOSAL_HEADER_BYTES + proposal.data.length;
  }
  if (message.type === "forwardRejected") bytes += 4 * message.sequences.length;
  return bytes;
}

/** Appends the body of a message. */
export function writePeerMessage(out: SegmentWriter, message: PeerMessage): void {
  switch (message.type) {
    case "raft":
      writeRaftMessage(out, message.message);
      return;
    case "forward":
      out.fields.u64(message.origin).u64(message.term).u32(message.proposals.length);
      out.expect(message.proposals, PROPOSAL_HEADER_BYTES);
      for (const proposal of message.proposals) {
        out.fields.u32(proposal.sequence);
        out.data(proposal.data);
      }
      return;
    case "forwardRejected":
      out.fields.u64(message.origin).u64(message.term).u8(reasons.encode(message.reason));
      out.fields.u32(message.sequences.length);
      for (const sequence of message.sequences) out.fields.u32(sequence);
      return;
    case "adminRequest":
      out.fields.u64(message.requestId).u8(requests.encode(message.request.type));
      writeRequest(out.fields, message.request);
      return;
    case "adminResponse":
      out.fields.u64(message.requestId).u8(outcomes.encode(message.outcome.type));
      writeOutcome(out.fields, message.outcome);
      return;
  }
}

/** Who sent a body to whom, as proved by the handshake and repeated in the frame's header. */
export interface Direction {
  readonly from: NodeId;
  readonly to: NodeId;
}

/**
 * Decodes the body of a frame; data is a view on `body`.
 * @throws DecodeError and nothing else, whatever the bytes are.
 */
export function readPeerMessage(
  type: PeerMessage["type"],
  body: Uint8Array,
  direction: Direction,
): PeerMessage {
  const reader = new ByteReader(body);
  const message = readBody(type, reader, direction);
  reader.end();
  return message;
}

function readBody(
  type: PeerMessage["type"],
  reader: ByteReader,
  direction: Direction,
): PeerMessage {
  switch (type) {
    case "raft":
      return { type, message: readRaftMessage(reader, direction.from, direction.to) };
    case "forward": {
      const origin = reader.u64();
      const term = toTerm(reader.u64());
      return { type, origin, term, proposals: readProposals(reader) };
    }
    case "forwardRejected": {
      const origin = reader.u64();
      const term = toTerm(reader.u64());
      const reason = reasons.decode(reader.u8());
      return { type, origin, term, reason, sequences: readSequences(reader) };
    }
    case "adminRequest":
      return { type, requestId: reader.u64(), request: readRequest(reader) };
    case "adminResponse":
      return { type, requestId: reader.u64(), outcome: readOutcome(reader) };
  }
}

function readProposals(reader: ByteReader): ForwardedProposal[] {
  const count = reader.u32();
  const proposals: ForwardedProposal[] = [];
  for (let at = 0; at < count; at += 1) {
    proposals.push({ sequence: reader.u32(), data: reader.bytes() });
  }
  return proposals;
}

function readSequences(reader: ByteReader): number[] {
  const count = reader.u32();
  const sequences: number[] = [];
  for (let at = 0; at < count; at += 1) sequences.push(reader.u32());
  return sequences;
}

function writeRequest(writer: ByteWriter, request: AdminRequest): void {
  switch (request.type) {
    case "changeMembership":
      writeChange(writer, request.change);
      return;
    case "transferLeadership":
      // 0 is no node id: the most caught-up voter.
      writer.u64(request.target ?? 0);
      return;
  }
}

function readRequest(reader: ByteReader): AdminRequest {
  const type = requests.decode(reader.u8());
  switch (type) {
    case "changeMembership":
      return { type, change: readChange(reader) };
    case "transferLeadership": {
      const target = reader.u64();
      return { type, target: target === 0 ? null : toNodeId(target) };
    }
  }
}

function writeChange(writer: ByteWriter, change: MembershipChange): void {
  writer.u8(changes.encode(change.type));
  switch (change.type) {
    case "addLearner":
      writer.text(change.name).text(change.peerAddress).text(change.clientAddress);
      return;
    case "updateAddresses":
      writer.u64(change.nodeId).text(change.peerAddress).text(change.clientAddress);
      return;
    case "promote":
    case "demote":
    case "remove":
      writer.u64(change.nodeId);
      return;
  }
}

function readChange(reader: ByteReader): MembershipChange {
  const type = changes.decode(reader.u8());
  switch (type) {
    case "addLearner":
      return {
        type,
        name: reader.text(),
        peerAddress: reader.text(),
        clientAddress: reader.text(),
      };
    case "updateAddresses":
      return {
        type,
        nodeId: readNodeId(reader),
        peerAddress: reader.text(),
        clientAddress: reader.text(),
      };
    case "promote":
    case "demote":
    case "remove":
      return { type, nodeId: readNodeId(reader) };
  }
}

function writeOutcome(writer: ByteWriter, outcome: AdminOutcome): void {
  switch (outcome.type) {
    case "done":
      writer.u64(outcome.index);
      return;
    case "rejected":
      writer.u8(reasons.encode(outcome.reason)).text(outcome.detail);
      return;
  }
}

function readOutcome(reader: ByteReader): AdminOutcome {
  const type = outcomes.decode(reader.u8());
  switch (type) {
    case "done":
      return { type, index: toLogIndex(reader.u64()) };
    case "rejected":
      return { type, reason: reasons.decode(reader.u8()), detail: reader.text() };
  }
}
