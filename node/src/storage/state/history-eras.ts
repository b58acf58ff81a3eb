/**
 * The eras of the history (kv/key-space.ts): when the next one begins, and which of them a reader
 * or a compaction has to look at. An era goes as a whole once nothing in it can be read any more,
 * in one step and without a look at its rows. Where eras are cut is no part of the replicated
 * state: replicas may differ in it.
 */
import {
  decodeHistoryKey,
  eraRange,
  type KeyRange,
  type Revision,
  TAG_HISTORY,
  tagRange,
} from "../../kv/index.ts";
import { decodeRow } from "./decoding.ts";
import type { Engine, EngineIterator } from "./engine.ts";

export interface EraLimits {
  /** An era has at least so many revisions, unless it has its bytes before. */
  readonly eraRevisions: number;
  /** An era has at least so many bytes, unless it has its revisions before. */
  readonly eraBytes: number;
}

/** No smaller: each era costs a read in the past a seek. */
export const ERA_DEFAULTS: EraLimits = {
  eraRevisions: 131_072,
  eraBytes: 32 * 1024 * 1024,
};

/**
 * An era may also have this part of all that is there, so that a history that is never compacted
 * has some dozens of eras and not thousands: each is one more seek of a read in the past.
 */
const PART_OF_WHOLE = 4;

/** The era that what is superseded now goes to. */
export class CurrentEra {
  readonly #engine: Engine;
  readonly #limits: EraLimits;
  /** Null: there is no history. */
  #first: Revision | null;
  #bytes = 0;
  #revisionsMax = 0;
  #bytesMax = 0;

  /** Goes on with the era that was the last before a restart; its bytes count from 0 again. */
  constructor(engine: Engine, limits: EraLimits, kept: EraWindow) {
    this.#engine = engine;
    this.#limits = limits;
    this.#first = newestEra(engine);
    this.#size(kept);
  }

  /**
   * Its first revision, for what `kept.revision` supersedes. Ask once at each new revision: all
   * that one revision supersedes must be in one era.
   */
  advance(kept: EraWindow): void {
    const isFull =
      this.#first === null ||
      kept.revision - this.#first >= this.#revisionsMax ||
      this.#bytes >= this.#bytesMax;
    if (!isFull) return;
    this.#first = kept.revision;
    this.#bytes = 0;
    this.#size(kept);
  }

  /** @throws Error before the first `advance` */
  get first(): Revision {
    if (this.#first === null) throw new Error("no era was begun");
    return this.#first;
  }

  /** Counts what was put into it. */
  add(bytes: number): void {
    this.#bytes += bytes;
  }

  /** All history was removed. */
  clear(): void {
    this.#first = null;
  }

  #size(kept: EraWindow): void {
    const { eraRevisions, eraBytes } = this.#limits;
    const revisions = kept.revision - kept.compactRevision;
    this.#revisionsMax = Math.max(eraRevisions, revisions / PART_OF_WHOLE);
    this.#bytesMax = Math.max(eraBytes, this.#engine.approximateBytes() / PART_OF_WHOLE);
  }
}

/** What of the past is kept. */
export interface EraWindow {
  readonly revision: Revision;
  readonly compactRevision: Revision;
}

const newestEra = (engine: Engine): Revision | null => {
  const rows = engine.iterate({ ...tagRange(TAG_HISTORY), values: false });
  try {
    return nextEra(engine.path, rows);
  } finally {
    rows.close();
  }
};

/** The era of the next row of the history; null at the end. */
const nextEra = (path: string, rows: EngineIterator): Revision | null => {
  const [row] = rows.next(1);
  if (row === undefined) return null;
  return decodeRow({ path, key: row.key }, row.key, decodeHistoryKey).era;
};

/**
 * Eras with something that was superseded after `revision`, newest first: in all but the last
 * everything was. Older ones hold nothing that is seen at `revision` or later.
 * @param rows placed at the first row of the history
 */
export function* erasAfter(
  path: string,
  rows: EngineIterator,
  revision: Revision,
): Generator<Revision, void> {
  for (let era = nextEra(path, rows); era !== null; era = nextEra(path, rows)) {
    yield era;
    if (era <= revision + 1) return;
    rows.seek(eraRange(era).end);
  }
}

/** What of the past is kept, and what was removed already. */
export interface RemovalWindow extends EraWindow {
  readonly removedRevision: Revision;
}

/**
 * The eras that a compaction may remove, as one range: in them everything was superseded by the
 * compact revision. Null when there is none. Ranges of later compactions do not overlap this one:
 * RocksDB keeps, for each part of overlapping ones, a list of all that cover it.
 */
export const deadEras = (
  engine: Engine,
  { revision, compactRevision, removedRevision }: RemovalWindow,
): KeyRange | null => {
  const rows = engine.iterate({ ...tagRange(TAG_HISTORY), values: false });
  try {
    const eras = [...erasAfter(engine.path, rows, removedRevision)];
    const isAllDead = revision === compactRevision;
    const last = eras.findIndex((era) => era <= compactRevision + 1);
    // Every era begins after the compact revision: none ended by then.
    if (last < 0 && !isAllDead) return null;
    const newest = eras[isAllDead ? 0 : last + 1];
    const oldest = eras.at(-1);
    if (newest === undefined || oldest === undefined) return null;
    return { start: eraRange(newest).start, end: eraRange(oldest).end };
  } finally {
    rows.close();
  }
};
