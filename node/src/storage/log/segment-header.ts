/**
 * The first sector of a segment file: where it stands in the log and what was true when it was
 * begun. It is durable under its final name before the first frame is written, so a segment with a
 * damaged header is corruption, never a half-made file.
 */
import { crc32 } from "node:zlib";
import { ByteReader, ByteWriter, DecodeError } from "../../codec/index.ts";
import { type ClusterId, type HardState, toClusterId, toNodeId, toTerm } from "../../raft/index.ts";
import { corrupt, StorageError } from "../errors.ts";

/** Frames begin here. */
export const SEGMENT_HEADER_BYTES = 512;
export const LOG_FORMAT_VERSION = 1;
const MAGIC = "KVCLOG\r\n";
const FIELD_BYTES = SEGMENT_HEADER_BYTES - 4;

export interface SegmentHeader {
  /** Counts the segments of a log from 1; never reused. */
  readonly sequence: number;
  readonly clusterId: ClusterId;
  /** Index of the first entry that may be in this segment. */
  readonly firstIndex: number;
  /** Term of the entry before it; 0 at the very start. */
  readonly previousTerm: number;
  /** Where the frames of the segment before end; 0 when `isReset`. */
  readonly previousEnd: number;
  /** A snapshot took the place of everything before: older segments are void. */
  readonly isReset: boolean;
  readonly hardState: HardState;
  /** Start value of all CRCs of this segment; random. */
  readonly salt: number;
}

const clusterIdBytes = (clusterId: ClusterId): Uint8Array => Buffer.from(clusterId, "hex");

export const encodeSegmentHeader = (header: SegmentHeader): Uint8Array => {
  const writer = new ByteWriter(SEGMENT_HEADER_BYTES);
  writer.raw(new TextEncoder().encode(MAGIC)).u16(LOG_FORMAT_VERSION);
  writer
    .u8(header.isReset ? 1 : 0)
    .u64(header.sequence)
    .raw(clusterIdBytes(header.clusterId));
  writer.u64(header.firstIndex).u64(header.previousTerm).u64(header.previousEnd);
  writer
    .u64(header.hardState.currentTerm)
    .u64(header.hardState.votedFor ?? 0)
    .u32(header.salt);
  writer.raw(new Uint8Array(FIELD_BYTES - writer.length));
  const fields = writer.finish().slice();
  return new ByteWriter(SEGMENT_HEADER_BYTES).raw(fields).u32(crc32(fields)).finish();
};

/** @throws StorageError CORRUPT or UNSUPPORTED_FORMAT, naming `path` */
export const decodeSegmentHeader = (bytes: Uint8Array, path: string): SegmentHeader => {
  if (bytes.length < SEGMENT_HEADER_BYTES) {
    throw corrupt(path, `only ${bytes.length} bytes of a ${SEGMENT_HEADER_BYTES} byte header`);
  }
  const fields = bytes.subarray(0, FIELD_BYTES);
  if (new ByteReader(bytes.subarray(FIELD_BYTES, SEGMENT_HEADER_BYTES)).u32() !== crc32(fields)) {
    throw corrupt(`${path} at byte 0`, "the segment header's checksum is wrong");
  }
  try {
    return decodeFields(new ByteReader(fields), path);
  } catch (cause) {
    if (cause instanceof StorageError) throw cause;
    throw corrupt(`${path} at byte 0`, "the segment header cannot be read", cause);
  }
};

const decodeFields = (reader: ByteReader, path: string): SegmentHeader => {
  const magic = new TextDecoder("latin1").decode(reader.raw(MAGIC.length));
  if (magic !== MAGIC) throw new DecodeError("not a segment of a KVCluster log");
  const version = reader.u16();
  if (version !== LOG_FORMAT_VERSION) {
    throw new StorageError(
      "UNSUPPORTED_FORMAT",
      `${path}: log format ${version}, this program reads format ${LOG_FORMAT_VERSION}`,
    );
  }
  const isReset = reader.u8() === 1;
  const sequence = reader.u64();
  const clusterId = toClusterId(Buffer.from(reader.raw(16)).toString("hex"));
  const firstIndex = reader.u64();
  const previousTerm = reader.u64();
  const previousEnd = reader.u64();
  const currentTerm = toTerm(reader.u64());
  const votedFor = reader.u64();
  const hardState = { currentTerm, votedFor: votedFor === 0 ? null : toNodeId(votedFor) };
  const salt = reader.u32();
  return { sequence, clusterId, firstIndex, previousTerm, previousEnd, isReset, hardState, salt };
};

/** `00000000000000000007-00000000000000001234.log`: sorts by sequence. */
export const segmentName = (sequence: number, firstIndex: number): string =>
  `${String(sequence).padStart(20, "0")}-${String(firstIndex).padStart(20, "0")}.log`;

/** Sequence and first index of a segment's name; null for any other name. */
export const parseSegmentName = (
  name: string,
): { readonly sequence: number; readonly firstIndex: number } | null => {
  const match = /^(\d{20})-(\d{20})\.log$/.exec(name);
  if (match === null) return null;
  return { sequence: Number(match[1]), firstIndex: Number(match[2]) };
};
