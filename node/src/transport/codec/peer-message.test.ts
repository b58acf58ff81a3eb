import assert from "node:assert/strict";
import { test } from "node:test";
import { DecodeError } from "../../codec/index.ts";
import {
  type MembershipChange,
  type Message,
  type RejectionReason,
  type SnapshotMetadata,
  toLogIndex,
  toNodeId,
  toTerm,
} from "../../raft/index.ts";
import type { PeerMessage } from "../../replica/index.ts";
import {
  readCount,
  readResult,
  readSnapshotBegin,
  writeSnapshotBegin,
} from "../snapshot-frames.ts";
import { queuedBytes, readPeerMessage, writePeerMessage } from "./peer-message.ts";
import { SegmentWriter } from "./segment-writer.ts";

const direction = { from: toNodeId(1), to: toNodeId(2) };
const base = { ...direction, term: toTerm(7) };
const index = toLogIndex;
const MAX = Number.MAX_SAFE_INTEGER;

const snapshot: SnapshotMetadata = {
  index: index(90),
  term: toTerm(6),
  configurationIndex: index(80),
  configuration: {
    members: [
      {
        id: toNodeId(1),
        name: "n1",
        peerAddress: "h:1",
        clientAddress: "http://h:2",
        role: "voter",
      },
      { id: toNodeId(80), name: "ü", peerAddress: "[::1]:1", clientAddress: "", role: "learner" },
    ],
  },
};

const raftMessages: readonly Message[] = [
  { ...base, type: "requestPreVote", lastLogIndex: index(MAX), lastLogTerm: toTerm(0) },
  { ...base, type: "requestPreVoteResponse", voteGranted: true },
  {
    ...base,
    type: "requestVote",
    lastLogIndex: index(5),
    lastLogTerm: toTerm(4),
    leadershipTransfer: true,
  },
  { ...base, type: "requestVoteResponse", voteGranted: false },
  {
    ...base,
    type: "appendEntries",
    prevLogIndex: index(2 ** 40),
    prevLogTerm: toTerm(4),
    leaderCommit: index(3),
    entries: [
      { index: index(2 ** 40 + 1), term: toTerm(5), type: "noop", data: new Uint8Array(0) },
      { index: index(2 ** 40 + 2), term: toTerm(7), type: "command", data: Uint8Array.of(1, 2) },
      {
        index: index(2 ** 40 + 3),
        term: toTerm(7),
        type: "configuration",
        data: new Uint8Array(5_000).fill(3),
      },
    ],
  },
  {
    ...base,
    type: "appendEntriesResponse",
    success: true,
    matchIndex: index(1),
    rejectedIndex: index(2),
    conflictIndex: index(3),
    conflictTerm: toTerm(4),
  },
  { ...base, type: "heartbeat", leaderCommit: index(8), readSequence: 2 ** 33 },
  { ...base, type: "heartbeatResponse", readSequence: 0 },
  { ...base, type: "installSnapshot", snapshot },
  { ...base, type: "timeoutNow" },
  { ...base, type: "readIndexRequest", batch: 12 },
  { ...base, type: "readIndexResponse", batch: 12, readIndex: null },
  { ...base, type: "readIndexResponse", batch: 12, readIndex: index(0) },
];

const changes: readonly MembershipChange[] = [
  { type: "addLearner", name: "n4", peerAddress: "p:4", clientAddress: "c:4" },
  { type: "promote", nodeId: toNodeId(4) },
  { type: "demote", nodeId: toNodeId(4) },
  { type: "remove", nodeId: toNodeId(4) },
  { type: "updateAddresses", nodeId: toNodeId(4), peerAddress: "p", clientAddress: "c" },
];

const reasons: readonly RejectionReason[] = [
  "notLeader",
  "leaderNotReady",
  "overloaded",
  "changePending",
  "changeInvalid",
  "quorumAtRisk",
  "learnerLagging",
  "transferFailed",
  "readDropped",
];

const messages: readonly PeerMessage[] = [
  ...raftMessages.map((message): PeerMessage => ({ type: "raft", message })),
  { type: "forward", origin: 2 ** 48 - 1, term: toTerm(0), proposals: [] },
  {
    type: "forward",
    origin: 5,
    term: toTerm(MAX),
    proposals: [
      { sequence: 2 ** 32 - 1, data: Uint8Array.of(1) },
      { sequence: 0, data: new Uint8Array(10_000).fill(2) },
    ],
  },
  ...reasons.map(
    (reason): PeerMessage => ({
      type: "forwardRejected",
      origin: 5,
      term: toTerm(3),
      sequences: [1, 2],
      reason,
    }),
  ),
  ...changes.map(
    (change): PeerMessage => ({
      type: "adminRequest",
      requestId: 3,
      request: { type: "changeMembership", change },
    }),
  ),
  {
    type: "adminRequest",
    requestId: 3,
    request: { type: "transferLeadership", target: null },
  },
  {
    type: "adminRequest",
    requestId: 3,
    request: { type: "transferLeadership", target: toNodeId(9) },
  },
  { type: "adminResponse", requestId: 4, outcome: { type: "done", index: index(6) } },
  {
    type: "adminResponse",
    requestId: 4,
    outcome: { type: "rejected", reason: "quorumAtRisk", detail: "2 of 3 are down" },
  },
];

function encode(message: PeerMessage): Uint8Array {
  const out = new SegmentWriter();
  writePeerMessage(out, message);
  return new Uint8Array(Buffer.concat(out.finish()));
}

const types: readonly PeerMessage["type"][] = [
  "raft",
  "forward",
  "forwardRejected",
  "adminRequest",
  "adminResponse",
];

test("every message comes back as it was sent", () => {
  for (const message of messages) {
    const bytes = encode(message);
    assert.deepEqual(readPeerMessage(message.type, bytes, direction), message);
    assert.ok(queuedBytes(message) >= bytes.length || bytes.length < 256, "queue accounts for it");
  }
});

test("every prefix of a message, and a message with a byte more, is refused", () => {
  for (const message of messages) {
    const bytes = encode(message);
    for (let length = 0; length < Math.min(bytes.length, 300); length += 1) {
      assert.throws(
        () => readPeerMessage(message.type, bytes.subarray(0, length), direction),
        DecodeError,
      );
    }
    const longer = Buffer.concat([bytes, Buffer.of(0)]);
    assert.throws(() => readPeerMessage(message.type, longer, direction), DecodeError);
  }
});

test("entries that do not follow each other are refused", () => {
  const message: PeerMessage = {
    type: "raft",
    message: {
      ...base,
      type: "appendEntries",
      prevLogIndex: index(4),
      prevLogTerm: toTerm(4),
      leaderCommit: index(3),
      entries: [{ index: index(6), term: toTerm(5), type: "noop", data: new Uint8Array(0) }],
    },
  };
  assert.throws(() => readPeerMessage("raft", encode(message), direction), DecodeError);
});

/** xorshift32: the same bytes in every run. */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}

function onlyDecodeError(decode: () => unknown, what: string): void {
  try {
    decode();
  } catch (error) {
    assert.ok(error instanceof DecodeError, `${what}: ${String(error)}`);
  }
}

test("random bytes meet nothing but a DecodeError in every decoder", () => {
  const next = generator(0x9e37_79b9);
  for (let round = 0; round < 5_000; round += 1) {
    const bytes = Uint8Array.from({ length: next() % 80 }, () => next() & 0xff);
    // Half of the time a type byte that exists, so that the fields behind it are reached.
    if (round % 2 === 0 && bytes.length > 0) bytes[0] = 1 + (next() % 12);
    for (const type of types) {
      onlyDecodeError(() => readPeerMessage(type, bytes, direction), `round ${round} ${type}`);
    }
    onlyDecodeError(() => readSnapshotBegin(bytes), `round ${round} begin`);
    onlyDecodeError(() => readCount(bytes), `round ${round} count`);
    onlyDecodeError(() => readResult(bytes), `round ${round} result`);
  }
});

test("mutated messages meet nothing but a DecodeError in every decoder", () => {
  const next = generator(0x2545_f491);
  const out = new SegmentWriter();
  writeSnapshotBegin(out, { term: toTerm(7), metadata: snapshot });
  const begin = Buffer.concat(out.finish());
  assert.deepEqual(readSnapshotBegin(begin), { term: 7, metadata: snapshot });
  for (let round = 0; round < 100; round += 1) {
    for (const message of messages) {
      const bytes = Uint8Array.from(encode(message).subarray(0, 400));
      mutate(bytes, next);
      onlyDecodeError(
        () => readPeerMessage(message.type, bytes, direction),
        `round ${round} ${message.type}`,
      );
    }
    const damaged = Uint8Array.from(begin);
    mutate(damaged, next);
    onlyDecodeError(() => readSnapshotBegin(damaged), `round ${round} begin`);
  }
});

function mutate(bytes: Uint8Array, next: () => number): void {
  for (let count = 1 + (next() % 4); count > 0 && bytes.length > 0; count -= 1) {
    bytes[next() % bytes.length] = next() & 0xff;
  }
}
