/**
 * Streams the state as it was when the export was opened, however much is applied meanwhile. Reads
 * a little at a time and holds one chunk; it never changes anything.
 */
import { crc32 } from "node:zlib";
import type { Revision } from "../../kv/index.ts";
import { TAG_END, TAG_META } from "../../kv/index.ts";
import type { SnapshotMetadata } from "../../raft/index.ts";
import type { StateSummary } from "../../replica/index.ts";
import type { Engine, EngineIterator, EngineRow } from "./engine.ts";
import type { ConfigurationState } from "./meta.ts";
import {
  type ChunkKind,
  encodeChunk,
  encodeSnapshotHeader,
  encodeSnapshotTrailer,
  PAYLOAD_BYTES_MAX,
  type SnapshotHeader,
} from "./snapshot-format.ts";

const ROWS_MAX = 512;
const LENGTHS_BYTES = 8;

export class SnapshotExport {
  readonly metadata: SnapshotMetadata;
  readonly revision: Revision;
  readonly #header: SnapshotHeader;
  readonly #rows: EngineIterator;
  #stage: ChunkKind | "ended" = "header";
  #sequence = 0;
  /** Rows read but not sent, as bytes; at most one batch and one row. */
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  #rowCount = 0;
  #rowBytes = 0;
  #crc = 0;

  constructor(engine: Engine, summary: StateSummary, configuration: ConfigurationState) {
    this.metadata = {
      index: summary.appliedIndex,
      term: summary.appliedTerm,
      configuration: configuration.configuration,
      configurationIndex: configuration.index,
    };
    this.revision = summary.revision;
    this.#header = { metadata: this.metadata, ...summary };
    this.#rows = engine.iterate({
      start: Uint8Array.of(TAG_META),
      end: Uint8Array.of(TAG_END),
      batchBytesMax: PAYLOAD_BYTES_MAX,
    });
  }

  /** The next chunk, null after the last. @throws StorageError CORRUPT for a damaged block */
  next(): Uint8Array | null {
    switch (this.#stage) {
      case "header":
        this.#stage = "rows";
        return this.#chunk("header", encodeSnapshotHeader(this.#header));
      case "rows":
        return this.#rowsChunk();
      case "trailer":
        this.#stage = "ended";
        return this.#chunk(
          "trailer",
          encodeSnapshotTrailer({ rows: this.#rowCount, bytes: this.#rowBytes, crc: this.#crc }),
        );
      case "ended":
        return null;
    }
  }

  /** Must be called: an open export keeps old data on the disk. */
  close(): void {
    this.#stage = "ended";
    this.#waiting = [];
    this.#rows.close();
  }

  #rowsChunk(): Uint8Array | null {
    while (this.#waitingBytes < PAYLOAD_BYTES_MAX) {
      const rows = this.#rows.next(ROWS_MAX);
      if (rows.length === 0) break;
      for (const row of rows) this.#take(row);
    }
    if (this.#waitingBytes === 0) {
      this.#stage = "trailer";
      return this.next();
    }
    const stream = Buffer.concat(this.#waiting);
    const payload = stream.subarray(0, PAYLOAD_BYTES_MAX);
    const rest = stream.subarray(payload.length);
    this.#waiting = rest.length > 0 ? [rest] : [];
    this.#waitingBytes = rest.length;
    this.#rowBytes += payload.length;
    this.#crc = crc32(payload, this.#crc);
    return this.#chunk("rows", payload);
  }

  #take(row: EngineRow): void {
    const lengths = new Uint8Array(LENGTHS_BYTES);
    const view = new DataView(lengths.buffer);
    view.setUint32(0, row.key.length);
    view.setUint32(4, row.value.length);
    this.#waiting.push(lengths, row.key, row.value);
    this.#waitingBytes += LENGTHS_BYTES + row.key.length + row.value.length;
    this.#rowCount += 1;
  }

  #chunk(kind: ChunkKind, payload: Uint8Array): Uint8Array {
    const chunk = encodeChunk({ kind, sequence: this.#sequence, payload });
    this.#sequence += 1;
    return chunk;
  }
}
