/**
 * Walks the frames of one segment and judges what it finds at the end of the good ones. Frame n + 1
 * is written only after frame n is durable, so a bad frame with a good one after it is corruption;
 * and the file holds zeros wherever nothing was written yet, so a write that power cut short leaves
 * whole sectors of zeros. What is bad without such a sector was once whole: corruption, too (the
 * rule of etcd's WAL). Only the rest is a torn tail, which never was acknowledged.
 */
import { corrupt } from "../errors.ts";
import {
  decodeFrameHeader,
  FRAME_ALIGNMENT,
  FRAME_HEADER_BYTES,
  type FrameHeader,
  frameBytes,
  payloadCrc,
} from "./frame.ts";
import { SEGMENT_HEADER_BYTES } from "./segment-header.ts";

const SECTOR_BYTES = 512;

export interface SegmentScan {
  /** Where the next frame belongs. */
  readonly end: number;
  readonly frames: number;
  /** A write of so many bytes was cut short at `end`; 0 when the segment ends cleanly. */
  readonly tornBytes: number;
}

export interface SegmentToScan {
  readonly path: string;
  readonly bytes: Uint8Array;
  readonly salt: number;
}

/** @throws StorageError CORRUPT with path and offset */
export const scanSegment = (
  segment: SegmentToScan,
  onFrame: (header: FrameHeader, payload: Uint8Array) => void,
): SegmentScan => {
  const { bytes, path, salt } = segment;
  let position = SEGMENT_HEADER_BYTES;
  let ordinal = 0;
  for (;;) {
    const header = decodeFrameHeader(bytes, position, salt);
    if (header === null) break;
    if (header.position !== position || header.ordinal !== ordinal) {
      const found = `frame ${header.ordinal} of position ${header.position}`;
      throw corrupt(`${path} at byte ${position}`, `${found} where frame ${ordinal} belongs`);
    }
    const start = position + FRAME_HEADER_BYTES;
    const payload = bytes.subarray(start, start + header.payloadBytes);
    const isWhole = payload.length === header.payloadBytes;
    if (!isWhole || payloadCrc([payload], salt) !== header.payloadCrc) break;
    onFrame(header, payload);
    position += frameBytes(header.payloadBytes);
    ordinal += 1;
  }
  return { end: position, frames: ordinal, tornBytes: judgeTail(segment, position) };
};

/** @returns bytes of a write that was cut short at `end`, 0 when nothing follows */
const judgeTail = (segment: SegmentToScan, end: number): number => {
  const { bytes, path, salt } = segment;
  const written = lastWrittenByte(bytes, end);
  if (written < end) return 0;
  const later = findFrame(segment, end + FRAME_ALIGNMENT);
  if (later !== null) {
    throw corrupt(`${path} at byte ${end}`, `a damaged frame before a good one at byte ${later}`);
  }
  const header = decodeFrameHeader(bytes, end, salt);
  const headerIsMissing = isZero(bytes, end, Math.min(end + FRAME_HEADER_BYTES, bytes.length));
  if (header === null && headerIsMissing) return written + 1 - end;
  if (header === null) {
    throw corrupt(`${path} at byte ${end}`, "a frame header with a wrong checksum");
  }
  const payloadEnd = end + FRAME_HEADER_BYTES + header.payloadBytes;
  if (payloadEnd <= bytes.length && !hasZeroSector(bytes, end, payloadEnd)) {
    throw corrupt(
      `${path} at byte ${end}`,
      `the frame of entries ${header.firstIndex} to ${header.firstIndex + header.entryCount - 1} ` +
        "has a wrong checksum although it was written whole",
    );
  }
  return written + 1 - end;
};

/** Offset of the last byte that is not zero, at or after `from`; less than `from` when none is. */
const lastWrittenByte = (bytes: Uint8Array, from: number): number => {
  let at = bytes.length - 1;
  while (at >= from && bytes[at] === 0) at -= 1;
  return at;
};

const isZero = (bytes: Uint8Array, from: number, to: number): boolean => {
  for (let at = from; at < to; at += 1) if (bytes[at] !== 0) return false;
  return true;
};

/** Whether the part of some sector that lies in [from, to) holds only zeros. */
const hasZeroSector = (bytes: Uint8Array, from: number, to: number): boolean => {
  let start = from;
  while (start < to) {
    const end = Math.min(start - (start % SECTOR_BYTES) + SECTOR_BYTES, to);
    if (isZero(bytes, start, end)) return true;
    start = end;
  }
  return false;
};

/** Position of a whole frame header at or after `from`; null when there is none. */
const findFrame = (segment: SegmentToScan, from: number): number | null => {
  const { bytes, salt } = segment;
  for (let at = from; at + FRAME_HEADER_BYTES <= bytes.length; at += FRAME_ALIGNMENT) {
    if (decodeFrameHeader(bytes, at, salt) !== null) return at;
  }
  return null;
};
