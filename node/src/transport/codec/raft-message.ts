/**
 * Raft's messages on the wire: a byte for the type, the term, then the fields of Figure 2. Sender
 * and receiver are in the frame's header, which is checked, and are not repeated here. Decoded
 * entry data is a view on the received bytes.
 */
import { type ByteReader, type ByteWriter, DecodeError } from "../../codec/index.ts";
import {
  type AppendEntries,
  type Entry,
  type EntryType,
  type LogIndex,
  type Message,
  type NodeId,
  type Term,
  toLogIndex,
  toTerm,
} from "../../raft/index.ts";
import { codeTable } from "./code-table.ts";
import type { SegmentWriter } from "./segment-writer.ts";
import { readSnapshotMetadata, writeSnapshotMetadata } from "./snapshot-metadata.ts";

const types = codeTable<Message["type"]>("raft message type", {
  requestPreVote: 1,
  requestPreVoteResponse: 2,
  requestVote: 3,
  requestVoteResponse: 4,
  appendEntries: 5,
  appendEntriesResponse: 6,
  heartbeat: 7,
  heartbeatResponse: 8,
  installSnapshot: 9,
  timeoutNow: 10,
  readIndexRequest: 11,
  readIndexResponse: 12,
});
const entryTypes = codeTable<EntryType>("entry type", { noop: 1, command: 2, configuration: 3 });

/** Index, term, type and data length of an entry. */
export const ENTRY_HEADER_BYTES = 21;

/** Appends a message; its sender and receiver travel in the frame's header. */
export function writeRaftMessage(out: SegmentWriter, message: Message): void {
  out.fields.u8(types.encode(message.type)).u64(message.term);
  if (message.type === "appendEntries") writeAppendEntries(out, message);
  else writeFields(out.fields, message);
}

function writeAppendEntries(out: SegmentWriter, message: AppendEntries): void {
  out.fields
    .u64(message.prevLogIndex)
    .u64(message.prevLogTerm)
    .u64(message.leaderCommit)
    .u32(message.entries.length);
  out.expect(message.entries, ENTRY_HEADER_BYTES);
  for (const entry of message.entries) {
    out.fields.u64(entry.index).u64(entry.term).u8(entryTypes.encode(entry.type));
    out.data(entry.data);
  }
}

function writeFields(writer: ByteWriter, message: Exclude<Message, AppendEntries>): void {
  switch (message.type) {
    case "requestPreVote":
      writer.u64(message.lastLogIndex).u64(message.lastLogTerm);
      return;
    case "requestVote":
      writer.u64(message.lastLogIndex).u64(message.lastLogTerm);
      writeBoolean(writer, message.leadershipTransfer);
      return;
    case "requestPreVoteResponse":
    case "requestVoteResponse":
      writeBoolean(writer, message.voteGranted);
      return;
    case "appendEntriesResponse":
      writeBoolean(writer, message.success);
      writer.u64(message.matchIndex).u64(message.rejectedIndex);
      writer.u64(message.conflictIndex).u64(message.conflictTerm);
      return;
    case "heartbeat":
      writer.u64(message.leaderCommit).u64(message.readSequence);
      return;
    case "heartbeatResponse":
      writer.u64(message.readSequence);
      return;
    case "installSnapshot":
      writeSnapshotMetadata(writer, message.snapshot);
      return;
    case "timeoutNow":
      return;
    case "readIndexRequest":
      writer.u64(message.batch);
      return;
    case "readIndexResponse":
      writer.u64(message.batch);
      writeBoolean(writer, message.readIndex !== null);
      if (message.readIndex !== null) writer.u64(message.readIndex);
      return;
  }
}

interface Envelope {
  readonly from: NodeId;
  readonly to: NodeId;
  readonly term: Term;
}

/** @throws DecodeError and nothing else, whatever the bytes are. */
export function readRaftMessage(reader: ByteReader, from: NodeId, to: NodeId): Message {
  const type = types.decode(reader.u8());
  return readFields(reader, type, { from, to, term: readTerm(reader) });
}

function readFields(reader: ByteReader, type: Message["type"], base: Envelope): Message {
  switch (type) {
    case "requestPreVote":
      return { ...base, type, lastLogIndex: readIndex(reader), lastLogTerm: readTerm(reader) };
    case "requestVote":
      return {
        ...base,
        type,
        lastLogIndex: readIndex(reader),
        lastLogTerm: readTerm(reader),
        leadershipTransfer: readBoolean(reader),
      };
    case "requestPreVoteResponse":
    case "requestVoteResponse":
      return { ...base, type, voteGranted: readBoolean(reader) };
    case "appendEntries":
      return readAppendEntries(reader, base);
    case "appendEntriesResponse":
      return {
        ...base,
        type,
        success: readBoolean(reader),
        matchIndex: readIndex(reader),
        rejectedIndex: readIndex(reader),
        conflictIndex: readIndex(reader),
        conflictTerm: readTerm(reader),
      };
    case "heartbeat":
      return { ...base, type, leaderCommit: readIndex(reader), readSequence: reader.u64() };
    case "heartbeatResponse":
      return { ...base, type, readSequence: reader.u64() };
    case "installSnapshot":
      return { ...base, type, snapshot: readSnapshotMetadata(reader) };
    case "timeoutNow":
      return { ...base, type };
    case "readIndexRequest":
      return { ...base, type, batch: reader.u64() };
    case "readIndexResponse":
      return {
        ...base,
        type,
        batch: reader.u64(),
        readIndex: readBoolean(reader) ? readIndex(reader) : null,
      };
  }
}

function readAppendEntries(reader: ByteReader, base: Envelope): AppendEntries {
  const prevLogIndex = readIndex(reader);
  const prevLogTerm = readTerm(reader);
  const leaderCommit = readIndex(reader);
  const count = reader.u32();
  const entries: Entry[] = [];
  for (let at = 0; at < count; at += 1) {
    const entry = readEntry(reader);
    // The core relies on it: a gap here would be a hole in the log.
    if (entry.index !== prevLogIndex + at + 1) {
      throw new DecodeError(`entry ${entry.index} where ${prevLogIndex + at + 1} must be`);
    }
    entries.push(entry);
  }
  return { ...base, type: "appendEntries", prevLogIndex, prevLogTerm, leaderCommit, entries };
}

function readEntry(reader: ByteReader): Entry {
  return {
    index: readIndex(reader),
    term: readTerm(reader),
    type: entryTypes.decode(reader.u8()),
    data: reader.bytes(),
  };
}

const readTerm = (reader: ByteReader): Term => toTerm(reader.u64());
const readIndex = (reader: ByteReader): LogIndex => toLogIndex(reader.u64());

function writeBoolean(writer: ByteWriter, value: boolean): void {
  writer.u8(value ? 1 : 0);
}

function readBoolean(reader: ByteReader): boolean {
  const value = reader.u8();
  if (value > 1) throw new DecodeError(`boolean byte ${value}`);
  return value === 1;
}
