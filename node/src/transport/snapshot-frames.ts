/**
 * The frames of a snapshot's own connection. Sender: begin, chunks, end. Receiver: acks with the
 * number of chunks consumed so far, and in the end the result.
 */
import { ByteReader, DecodeError } from "../codec/index.ts";
import { type SnapshotMetadata, type Term, toTerm } from "../raft/index.ts";
import type { SegmentWriter } from "./codec/segment-writer.ts";
import { readSnapshotMetadata, writeSnapshotMetadata } from "./codec/snapshot-metadata.ts";

const ACCEPTED = 1;
const REJECTED = 2;

export interface SnapshotBegin {
  readonly term: Term;
  readonly metadata: SnapshotMetadata;
}

export function writeSnapshotBegin(out: SegmentWriter, begin: SnapshotBegin): void {
  out.fields.u64(begin.term);
  writeSnapshotMetadata(out.fields, begin.metadata);
}

/** @throws DecodeError */
export function readSnapshotBegin(body: Uint8Array): SnapshotBegin {
  const reader = new ByteReader(body);
  const begin = { term: toTerm(reader.u64()), metadata: readSnapshotMetadata(reader) };
  reader.end();
  return begin;
}

/** Body of an end (chunks sent) and of an ack (chunks consumed). */
export function writeCount(out: SegmentWriter, chunks: number): void {
  out.fields.u32(chunks);
}

/** @throws DecodeError */
export function readCount(body: Uint8Array): number {
  const reader = new ByteReader(body);
  const chunks = reader.u32();
  reader.end();
  return chunks;
}

export function writeResult(out: SegmentWriter, accepted: boolean): void {
  out.fields.u8(accepted ? ACCEPTED : REJECTED);
}

/** @throws DecodeError */
export function readResult(body: Uint8Array): boolean {
  const reader = new ByteReader(body);
  const result = reader.u8();
  reader.end();
  if (result !== ACCEPTED && result !== REJECTED) throw new DecodeError(`result ${result}`);
  return result === ACCEPTED;
}
