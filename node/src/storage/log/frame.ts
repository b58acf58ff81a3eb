/**
 * The unit of the log: one frame is one group commit. 64 bytes of header, then packed entries, then
 * zeros up to the next multiple of 64. The header carries the hard state as of this frame, so term,
 * vote and entries become durable in one step (hashicorp/raft #661). All numbers are big-endian.
 *
 *   0 magic u32          4 header CRC u32 (of bytes 8..63)   8 position in the file u32
 *  12 ordinal u32       16 entry count u32                   20 payload bytes u32
 *  24 payload CRC u32   28 zero u32                          32 first index u64
 *  40 current term u64  48 voted for u64 (0: nobody)         56 zero u64
 *
 * Both CRCs start from the segment's salt, a secret of the disk: bytes inside a user's key or value
 * can never pass for a frame. Position and ordinal give away a write that landed elsewhere or a
 * frame that was lost. 64 divides a sector, so a header is never torn, only there or not.
 */
import { crc32 } from "node:zlib";
import type { HardState } from "../../raft/index.ts";
import { toNodeId, toTerm } from "../../raft/index.ts";

export const FRAME_HEADER_BYTES = 64;
export const FRAME_ALIGNMENT = 64;
const MAGIC = 0x4b56_4c46;
const TWO_POW_32 = 0x1_0000_0000;

export interface FrameHeader {
  /** Where the frame starts in its file. */
  readonly position: number;
  /** Counts the frames of a segment from 0. */
  readonly ordinal: number;
  readonly firstIndex: number;
  readonly entryCount: number;
  readonly payloadBytes: number;
  readonly payloadCrc: number;
  readonly hardState: HardState;
}

/** Bytes of a frame in its file, padding included. */
export const frameBytes = (payloadBytes: number): number =>
  Math.ceil((FRAME_HEADER_BYTES + payloadBytes) / FRAME_ALIGNMENT) * FRAME_ALIGNMENT;

/** CRC-32 over chunks as over their concatenation, from the segment's salt. */
export const payloadCrc = (chunks: readonly Uint8Array[], salt: number): number => {
  let crc = salt;
  for (const chunk of chunks) crc = crc32(chunk, crc);
  return crc;
};

const setU64 = (view: DataView, at: number, value: number): void => {
  view.setUint32(at, Math.floor(value / TWO_POW_32));
  view.setUint32(at + 4, value % TWO_POW_32);
};
const getU64 = (view: DataView, at: number): number =>
  view.getUint32(at) * TWO_POW_32 + view.getUint32(at + 4);

export const encodeFrameHeader = (frame: FrameHeader, salt: number): Uint8Array => {
  const bytes = new Uint8Array(FRAME_HEADER_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, MAGIC);
  view.setUint32(8, frame.position);
  view.setUint32(12, frame.ordinal);
  view.setUint32(16, frame.entryCount);
  view.setUint32(20, frame.payloadBytes);
  view.setUint32(24, frame.payloadCrc);
  setU64(view, 32, frame.firstIndex);
  setU64(view, 40, frame.hardState.currentTerm);
  setU64(view, 48, frame.hardState.votedFor ?? 0);
  view.setUint32(4, crc32(bytes.subarray(8), salt));
  return bytes;
};

/** The header at `position` of a segment's bytes; null when there is none that is whole. */
export const decodeFrameHeader = (
  bytes: Uint8Array,
  position: number,
  salt: number,
): FrameHeader | null => {
  if (position + FRAME_HEADER_BYTES > bytes.length) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset + position, FRAME_HEADER_BYTES);
  if (view.getUint32(0) !== MAGIC) return null;
  const covered = bytes.subarray(position + 8, position + FRAME_HEADER_BYTES);
  if (crc32(covered, salt) !== view.getUint32(4)) return null;
  const votedFor = getU64(view, 48);
  return {
    position: view.getUint32(8),
    ordinal: view.getUint32(12),
    entryCount: view.getUint32(16),
    payloadBytes: view.getUint32(20),
    payloadCrc: view.getUint32(24),
    firstIndex: getU64(view, 32),
    hardState: {
      currentTerm: toTerm(getU64(view, 40)),
      votedFor: votedFor === 0 ? null : toNodeId(votedFor),
    },
  };
};
