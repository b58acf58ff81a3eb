/**
 * One open segment file: appends frames at its end and reads them back with their checksums. It
 * never decides what belongs into the log; `log.ts` does.
 */
import type { HardState } from "../../raft/index.ts";
import { corrupt } from "../errors.ts";
import type { Files, OpenFile } from "../files.ts";
import type { EntryBlock } from "./entry-block.ts";
import {
  decodeFrameHeader,
  encodeFrameHeader,
  FRAME_HEADER_BYTES,
  frameBytes,
  payloadCrc,
} from "./frame.ts";
import {
  encodeSegmentHeader,
  SEGMENT_HEADER_BYTES,
  type SegmentHeader,
  segmentName,
} from "./segment-header.ts";

export interface Frame {
  readonly hardState: HardState;
  /** Contiguous; empty: only the hard state. */
  readonly blocks: readonly EntryBlock[];
}

/** How a segment grows. */
export interface SegmentOptions {
  /** A frame that would pass this size goes to the next segment. */
  readonly segmentBytes: number;
  /** The file grows by so many zeros at a time, so that most syncs need not change its size. */
  readonly zeroFillBytes: number;
}

export class Segment {
  readonly header: SegmentHeader;
  readonly #file: OpenFile;
  readonly #options: SegmentOptions;
  #end: number;
  #frames: number;
  #allocated: number;

  /** @param found where the frames end, as the scan says */
  constructor(
    file: OpenFile,
    header: SegmentHeader,
    found: { readonly end: number; readonly frames: number; readonly options: SegmentOptions },
  ) {
    this.#file = file;
    this.header = header;
    this.#options = found.options;
    this.#end = found.end;
    this.#frames = found.frames;
    this.#allocated = file.size();
  }

  /** Makes a segment whose header is durable under its final name. */
  static create(
    files: Files,
    folder: string,
    made: { readonly header: SegmentHeader; readonly options: SegmentOptions },
  ): Segment {
    const { header, options } = made;
    const path = `${folder}/${segmentName(header.sequence, header.firstIndex)}`;
    const temporary = files.create(`${path}.tmp`);
    temporary.write([encodeSegmentHeader(header)], 0);
    temporary.sync();
    temporary.close();
    files.rename(`${path}.tmp`, path);
    files.syncFolder(folder);
    return new Segment(files.open(path), header, { end: SEGMENT_HEADER_BYTES, frames: 0, options });
  }

  get path(): string {
    return this.#file.path;
  }

  /** Where the next frame belongs. */
  get end(): number {
    return this.#end;
  }

  get fileBytes(): number {
    return this.#allocated;
  }

  /** Whether a payload fits; an empty segment takes one of any size. */
  hasRoomFor(payloadBytes: number): boolean {
    return this.#frames === 0 || this.#end + frameBytes(payloadBytes) <= this.#options.segmentBytes;
  }

  /** Writes one frame, which is durable only after a sync. @returns its position */
  write(frame: Frame): number {
    const position = this.#end;
    const payload = frame.blocks.map((block) => block.bytes);
    const payloadBytes = payload.reduce((sum, chunk) => sum + chunk.length, 0);
    const header = encodeFrameHeader(
      {
        position,
        ordinal: this.#frames,
        firstIndex: frame.blocks[0]?.firstIndex ?? 0,
        entryCount: frame.blocks.reduce((sum, block) => sum + block.count, 0),
        payloadBytes,
        payloadCrc: payloadCrc(payload, this.header.salt),
        hardState: frame.hardState,
      },
      this.header.salt,
    );
    const end = position + frameBytes(payloadBytes);
    const padding = end - position - FRAME_HEADER_BYTES - payloadBytes;
    this.#file.write([header, ...payload, new Uint8Array(padding)], position);
    if (end > this.#allocated) this.#fillWithZeros(end);
    this.#end = end;
    this.#frames += 1;
    return position;
  }

  sync(): void {
    this.#file.sync();
  }

  /** @param done called once, with the error if there was one */
  syncLater(done: (error: unknown) => void): void {
    this.#file.syncLater(done);
  }

  /** The payload of the frame at `position`. @throws StorageError CORRUPT */
  readPayload(position: number, firstIndex: number): Uint8Array {
    const { salt } = this.header;
    const where = `${this.path} at byte ${position}`;
    const headerBytes = new Uint8Array(FRAME_HEADER_BYTES);
    this.#file.read(headerBytes, position);
    const header = decodeFrameHeader(headerBytes, 0, salt);
    if (header?.position !== position || header.firstIndex !== firstIndex) {
      throw corrupt(where, `the header of the frame of entry ${firstIndex} is damaged`);
    }
    const payload = new Uint8Array(header.payloadBytes);
    const count = this.#file.read(payload, position + FRAME_HEADER_BYTES);
    if (count < payload.length || payloadCrc([payload], salt) !== header.payloadCrc) {
      throw corrupt(where, `the frame of entry ${firstIndex} has a wrong checksum`);
    }
    return payload;
  }

  /** Cuts a torn write off, durably. */
  cutTail(): void {
    this.#file.truncate(this.#end);
    this.#file.sync();
    this.#allocated = this.#end;
  }

  close(): void {
    this.#file.close();
  }

  #fillWithZeros(end: number): void {
    const { segmentBytes, zeroFillBytes } = this.#options;
    const wanted = Math.ceil(end / zeroFillBytes) * zeroFillBytes;
    const target = Math.max(end, Math.min(wanted, segmentBytes));
    this.#file.write([new Uint8Array(target - end)], end);
    this.#allocated = target;
  }
}
