/**
 * Log and state of one member, as one thing: what is written, in which order, and what is true
 * after a crash between any two writes. Synchronous apart from opening engines; it runs in the
 * worker thread and, unchanged, in the simulator. Any error it throws is final for this process.
 *
 * Order is the argument: an append is synced before it is reported; a state batch is not synced,
 * but the state is before the log that could repeat it is dropped; a snapshot is complete and
 * synced before CURRENT names it, and CURRENT names it before the log gives way to it.
 */
import {
  type HardState,
  type LogIndex,
  type SnapshotMetadata,
  type Term,
  toLogIndex,
  toTerm,
} from "../raft/index.ts";
import type { Applied, Recovered, StateSummary } from "../replica/index.ts";
import type { Files } from "./files.ts";
import { type EntryBlock, unpackEntries } from "./log/entry-block.ts";
import { SegmentedLog } from "./log/log.ts";
import {
  type CurrentState,
  logFolder,
  MEMBER_FOLDER,
  type MemberRecord,
  readCurrent,
  readMember,
  stateName,
  stateNumber,
  writeCurrent,
} from "./member-files.ts";
import type { StorageOptions } from "./options.ts";
import { checkAgreement, finishInstall, toRestore } from "./recovery.ts";
import {
  type Engine,
  type SnapshotExport,
  SnapshotImport,
  STATE_STORE_DEFAULTS,
  StateStore,
} from "./state/index.ts";
import type { StateFolders } from "./state-folders.ts";
import { TailCache } from "./tail-cache.ts";

export interface CoreSetup {
  readonly files: Files;
  /** The data folder. */
  readonly root: string;
  readonly states: StateFolders;
  readonly options: StorageOptions;
  /** Of this life of this node; answers go only to its own commands. */
  readonly origin: number;
  /** Numbers in [0, 1), for salts. */
  readonly random: () => number;
  /** Told what recovery had to repair. */
  readonly onNotice: (text: string) => void;
}

/** One append as it waits for its group. */
export interface AppendRequest {
  readonly hardState: HardState | null;
  readonly block: EntryBlock;
}

interface Installation {
  readonly engine: Engine;
  readonly state: string;
  readonly metadata: SnapshotMetadata;
  readonly import: SnapshotImport;
}

export class StoreCore {
  readonly #setup: CoreSetup;
  readonly #member: string;
  readonly #record: MemberRecord;
  readonly #log: SegmentedLog;
  readonly #tail: TailCache;
  readonly #snapshots = new Map<number, SnapshotExport>();
  #current: CurrentState;
  #engine: Engine;
  #state: StateStore;
  #installation: Installation | null = null;
  /** The engine that a snapshot replaced, until nobody reads from it any more. */
  #replaced: { readonly engine: Engine; readonly state: string } | null = null;
  #compactedIndex: number;

  private constructor(setup: CoreSetup, engine: Engine, current: CurrentState) {
    this.#setup = setup;
    this.#member = `${setup.root}/${MEMBER_FOLDER}`;
    this.#record = readMember(setup.files, this.#member);
    this.#current = current;
    this.#engine = engine;
    this.#state = openState(engine, setup.options);
    this.#log = SegmentedLog.open(setup.files, logFolder(this.#member), {
      ...setup.options,
      clusterId: this.#record.identity.clusterId,
      random: setup.random,
      onNotice: setup.onNotice,
    });
    this.#tail = new TailCache(setup.options.tailBytesMax);
    if (current.pendingSnapshot !== null) {
      setup.onNotice("finished a snapshot install that a crash cut short");
      this.#current = finishInstall(setup.files, this.#found());
    }
    checkAgreement(this.#found());
    this.#compactedIndex = this.#log.baseIndex;
  }

  /**
   * Opens what is on the disk. Errors of opening are thrown, those of the engine go where `states`
   * sends them.
   */
  static open(setup: CoreSetup, done: (core: StoreCore) => void): void {
    const current = readCurrent(setup.files, `${setup.root}/${MEMBER_FOLDER}`);
    for (const name of setup.states.list()) {
      if (name === current.state) continue;
      setup.onNotice(`removed ${name}, which a snapshot install left behind`);
      setup.states.remove(name);
    }
    setup.states.open(current.state, (engine) => done(new StoreCore(setup, engine, current)));
  }

  get engine(): Engine {
    return this.#engine;
  }

  get summary(): StateSummary {
    return this.#state.summary;
  }

  /** Some entries are durable and not applied. */
  get hasUnapplied(): boolean {
    return this.#log.lastIndex > this.#state.summary.appliedIndex;
  }

  get logBytes(): number {
    return this.#log.bytes;
  }

  recovered(): Recovered {
    const restore = toRestore(this.#found());
    return { identity: this.#record.identity, restore, summary: this.#state.summary };
  }

  /** Appends in order, as few frames as possible, each with one sync; durable when it returns. */
  append(requests: readonly AppendRequest[]): void {
    let rest = requests;
    while (rest.length > 0) {
      const group = this.#nextFrame(rest);
      this.#log.append(group.hardState, group.blocks);
      for (const block of group.blocks) this.#tail.add(block);
      rest = group.rest;
    }
  }

  /**
   * As `append`, beside other work: until `done`, entries that were durable before may be read and
   * applied, and nothing else may be asked for.
   * @param done called once, when all is durable, or with the error
   */
  appendLater(requests: readonly AppendRequest[], done: (error: unknown) => void): void {
    const { hardState, blocks, rest } = this.#nextFrame(requests);
    this.#log.appendLater(hardState, blocks, (error) => {
      if (error !== undefined) {
        done(error);
        return;
      }
      for (const block of blocks) this.#tail.add(block);
      if (rest.length === 0) done(undefined);
      else this.#appendRest(rest, done);
    });
  }

  /** Applies up to `index`, which was appended before. */
  apply(index: LogIndex): Applied {
    if (index > this.#log.lastIndex) {
      throw new Error(`apply up to ${index}, the log ends at ${this.#log.lastIndex}`);
    }
    const settled: Applied["settled"][number][] = [];
    let divergence: Applied["divergence"] = null;
    for (;;) {
      const next = this.#state.summary.appliedIndex + 1;
      if (next > index) break;
      const entries = this.#blocksToApply(next, index).flatMap(unpackEntries);
      const applied = this.#state.apply(entries, this.#setup.origin);
      settled.push(...applied.settled);
      divergence = applied.divergence ?? divergence;
    }
    return { summary: this.#state.summary, settled, divergence };
  }

  read(from: LogIndex, to: LogIndex, bytesMax: number): readonly EntryBlock[] {
    return this.#log.read(from, to, bytesMax);
  }

  /**
   * Forgets entries up to `index`. Files go when all their entries are forgotten, and only after
   * the state is durable; what is left at the front of the first one comes back after a restart.
   */
  compactLog(index: LogIndex): { readonly index: LogIndex; readonly term: Term } {
    const target = Math.max(this.#compactedIndex, Math.min(index, this.summary.appliedIndex));
    const term = this.#log.termAt(target) ?? this.#log.baseTerm;
    if (this.#log.canTrim(target)) {
      this.#state.sync();
      this.#log.trim(target);
    }
    this.#compactedIndex = target;
    return { index: toLogIndex(target), term: toTerm(term) };
  }

  openSnapshot(id: number): SnapshotExport {
    const snapshot = this.#state.exportSnapshot();
    this.#snapshots.set(id, snapshot);
    return snapshot;
  }

  nextChunk(id: number): Uint8Array | null {
    return this.#snapshots.get(id)?.next() ?? null;
  }

  closeSnapshot(id: number): void {
    this.#snapshots.get(id)?.close();
    this.#snapshots.delete(id);
  }

  /** Makes room for a snapshot beside the state; one that was begun before is given up. */
  beginInstall(metadata: SnapshotMetadata, done: () => void): void {
    this.abortInstall(() => {
      const number = (stateNumber(this.#current.state) ?? 0) + 1;
      const state = stateName(number);
      this.#setup.states.remove(state);
      this.#setup.states.open(state, (engine) => {
        const writer = new SnapshotImport(engine, metadata);
        this.#installation = { engine, state, metadata, import: writer };
        done();
      });
    });
  }

  /** @returns false when the chunk is damaged or out of order, or nothing was begun */
  writeChunk(chunk: Uint8Array): boolean {
    return this.#installation?.import.write(chunk) ?? false;
  }

  /**
   * Puts the snapshot in the place of state and log; null when it is not whole. The state before
   * stays readable until `releaseReplaced`.
   */
  install(): StateSummary | null {
    const installation = this.#installation;
    if (installation?.import.finish() == null) return null;
    const { index, term } = installation.metadata;
    const { files } = this.#setup;
    const current = { state: installation.state, pendingSnapshot: null };
    writeCurrent(files, this.#member, { ...current, pendingSnapshot: { index, term } });
    if (this.#log.termAt(index) !== term) this.#log.reset(index, term);
    writeCurrent(files, this.#member, current);
    this.#tail.clear();
    this.#replaced = { engine: this.#engine, state: this.#current.state };
    this.#current = current;
    this.#engine = installation.engine;
    this.#state = openState(installation.engine, this.#setup.options);
    this.#installation = null;
    this.#compactedIndex = Math.max(this.#compactedIndex, index);
    for (const id of [...this.#snapshots.keys()]) this.closeSnapshot(id);
    return this.#state.summary;
  }

  /** Nobody reads from the state before the last install any more. */
  releaseReplaced(done: () => void): void {
    const replaced = this.#replaced;
    this.#replaced = null;
    if (replaced === null) done();
    else this.#discard(replaced, done);
  }

  abortInstall(done: () => void): void {
    const installation = this.#installation;
    this.#installation = null;
    if (installation === null) done();
    else this.#discard(installation, done);
  }

  /** A write-back of the state is due. */
  get isWriteBackDue(): boolean {
    return this.#state.isWriteBackDue;
  }

  /** Brings the state to the disk beside other work. @param done called once; an error is final */
  writeBack(done: (error: unknown) => void): void {
    this.#state.writeBack(done);
  }

  /** There is background work. */
  get isCompactionPending(): boolean {
    return this.#state.isCompactionPending;
  }

  /** The background work of a compaction. */
  removeCompacted(): void {
    this.#state.removeCompacted();
  }

  /** Makes the state durable and closes everything. */
  close(done: () => void): void {
    for (const id of [...this.#snapshots.keys()]) this.closeSnapshot(id);
    this.abortInstall(() => {
      this.releaseReplaced(() => {
        this.#state.sync();
        this.#log.close();
        this.#setup.states.close(this.#engine, done);
      });
    });
  }

  #found(): Parameters<typeof toRestore>[0] {
    return {
      member: this.#member,
      record: this.#record,
      current: this.#current,
      log: this.#log,
      state: this.#state,
    };
  }

  /** What goes into the next frame: requests up to one that replaces some of their entries. */
  #nextFrame(requests: readonly AppendRequest[]): {
    readonly hardState: HardState | null;
    readonly blocks: readonly EntryBlock[];
    readonly rest: readonly AppendRequest[];
  } {
    const [group, rest] = splitAtConflict(requests);
    const hardState = group.findLast((request) => request.hardState !== null)?.hardState ?? null;
    const blocks = group.map(({ block }) => block).filter(({ count }) => count > 0);
    const first = blocks[0]?.firstIndex;
    if (first !== undefined && first <= this.summary.appliedIndex) {
      throw new Error(`entry ${first} is applied and cannot be replaced`);
    }
    return { hardState, blocks, rest };
  }

  /** After the first frame nobody is left to catch what is thrown. */
  #appendRest(rest: readonly AppendRequest[], done: (error: unknown) => void): void {
    try {
      this.appendLater(rest, done);
    } catch (error) {
      done(error);
    }
  }

  /** From memory as far as it goes, else from the log; some entries, not always all. */
  #blocksToApply(from: number, to: number): readonly EntryBlock[] {
    const { applyBytesMax } = this.#setup.options;
    const blocks: EntryBlock[] = [];
    let bytes = 0;
    let next = from;
    while (next <= to && bytes < applyBytesMax) {
      const block = this.#tail.take(next, to);
      if (block === null) break;
      blocks.push(block);
      bytes += block.bytes.length;
      next += block.count;
    }
    if (blocks.length > 0) return blocks;
    const last = Math.min(to, (this.#tail.firstIndex ?? to + 1) - 1);
    return this.#log.read(from, last, applyBytesMax);
  }

  #discard(
    { engine, state }: { readonly engine: Engine; readonly state: string },
    done: () => void,
  ): void {
    this.#setup.states.close(engine, () => {
      this.#setup.states.remove(state);
      done();
    });
  }
}

const openState = (engine: Engine, options: StorageOptions): StateStore =>
  StateStore.open(engine, { ...STATE_STORE_DEFAULTS, ...options });

/**
 * One frame holds contiguous entries: requests up to the first that replaces some, and the
 * rest.
 */
const splitAtConflict = (
  requests: readonly AppendRequest[],
): readonly [readonly AppendRequest[], readonly AppendRequest[]] => {
  let next: number | null = null;
  for (const [at, { block }] of requests.entries()) {
    if (block.count === 0) continue;
    if (next !== null && block.firstIndex !== next) {
      return [requests.slice(0, at), requests.slice(at)];
    }
    next = block.firstIndex + block.count;
  }
  return [requests, []];
};
