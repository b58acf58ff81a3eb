/**
 * Reads the segments of a log at start, every frame of them, and checks that each continues the one
 * before. A write that power cut short is cut off; any other disagreement is refused.
 */
import type { HardState } from "../../raft/index.ts";
import { corrupt } from "../errors.ts";
import type { Files } from "../files.ts";
import type { FrameHeader } from "./frame.ts";
import type { FoundSegment } from "./log-recovery.ts";
import { LogView } from "./log-view.ts";
import { Segment, type SegmentOptions } from "./segment.ts";
import type { SegmentHeader } from "./segment-header.ts";
import { scanSegment } from "./segment-scan.ts";

export interface LogOptions extends SegmentOptions {
  /** Numbers in [0, 1), for salts. */
  readonly random: () => number;
  /** Told what recovery had to repair, in words with file names. */
  readonly onNotice: (text: string) => void;
}

export interface LogContents {
  /** Open, in order. */
  readonly segments: Segment[];
  readonly view: LogView;
  readonly hardState: HardState;
}

/** @throws StorageError CORRUPT with file and offset */
export const scanSegments = (
  files: Files,
  found: readonly FoundSegment[],
  options: LogOptions,
): LogContents => {
  const [first] = found;
  if (first === undefined) throw new Error("a log has at least one segment");
  const scan = new LogScan(files, options, first.header.hardState);
  for (const segment of found) scan.read(segment, segment === found.at(-1));
  return scan;
};

class LogScan implements LogContents {
  readonly segments: Segment[] = [];
  readonly view: LogView = new LogView();
  hardState: HardState;
  readonly #files: Files;
  readonly #options: LogOptions;

  constructor(files: Files, options: LogOptions, hardState: HardState) {
    this.#files = files;
    this.#options = options;
    this.hardState = hardState;
  }

  read({ path, header }: FoundSegment, isLast: boolean): void {
    const file = this.#files.open(path);
    // Not filled with zeros first: half the time of a scan would go there.
    const bytes = new Uint8Array(Buffer.allocUnsafeSlow(file.size()).buffer);
    file.read(bytes, 0);
    this.#enter(path, header);
    const scan = scanSegment({ path, bytes, salt: header.salt }, (frame, payload) => {
      this.#enterFrame(`${path} at byte ${frame.position}`, header, { frame, payload });
    });
    const segment = new Segment(file, header, { ...scan, options: this.#options });
    this.segments.push(segment);
    if (scan.tornBytes === 0) return;
    if (!isLast) throw corrupt(`${path} at byte ${scan.end}`, "a damaged frame at the end");
    segment.cutTail();
    const cut = `cut ${scan.tornBytes} bytes off ${path} at byte ${scan.end}`;
    this.#options.onNotice(`${cut}: a write that never was acknowledged`);
  }

  /** Checks that a segment continues the ones before. */
  #enter(path: string, header: SegmentHeader): void {
    const previous = this.segments.at(-1);
    if (previous !== undefined && header.previousEnd !== previous.end) {
      const ends = `ends at byte ${previous.end}, ${path} was begun when it ended at`;
      throw corrupt(previous.path, `${ends} byte ${header.previousEnd}`);
    }
    const { firstIndex, previousTerm } = header;
    if (previous === undefined || firstIndex <= this.view.baseIndex) {
      this.view.restart(firstIndex - 1, previousTerm);
      return;
    }
    this.view.cutFrom(firstIndex);
    if (this.view.termAt(firstIndex - 1) !== previousTerm) {
      throw corrupt(path, `entry ${firstIndex - 1} before it is not the one that it followed`);
    }
  }

  #enterFrame(
    where: string,
    segment: SegmentHeader,
    { frame, payload }: { readonly frame: FrameHeader; readonly payload: Uint8Array },
  ): void {
    if (frame.hardState.currentTerm < this.hardState.currentTerm) {
      const terms = `${this.hardState.currentTerm} to ${frame.hardState.currentTerm}`;
      throw corrupt(where, `the current term falls from ${terms}`);
    }
    this.hardState = frame.hardState;
    const { firstIndex, entryCount: count, position } = frame;
    if (count === 0) return;
    if (firstIndex < segment.firstIndex || firstIndex > this.view.lastIndex + 1) {
      throw corrupt(where, `entry ${firstIndex} follows entry ${this.view.lastIndex}`);
    }
    const blocks = [{ firstIndex, count, bytes: payload }];
    this.view.note({ segment: segment.sequence, position, blocks });
  }
}
