/**
 * Builds a state from the chunks of a snapshot on an engine of its own, beside the live state. The
 * meta data is written last and synced: an import that did not end leaves no state behind, only
 * rows that `StateStore.open` refuses. A damaged or misplaced chunk ends the import for good.
 */
import { crc32 } from "node:zlib";
import { DecodeError } from "../../codec/index.ts";
import { TAG_END, TAG_KEY, TAG_META } from "../../kv/index.ts";
import { encodeConfiguration, type SnapshotMetadata } from "../../raft/index.ts";
import type { StateSummary } from "../../replica/index.ts";
import type { Engine, EngineBatch, EngineRow } from "./engine.ts";
import { RowStream } from "./row-stream.ts";
import {
  type Chunk,
  decodeChunk,
  decodeSnapshotHeader,
  decodeSnapshotTrailer,
  type SnapshotHeader,
} from "./snapshot-format.ts";
import { StateStore } from "./state-store.ts";

const BATCH_BYTES_MAX = 1024 * 1024;
/** More rows of meta data than any version writes. */
const META_ROWS_MAX = 1024;

export class SnapshotImport {
  readonly #engine: Engine;
  readonly #batch: EngineBatch;
  readonly #announced: SnapshotMetadata;
  readonly #stream = new RowStream();
  readonly #meta: EngineRow[] = [];
  #header: SnapshotHeader | null = null;
  #state: "open" | "complete" | "dead" = "open";
  #chunks = 0;
  #rowBytes = 0;
  #crc = 0;
  #keys = 0;

  /**
   * @param engine fresh and empty; after a refusal its folder must be thrown away
   * @param metadata as the leader announced it; the snapshot must be that one
   */
  constructor(engine: Engine, metadata: SnapshotMetadata) {
    this.#engine = engine;
    this.#batch = engine.createBatch();
    this.#announced = metadata;
  }

  /**
   * Takes the next chunk. @returns false when it is damaged or out of its place: the import is dead
   * @throws StorageError when the disk refuses
   */
  write(chunk: Uint8Array): boolean {
    if (this.#state !== "open") return this.#refuse();
    return this.#attempt(() => this.#take(decodeChunk(chunk)));
  }

  /**
   * Verifies the whole and makes it durable. @returns null when it is not complete
   * @throws StorageError when the disk refuses
   */
  finish(): StateSummary | null {
    const header = this.#header;
    if (this.#state !== "complete" || header === null || this.#keys !== header.keys) return null;
    for (const { key, value } of this.#meta) this.#batch.put(key, value);
    this.#engine.write(this.#batch, { sync: true });
    this.#state = "dead";
    const { summary } = StateStore.open(this.#engine);
    return isSame(summary, header) ? summary : null;
  }

  #refuse(): false {
    this.#state = "dead";
    return false;
  }

  #attempt(step: () => void): boolean {
    try {
      step();
      return true;
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      return this.#refuse();
    }
  }

  #take(chunk: Chunk): void {
    if (chunk.sequence !== this.#chunks) {
      throw new DecodeError(`chunk ${chunk.sequence} where ${this.#chunks} must be`);
    }
    this.#chunks += 1;
    switch (chunk.kind) {
      case "header":
        this.#takeHeader(chunk.payload);
        return;
      case "rows":
        this.#takeRows(chunk.payload);
        return;
      case "trailer":
        this.#takeTrailer(chunk.payload);
        return;
    }
  }

  #takeHeader(payload: Uint8Array): void {
    if (this.#header !== null) throw new DecodeError("a second header");
    const header = decodeSnapshotHeader(payload);
    if (!isSameMetadata(header.metadata, this.#announced)) {
      throw new DecodeError(`snapshot of ${header.metadata.index}, not ${this.#announced.index}`);
    }
    this.#header = header;
  }

  #takeRows(payload: Uint8Array): void {
    if (this.#header === null) throw new DecodeError("rows before the header");
    this.#rowBytes += payload.length;
    this.#crc = crc32(payload, this.#crc);
    for (const row of this.#stream.push(payload)) this.#takeRow(row);
  }

  #takeRow(row: EngineRow): void {
    const tag = row.key[0] ?? 0;
    if (tag < TAG_META || tag >= TAG_END) throw new DecodeError(`a row with unknown tag ${tag}`);
    if (tag === TAG_META) {
      if (this.#meta.length === META_ROWS_MAX) throw new DecodeError("too much meta data");
      this.#meta.push({ key: row.key.slice(), value: row.value.slice() });
      return;
    }
    if (tag === TAG_KEY) this.#keys += 1;
    this.#batch.put(row.key, row.value);
    if (this.#batch.bytes >= BATCH_BYTES_MAX) this.#engine.write(this.#batch, { sync: false });
  }

  #takeTrailer(payload: Uint8Array): void {
    const trailer = decodeSnapshotTrailer(payload);
    const isWhole =
      this.#header !== null &&
      this.#stream.isAtBoundary &&
      trailer.rows === this.#stream.rows &&
      trailer.bytes === this.#rowBytes &&
      trailer.crc === this.#crc;
    if (!isWhole) throw new DecodeError("the trailer tells of other rows than came");
    this.#state = "complete";
  }
}

const isSameMetadata = (one: SnapshotMetadata, other: SnapshotMetadata): boolean =>
  one.index === other.index &&
  one.term === other.term &&
  one.configurationIndex === other.configurationIndex &&
  Buffer.compare(
    encodeConfiguration(one.configuration),
    encodeConfiguration(other.configuration),
  ) === 0;

const isSame = (summary: StateSummary, header: SnapshotHeader): boolean =>
  summary.appliedIndex === header.metadata.index &&
  summary.appliedTerm === header.metadata.term &&
  summary.revision === header.revision &&
  summary.compactRevision === header.compactRevision &&
  summary.keys === header.keys &&
  summary.hash === header.hash;
