/**
 * The Raft log: a row of segment files, written one frame per group commit. An append that starts
 * at or before the last index replaces the suffix from there on (LogWrite, raft/types.ts): the
 * older entries stay in their frames but are no longer reachable, so a conflict costs no second
 * sync and a crash leaves the log before or after, never between. The hard state is that of the
 * last frame.
 *
 * A failed write or sync is final: nothing is tried again, every later call throws the same error.
 */
import type { ClusterId, Entry, HardState } from "../../raft/index.ts";
import { corrupt } from "../errors.ts";
import type { Files } from "../files.ts";
import { type EntryBlock, limitBlock, sliceBlock } from "./entry-block.ts";
import type { TermRun } from "./log-facts.ts";
import { findSegments } from "./log-recovery.ts";
import { type LogContents, type LogOptions, scanSegments } from "./log-scan.ts";
import { LogView } from "./log-view.ts";
import { type Frame, Segment } from "./segment.ts";
import type { SegmentHeader } from "./segment-header.ts";

export type { LogOptions } from "./log-scan.ts";

export interface LogStart {
  readonly clusterId: ClusterId;
  readonly hardState: HardState;
}

interface LogPlace {
  readonly files: Files;
  readonly folder: string;
  readonly options: LogOptions;
}

interface WrittenFrame {
  readonly segment: Segment;
  readonly frame: Frame;
  readonly position: number;
}

const salt = (random: () => number): number => Math.floor(random() * 0x1_0000_0000);

export class SegmentedLog {
  readonly #files: Files;
  readonly #folder: string;
  readonly #options: LogOptions;
  readonly #segments: Segment[];
  readonly #view: LogView;
  #hardState: HardState;
  #isSyncing = false;
  #failure: unknown = null;

  private constructor(place: LogPlace, contents: LogContents) {
    this.#files = place.files;
    this.#folder = place.folder;
    this.#options = place.options;
    this.#segments = contents.segments;
    this.#view = contents.view;
    this.#hardState = contents.hardState;
  }

  /** Makes the log of a new member in an empty folder: no entries, only the hard state. */
  static create(files: Files, folder: string, options: LogOptions & LogStart): SegmentedLog {
    const { hardState } = options;
    const contents = { segments: [], view: new LogView(), hardState };
    const log = new SegmentedLog({ files, folder, options }, contents);
    log.#addSegment({
      sequence: 1,
      clusterId: options.clusterId,
      firstIndex: 1,
      previousTerm: 0,
      previousEnd: 0,
      isReset: false,
      hardState,
      salt: salt(options.random),
    });
    return log;
  }

  /**
   * Opens and checks every frame.
   * @throws StorageError CORRUPT with file and offset, WRONG_IDENTITY, FOREIGN_FOLDER
   */
  static open(
    files: Files,
    folder: string,
    options: LogOptions & { readonly clusterId: ClusterId },
  ): SegmentedLog {
    const { live, leftovers } = findSegments(files, folder, options.clusterId);
    const contents = scanSegments(files, live, options);
    for (const path of leftovers) {
      options.onNotice(`removed ${path}, which a crash left behind`);
      files.unlink(path);
    }
    if (leftovers.length > 0) files.syncFolder(folder);
    return new SegmentedLog({ files, folder, options }, contents);
  }

  get hardState(): HardState {
    return this.#hardState;
  }

  /** Everything up to here is not in the log (any more). */
  get baseIndex(): number {
    return this.#view.baseIndex;
  }

  get baseTerm(): number {
    return this.#view.baseTerm;
  }

  get lastIndex(): number {
    return this.#view.lastIndex;
  }

  /** Size of the log's files. */
  get bytes(): number {
    return this.#segments.reduce((sum, segment) => sum + segment.fileBytes, 0);
  }

  /** Term of the entry, also of the base; null when it is not in the log. */
  termAt(index: number): number | null {
    return this.#view.termAt(index);
  }

  termRuns(): readonly TermRun[] {
    return this.#view.termRuns();
  }

  configurationsAfter(index: number): readonly Entry[] {
    return this.#view.configurationsAfter(index);
  }

  /**
   * Writes one group commit; durable when it returns. Blocks are contiguous; a first index at or
   * before the last one replaces the suffix.
   */
  append(hardState: HardState | null, blocks: readonly EntryBlock[]): void {
    this.#changing(() => {
      const written = this.#write(hardState, blocks);
      written.segment.sync();
      this.#enforce(written);
    });
  }

  /**
   * As `append`, without waiting for the disk. Until `done` is called, once and with the error if
   * there was one, the log reads as before and takes no other change: a frame is written only when
   * the one before is durable.
   */
  appendLater(
    hardState: HardState | null,
    blocks: readonly EntryBlock[],
    done: (error: unknown) => void,
  ): void {
    const written = this.#changing(() => this.#write(hardState, blocks));
    this.#isSyncing = true;
    written.segment.syncLater((error) => {
      this.#isSyncing = false;
      if (error === undefined) this.#enforce(written);
      else this.#failure = error;
      done(error);
    });
  }

  /**
   * Entries [from, to] as blocks, as far as `bytesMax` of data allows but at least one; none when
   * `from` is not in the log. @throws StorageError CORRUPT
   */
  read(from: number, to: number, bytesMax: number): readonly EntryBlock[] {
    return this.#guarded(() => {
      const blocks: EntryBlock[] = [];
      const last = Math.min(to, this.lastIndex);
      let next = from;
      let bytesLeft = bytesMax;
      while (next > this.baseIndex && next <= last) {
        const whole = this.#readFrame(next, last);
        const block = limitBlock(whole, bytesLeft, blocks.length === 0 ? 1 : 0);
        if (block.count > 0) blocks.push(block);
        if (block.count < whole.count) break;
        bytesLeft -= block.bytes.length;
        next += block.count;
      }
      return blocks;
    });
  }

  /** Whether `trim(index)` would drop anything. */
  canTrim(index: number): boolean {
    return this.#droppable(index) > 0;
  }

  /** Drops whole segments whose entries are all at or before `index`. */
  trim(index: number): void {
    this.#changing(() => {
      let count = this.#droppable(index);
      while (count > 0) {
        this.#dropFirstSegment();
        count -= 1;
      }
    });
  }

  /** A snapshot ending at (index, term) takes the place of the whole log. */
  reset(index: number, term: number): void {
    this.#changing(() => {
      const old = this.#segments.length;
      this.#addSegment({
        ...this.#nextHeader(index + 1, term),
        previousEnd: 0,
        isReset: true,
      });
      this.#view.restart(index, term);
      for (let n = 0; n < old; n += 1) this.#removeFirstFile();
    });
  }

  close(): void {
    for (const segment of this.#segments) segment.close();
  }

  #write(hardState: HardState | null, blocks: readonly EntryBlock[]): WrittenFrame {
    const frame = { hardState: hardState ?? this.#hardState, blocks };
    this.#checkAppend(frame);
    const segment = this.#segmentFor(frame, blocks[0]?.firstIndex ?? this.lastIndex + 1);
    return { segment, frame, position: segment.write(frame) };
  }

  /** A frame is durable: from now on the log reads as it says. */
  #enforce({ segment, frame, position }: WrittenFrame): void {
    this.#hardState = frame.hardState;
    this.#view.note({ segment: segment.header.sequence, position, blocks: frame.blocks });
  }

  #changing<T>(act: () => T): T {
    if (this.#isSyncing) throw new Error("the log is changed while a frame is being synced");
    return this.#guarded(act);
  }

  #guarded<T>(act: () => T): T {
    if (this.#failure !== null) throw this.#failure;
    try {
      return act();
    } catch (error) {
      this.#failure = error;
      throw error;
    }
  }

  /** Refuses what no correct core asks for, before it reaches the disk. */
  #checkAppend({ hardState, blocks }: Frame): void {
    if (hardState.currentTerm < this.#hardState.currentTerm) {
      const terms = `${hardState.currentTerm} after ${this.#hardState.currentTerm}`;
      throw new RangeError(`the current term cannot fall: ${terms}`);
    }
    let next = blocks[0]?.firstIndex ?? this.lastIndex + 1;
    if (next <= this.baseIndex || next > this.lastIndex + 1) {
      const range = `${this.baseIndex + 1} to ${this.lastIndex + 1}`;
      throw new RangeError(`append at ${next}, the log can take entries at ${range}`);
    }
    for (const block of blocks) {
      if (block.firstIndex !== next) {
        throw new RangeError(`entries must be contiguous: ${block.firstIndex} instead of ${next}`);
      }
      next += block.count;
    }
  }

  /**
   * The last segment, or a new one when it is full or would have to hold entries before its
   * own.
   */
  #segmentFor(frame: Frame, first: number): Segment {
    const last = this.#last();
    let payloadBytes = 0;
    for (const block of frame.blocks) payloadBytes += block.bytes.length;
    if (last.hasRoomFor(payloadBytes) && first >= last.header.firstIndex) return last;
    const header = this.#nextHeader(first, this.termAt(first - 1) ?? 0);
    return this.#addSegment(header);
  }

  #nextHeader(firstIndex: number, previousTerm: number): SegmentHeader {
    const last = this.#last();
    return {
      sequence: last.header.sequence + 1,
      clusterId: last.header.clusterId,
      firstIndex,
      previousTerm,
      previousEnd: last.end,
      isReset: false,
      hardState: this.#hardState,
      salt: salt(this.#options.random),
    };
  }

  #addSegment(header: SegmentHeader): Segment {
    const options = this.#options;
    const segment = Segment.create(this.#files, this.#folder, { header, options });
    this.#segments.push(segment);
    return segment;
  }

  #last(): Segment {
    const last = this.#segments.at(-1);
    if (last === undefined) throw new Error(`the log in ${this.#folder} has no segment`);
    return last;
  }

  #readFrame(from: number, to: number): EntryBlock {
    const found = this.#view.find(from);
    const sequence = found?.row.segment;
    const segment = this.#segments.find(({ header }) => header.sequence === sequence);
    if (found === null || segment === undefined) {
      throw corrupt(this.#folder, `entry ${from} is in no frame`);
    }
    const { firstIndex, count, position } = found.row;
    const bytes = segment.readPayload(position, firstIndex);
    return sliceBlock({ firstIndex, count, bytes }, from, Math.min(to, found.last));
  }

  /** Segments at the front that hold nothing after `index`. */
  #droppable(index: number): number {
    for (let count = this.#segments.length - 1; count > 0; count -= 1) {
      if (this.#baseOf(count) <= index) return count;
    }
    return 0;
  }

  /** The base of the log that consists of the segments from the n-th on. */
  #baseOf(n: number): number {
    const rest = this.#segments.slice(n);
    return Math.min(...rest.map(({ header }) => header.firstIndex)) - 1;
  }

  #dropFirstSegment(): void {
    this.#removeFirstFile();
    this.#view.dropTo(this.#baseOf(0), this.#segments[0]?.header.sequence ?? 0);
  }

  /** The removal is durable before the next one, so a crash never leaves a gap in the row. */
  #removeFirstFile(): void {
    const segment = this.#segments.shift();
    if (segment === undefined) return;
    segment.close();
    this.#files.unlink(segment.path);
    this.#files.syncFolder(this.#folder);
  }
}
