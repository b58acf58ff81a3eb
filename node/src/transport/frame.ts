/**
 * The unit of the peer protocol: a length, a checksum, version, type, cluster id, sender, receiver,
 * body. Written as segments for one writev; read without a copy where a frame lies whole in a
 * received chunk. Nothing is buffered before the length was checked against the limit, and nothing
 * is decoded before the checksum and the addresses were.
 */
import { crc32 } from "node:zlib";
import { ByteWriter, DecodeError } from "../codec/index.ts";
import type { ClusterId, NodeId } from "../raft/index.ts";
import { codeTable } from "./codec/code-table.ts";
import { SegmentWriter } from "./codec/segment-writer.ts";

export const PROTOCOL_VERSION = 1;

/** What a frame carries: a message of ports.ts, or the transport's own traffic. */
export type FrameType =
  | "ping"
  | "pong"
  | "raft"
  | "forward"
  | "forwardRejected"
  | "adminRequest"
  | "adminResponse"
  | "snapshotBegin"
  | "snapshotChunk"
  | "snapshotEnd"
  | "snapshotAck"
  | "snapshotResult";

const types = codeTable<FrameType>("frame type", {
  ping: 1,
  pong: 2,
  raft: 3,
  forward: 4,
  forwardRejected: 5,
  adminRequest: 6,
  adminResponse: 7,
  snapshotBegin: 16,
  snapshotChunk: 17,
  snapshotEnd: 18,
  snapshotAck: 19,
  snapshotResult: 20,
});

/** u32 length of all that follows it, u32 CRC-32 of all that follows that. */
const LENGTH_BYTES = 4;
const CRC_BYTES = 4;
const ROUTE_BYTES = 32;
const VERSION_AT = LENGTH_BYTES + CRC_BYTES;
const TYPE_AT = VERSION_AT + 1;
const ROUTE_AT = TYPE_AT + 1;
/** Bytes of a frame without its body. */
export const FRAME_HEADER_BYTES: number = ROUTE_AT + ROUTE_BYTES;
/** The least that can follow the length. */
const FOLLOWING_BYTES_MIN = FRAME_HEADER_BYTES - LENGTH_BYTES;

/** Cluster id, sender and receiver as they stand in every frame of one direction. */
export type Route = Uint8Array;

export function route(clusterId: ClusterId, from: NodeId, to: NodeId): Route {
  const writer = new ByteWriter(ROUTE_BYTES);
  return writer.raw(Buffer.from(clusterId, "hex")).u64(from).u64(to).finish();
}

/** A frame ready to be written, and how long it is. */
export interface EncodedFrame {
  readonly segments: readonly Uint8Array[];
  readonly bytes: number;
}

const EMPTY_HEADER = new Uint8Array(FRAME_HEADER_BYTES);

/** @param body appends the body; large data in it is not copied. */
export function encodeFrame(
  type: FrameType,
  way: Route,
  body: (out: SegmentWriter) => void,
): EncodedFrame {
  const out = new SegmentWriter();
  out.fields.raw(EMPTY_HEADER);
  body(out);
  const segments = out.finish();
  const [first] = segments;
  if (first === undefined) throw new RangeError("a frame has at least one segment");
  let bytes = 0;
  for (const segment of segments) bytes += segment.length;
  first[VERSION_AT] = PROTOCOL_VERSION;
  first[TYPE_AT] = types.encode(type);
  first.set(way, ROUTE_AT);
  const view = new DataView(first.buffer, first.byteOffset, first.byteLength);
  view.setUint32(0, bytes - LENGTH_BYTES);
  view.setUint32(LENGTH_BYTES, checksum(segments, first.subarray(VERSION_AT)));
  return { segments, bytes };
}

function checksum(segments: readonly Uint8Array[], firstCovered: Uint8Array): number {
  let crc = crc32(firstCovered);
  for (let at = 1; at < segments.length; at += 1) {
    const segment = segments[at];
    if (segment !== undefined) crc = crc32(segment, crc);
  }
  return crc;
}

export interface FrameReaderOptions {
  /** Frames above it are refused by their length alone. */
  readonly frameBytesMax: number;
  /** The only addresses that frames of this connection may carry. */
  readonly expected: Route;
  /** `body` is a view on the receive buffer. May throw DecodeError; may call `stop`. */
  readonly onFrame: (type: FrameType, body: Uint8Array) => void;
}

/** Cuts a byte stream into verified frames. */
export class FrameReader {
  readonly #options: FrameReaderOptions;
  readonly #length = new Uint8Array(LENGTH_BYTES);
  #lengthFilled = 0;
  /** All that follows the length of a frame whose end is not here yet. */
  #partial: Uint8Array | null = null;
  #partialFilled = 0;
  #stopped = false;

  constructor(options: FrameReaderOptions) {
    this.#options = options;
  }

  /** Nothing more is handed out, not even what is already here. */
  stop(): void {
    this.#stopped = true;
    this.#partial = null;
  }

  /** @throws DecodeError when the stream cannot be trusted any further. */
  push(received: Uint8Array): void {
    // A Buffer's `slice` shares memory where a Uint8Array's copies; the layers above know only the
    // latter.
    const chunk = new Uint8Array(received.buffer, received.byteOffset, received.length);
    let at = 0;
    while (at < chunk.length && !this.#stopped) {
      at = this.#partial === null ? this.#startFrame(chunk, at) : this.#continueFrame(chunk, at);
    }
  }

  #startFrame(chunk: Uint8Array, start: number): number {
    let at = start;
    while (this.#lengthFilled < LENGTH_BYTES) {
      const byte = chunk[at];
      if (byte === undefined) return at;
      this.#length[this.#lengthFilled] = byte;
      this.#lengthFilled += 1;
      at += 1;
    }
    this.#lengthFilled = 0;
    const following = this.#checkedLength();
    if (chunk.length - at >= following) {
      this.#deliver(chunk.subarray(at, at + following));
      return at + following;
    }
    this.#partial = new Uint8Array(Buffer.allocUnsafeSlow(following).buffer);
    this.#partialFilled = 0;
    return at;
  }

  #checkedLength(): number {
    const following = new DataView(this.#length.buffer).getUint32(0);
    const max = this.#options.frameBytesMax - LENGTH_BYTES;
    if (following < FOLLOWING_BYTES_MIN || following > max) {
      throw new DecodeError(
        `frame length ${following} is not within ${FOLLOWING_BYTES_MIN} and ${max}`,
      );
    }
    return following;
  }

  #continueFrame(chunk: Uint8Array, at: number): number {
    const partial = this.#partial;
    if (partial === null) return at;
    const count = Math.min(partial.length - this.#partialFilled, chunk.length - at);
    partial.set(chunk.subarray(at, at + count), this.#partialFilled);
    this.#partialFilled += count;
    if (this.#partialFilled === partial.length) {
      this.#partial = null;
      this.#deliver(partial);
    }
    return at + count;
  }

  /** @param bytes all that follows the length. */
  #deliver(bytes: Uint8Array): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const crc = crc32(bytes.subarray(CRC_BYTES));
    if (crc !== view.getUint32(0)) throw new DecodeError("frame checksum does not match");
    const version = view.getUint8(VERSION_AT - LENGTH_BYTES);
    if (version !== PROTOCOL_VERSION) throw new DecodeError(`frame version ${version}`);
    const type = types.decode(view.getUint8(TYPE_AT - LENGTH_BYTES));
    const routeAt = ROUTE_AT - LENGTH_BYTES;
    if (!isEqual(bytes.subarray(routeAt, routeAt + ROUTE_BYTES), this.#options.expected)) {
      throw new DecodeError("frame is of another cluster, sender or receiver");
    }
    this.#options.onFrame(type, bytes.subarray(FOLLOWING_BYTES_MIN));
  }
}

function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}
