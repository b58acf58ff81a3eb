/**
 * A snapshot on its way: a stream of chunks of at most 256 KiB, each of which shows by itself that
 * it is whole and in its place.
 *
 *   magic "KVS" and version (4 bytes), kind u8, sequence u32 from 0, payload length u32, payload,
 *   CRC-32 u32 of everything before it
 *
 * First a header with what the snapshot is; then rows as one stream of (key length u32, value
 * length u32, key, value), cut anywhere; last a trailer with counts and the CRC of all row bytes.
 */
import { crc32 } from "node:zlib";
import { ByteReader, ByteWriter, DecodeError } from "../../codec/index.ts";
import { type Revision, toRevision } from "../../kv/index.ts";
import {
  decodeConfiguration,
  encodeConfiguration,
  type SnapshotMetadata,
  toLogIndex,
  toTerm,
} from "../../raft/index.ts";

export const CHUNK_BYTES_MAX: number = 256 * 1024;
const MAGIC = 0x4b565302;
const CHUNK_HEADER_BYTES = 13;
const CRC_BYTES = 4;
export const PAYLOAD_BYTES_MAX: number = CHUNK_BYTES_MAX - CHUNK_HEADER_BYTES - CRC_BYTES;
const KIND_NUMBERS = { header: 1, rows: 2, trailer: 3 } as const;

export type ChunkKind = keyof typeof KIND_NUMBERS;

export interface Chunk {
  readonly kind: ChunkKind;
  readonly sequence: number;
  /** A view on the chunk's bytes. */
  readonly payload: Uint8Array;
}

export const encodeChunk = (chunk: Chunk): Uint8Array => {
  const { kind, sequence, payload } = chunk;
  const writer = new ByteWriter(CHUNK_HEADER_BYTES + payload.length + CRC_BYTES);
  writer.u32(MAGIC).u8(KIND_NUMBERS[kind]).u32(sequence).bytes(payload);
  const bytes = writer.u32(0).finish();
  const body = bytes.subarray(0, bytes.length - CRC_BYTES);
  new DataView(bytes.buffer, bytes.byteOffset + body.length).setUint32(0, crc32(body));
  return bytes;
};

/** @throws DecodeError when the chunk is damaged, cut or of an unknown version */
export const decodeChunk = (bytes: Uint8Array): Chunk => {
  if (bytes.length > CHUNK_BYTES_MAX) throw new DecodeError(`a chunk of ${bytes.length} bytes`);
  const reader = new ByteReader(bytes);
  if (reader.u32() !== MAGIC) throw new DecodeError("no chunk of a snapshot of version 2");
  const kind = chunkKind(reader.u8());
  const sequence = reader.u32();
  const payload = reader.bytes();
  const crc = reader.u32();
  reader.end();
  const actual = crc32(bytes.subarray(0, bytes.length - CRC_BYTES));
  if (actual !== crc) throw new DecodeError(`chunk ${sequence} has CRC ${actual}, not ${crc}`);
  return { kind, sequence, payload };
};

const chunkKind = (number: number): ChunkKind => {
  if (number === KIND_NUMBERS.header) return "header";
  if (number === KIND_NUMBERS.rows) return "rows";
  if (number === KIND_NUMBERS.trailer) return "trailer";
  throw new DecodeError(`unknown kind of chunk ${number}`);
};

/** What a snapshot says of itself before its rows. */
export interface SnapshotHeader {
  readonly metadata: SnapshotMetadata;
  readonly revision: Revision;
  readonly compactRevision: Revision;
  readonly keys: number;
  readonly hash: number;
}

export const encodeSnapshotHeader = (header: SnapshotHeader): Uint8Array => {
  const { index, term, configuration, configurationIndex } = header.metadata;
  return new ByteWriter()
    .u64(index)
    .u64(term)
    .u64(configurationIndex)
    .u64(header.revision)
    .u64(header.compactRevision)
    .u64(header.keys)
    .u32(header.hash)
    .bytes(encodeConfiguration(configuration))
    .finish();
};

/** @throws DecodeError */
export const decodeSnapshotHeader = (payload: Uint8Array): SnapshotHeader => {
  const reader = new ByteReader(payload);
  const index = toLogIndex(reader.u64());
  const term = toTerm(reader.u64());
  const configurationIndex = toLogIndex(reader.u64());
  const revision = toRevision(reader.u64());
  const compactRevision = toRevision(reader.u64());
  const keys = reader.u64();
  const hash = reader.u32();
  const configuration = decodeConfiguration(reader.bytes());
  reader.end();
  const metadata = { index, term, configuration, configurationIndex };
  return { metadata, revision, compactRevision, keys, hash };
};

/** What must have come before the trailer. */
export interface SnapshotTrailer {
  readonly rows: number;
  readonly bytes: number;
  /** CRC-32 of all row bytes, over the cuts between chunks. */
  readonly crc: number;
}

export const encodeSnapshotTrailer = (trailer: SnapshotTrailer): Uint8Array =>
  new ByteWriter(20).u64(trailer.rows).u64(trailer.bytes).u32(trailer.crc).finish();

/** @throws DecodeError */
export const decodeSnapshotTrailer = (payload: Uint8Array): SnapshotTrailer => {
  const reader = new ByteReader(payload);
  const trailer = { rows: reader.u64(), bytes: reader.u64(), crc: reader.u32() };
  reader.end();
  return trailer;
};
