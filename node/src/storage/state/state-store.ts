/**
 * The replicated state on one engine: applies committed entries, exactly once and in order, each
 * batch atomic with the index it reaches. Lives in the thread that writes. It must never decide
 * anything that the entries do not say, or replicas would differ; after any error thrown here the
 * process has to crash and recover from what was written.
 */
import { DecodeError } from "../../codec/index.ts";
import {
  applyCommand,
  type Command,
  decodeCommand,
  decodeEventKey,
  TAG_EVENT,
  tagRange,
} from "../../kv/index.ts";
import {
  type Configuration,
  decodeConfiguration,
  type Entry,
  type LogIndex,
  toLogIndex,
} from "../../raft/index.ts";
import type { Applied, SettledCommand, StateSummary } from "../../replica/index.ts";
import { corrupt } from "../errors.ts";
import { isCompactionPending, removeCompacted } from "./compaction.ts";
import { decodeRow } from "./decoding.ts";
import type { Engine } from "./engine.ts";
import { HashCheckpoints } from "./hash-checkpoints.ts";
import { ERA_DEFAULTS } from "./history-eras.ts";
import {
  blankFigures,
  CONFIGURATION_KEY,
  type ConfigurationState,
  decodeConfigurationRow,
  decodeFigures,
  encodeConfigurationRow,
  FIGURES_KEY,
  NO_CONFIGURATION,
  type StateFigures,
} from "./meta.ts";
import { type EffectsOptions, PendingEffects } from "./pending-effects.ts";
import { SnapshotExport } from "./snapshot-export.ts";

export interface StateStoreOptions extends EffectsOptions {
  /** A batch is written when it has so many bytes, at the next end of an entry. */
  readonly batchBytesMax: number;
  /** A write-back is due when so many bytes were written since the last. */
  readonly writeBackBytes: number;
}

export const STATE_STORE_DEFAULTS: StateStoreOptions = {
  batchBytesMax: 4 * 1024 * 1024,
  writeBackBytes: 1024 * 1024,
  recordCacheBytes: 1024 * 1024,
  ...ERA_DEFAULTS,
};

type Decoded = ReturnType<typeof decodeCommand>;
type Divergence = NonNullable<Applied["divergence"]>;

export class StateStore {
  readonly #engine: Engine;
  readonly #options: StateStoreOptions;
  readonly #effects: PendingEffects;
  readonly #checkpoints: HashCheckpoints;
  #configuration: ConfigurationState;
  #hasUnsynced = false;
  /** Written since the last write-back or sync. */
  #bytesAhead = 0;

  private constructor(
    engine: Engine,
    options: StateStoreOptions,
    found: { readonly figures: StateFigures; readonly configuration: ConfigurationState },
  ) {
    this.#engine = engine;
    this.#options = options;
    this.#effects = new PendingEffects(engine, found.figures, options);
    this.#configuration = found.configuration;
    this.#checkpoints = HashCheckpoints.load(engine);
    this.#checkpoints.assertNotAfter(found.figures.appliedIndex, engine.path);
  }

  /**
   * Reads the figures, not the data: its cost does not depend on the number of keys.
   * @throws StorageError CORRUPT
   */
  static open(engine: Engine, options: StateStoreOptions = STATE_STORE_DEFAULTS): StateStore {
    const [figuresRow, configurationRow] = engine.getMany([FIGURES_KEY, CONFIGURATION_KEY]);
    if (figuresRow === undefined) {
      assertBlank(engine);
      const found = { figures: blankFigures(), configuration: NO_CONFIGURATION };
      return new StateStore(engine, options, found);
    }
    const figures = decodeRow({ path: engine.path, key: FIGURES_KEY }, figuresRow, decodeFigures);
    assertLastEvent(engine, figures);
    const configuration =
      configurationRow === undefined
        ? NO_CONFIGURATION
        : decodeRow(
            { path: engine.path, key: CONFIGURATION_KEY },
            configurationRow,
            decodeConfigurationRow,
          );
    return new StateStore(engine, options, { figures, configuration });
  }

  get summary(): StateSummary {
    const { appliedIndex, appliedTerm, revision, compactRevision, keys, hash } =
      this.#effects.figures;
    const checkpoint = this.#checkpoints.latest;
    return { appliedIndex, appliedTerm, revision, compactRevision, keys, hash, checkpoint };
  }

  /** The members as of the applied index; none before the first configuration entry. */
  get configuration(): Configuration {
    return this.#configuration.configuration;
  }

  /** The entry that made `configuration`; 0 before the first. */
  get configurationIndex(): LogIndex {
    return this.#configuration.index;
  }

  /** `removeCompacted` has work to do. */
  get isCompactionPending(): boolean {
    return isCompactionPending(this.#effects);
  }

  /**
   * Applies committed entries that follow the applied index without a gap. Not durable before
   * `sync`: entries lost in a crash are applied again from the log.
   * @param origin of this life of this node: only its commands are in `settled`
   * @throws StorageError CORRUPT for a row or entry that does not decode
   */
  apply(entries: readonly Entry[], origin: number): Applied {
    const commands = entries.map(decodeEntry);
    this.#effects.prefetch(commands.flatMap(keysRead));
    const settled: SettledCommand[] = [];
    let divergence: Divergence | null = null;
    for (const [at, entry] of entries.entries()) {
      const decoded = commands[at] ?? null;
      this.#assertNext(entry);
      if (decoded !== null) {
        divergence = this.#compare(decoded.command) ?? divergence;
        const result = this.#applyCommand(decoded.command);
        const { header } = decoded;
        if (header.origin === origin) settled.push({ sequence: header.sequence, result });
      } else if (entry.type === "configuration") {
        this.#applyConfiguration(entry);
      }
      this.#advance(entry);
    }
    if (entries.length > 0) this.#write();
    this.#effects.forget();
    return { summary: this.summary, settled, divergence };
  }

  /** Everything applied so far is durable when it returns. */
  sync(): void {
    if (!this.#hasUnsynced) return;
    this.#effects.write({ sync: true });
    this.#hasUnsynced = false;
    this.#bytesAhead = 0;
  }

  /** So much was written that a sync would keep its caller waiting. */
  get isWriteBackDue(): boolean {
    return this.#bytesAhead >= this.#options.writeBackBytes;
  }

  /** Has less for the next `sync` to do. @param done called once; an error is final */
  writeBack(done: (error: unknown) => void): void {
    this.#bytesAhead = 0;
    this.#engine.writeBack(done);
  }

  /** Removes what compactions left behind for later. */
  removeCompacted(): void {
    if (!this.isCompactionPending) return;
    removeCompacted(this.#engine, this.#effects);
    this.#hasUnsynced = true;
  }

  /** An unchanging view of the whole state as of the applied index. */
  exportSnapshot(): SnapshotExport {
    return new SnapshotExport(this.#engine, this.summary, this.#configuration);
  }

  #assertNext(entry: Entry): void {
    const { appliedIndex, appliedTerm } = this.#effects.figures;
    if (entry.index === appliedIndex + 1 && entry.term >= appliedTerm) return;
    throw new Error(
      `entry ${entry.index} of term ${entry.term} cannot follow applied entry ${appliedIndex} of ` +
        `term ${appliedTerm}`,
    );
  }

  #applyCommand(command: Command): SettledCommand["result"] {
    // A range is read from the engine, so what is pending must be there first.
    if (command.type === "deleteRange" && this.#effects.operations > 0) this.#write();
    return applyCommand(this.#effects, this.#effects, command);
  }

  #applyConfiguration(entry: Entry): void {
    const configuration = decodeFromLog(entry, decodeConfiguration);
    this.#configuration = { configuration, index: entry.index };
    this.#effects.hashConfiguration(entry.data);
    this.#effects.putMeta(CONFIGURATION_KEY, encodeConfigurationRow(entry.index, entry.data));
  }

  #advance(entry: Entry): void {
    const { figures } = this.#effects;
    figures.appliedIndex = entry.index;
    figures.appliedTerm = entry.term;
    const row = this.#checkpoints.maybeNote(entry.index, figures.hash);
    if (row !== null) this.#effects.putMeta(row.key, row.value);
    if (this.#effects.bytes >= this.#options.batchBytesMax) this.#write();
  }

  #write(): void {
    this.#bytesAhead += this.#effects.bytes;
    this.#effects.write({ sync: false });
    this.#hasUnsynced = true;
  }

  #compare(command: Command): Divergence | null {
    if (command.type !== "verifyHash") return null;
    const actual = this.#checkpoints.hashAt(command.index);
    if (actual === undefined || actual === command.hash) return null;
    return { index: toLogIndex(command.index), expected: command.hash, actual };
  }
}

/** Data without figures: an import that never ended, or a row that was lost. */
const assertBlank = (engine: Engine): void => {
  const rows = engine.iterate({ start: Uint8Array.of(0), end: Uint8Array.of(0xff), values: false });
  try {
    if (rows.next(1).length === 0) return;
  } finally {
    rows.close();
  }
  throw corrupt(engine.path, "there are rows, but none with the applied index");
};

/** The latest event always has the latest revision: one seek that finds mixed or lost files. */
const assertLastEvent = (engine: Engine, figures: StateFigures): void => {
  const rows = engine.iterate({ ...tagRange(TAG_EVENT), reverse: true, values: false });
  try {
    const [last] = rows.next(1);
    const place = { path: engine.path, key: last?.key ?? FIGURES_KEY };
    const revision = last === undefined ? 0 : decodeRow(place, last.key, decodeEventKey).revision;
    if (revision === figures.revision) return;
    throw corrupt(
      engine.path,
      `the last event has revision ${revision}, the figures say ${figures.revision}`,
    );
  } finally {
    rows.close();
  }
};

const decodeEntry = (entry: Entry): Decoded | null =>
  entry.type === "command" ? decodeFromLog(entry, decodeCommand) : null;

const decodeFromLog = <T>(entry: Entry, decode: (bytes: Uint8Array) => T): T => {
  try {
    return decode(entry.data);
  } catch (cause) {
    if (!(cause instanceof DecodeError)) throw cause;
    throw corrupt(
      `log entry ${entry.index} of term ${entry.term}`,
      `${entry.type} does not decode: ${cause.message}`,
      cause,
    );
  }
};

const NO_KEYS: readonly Uint8Array[] = [];

/** Keys whose current records a command looks at. */
const keysRead = (decoded: Decoded | null): readonly Uint8Array[] => {
  switch (decoded?.command.type) {
    case "put":
    case "delete":
      return [decoded.command.key];
    case "batch":
      return decoded.command.operations.map((operation) => operation.key);
    case "deleteRange":
    case "compact":
    case "verifyHash":
    case undefined:
      return NO_KEYS;
  }
};
