/**
 * The reader that the rest of the node holds: it follows the state when a snapshot takes its place.
 * Scans that are under way finish on the state they began on; only then may that one be closed.
 */
import type { KvRecord, Revision } from "../kv/index.ts";
import type { GetResult, ScanRequest, ScanResult, StateReader } from "../replica/index.ts";

interface Source {
  readonly reader: StateReader;
  /** Called once nobody reads from it any more. */
  release: (() => void) | null;
  scans: number;
}

export class SwitchingReader implements StateReader {
  #source: Source;

  constructor(reader: StateReader) {
    this.#source = { reader, release: null, scans: 0 };
  }

  getMany(keys: readonly Uint8Array[]): readonly (KvRecord | undefined)[] {
    return this.#source.reader.getMany(keys);
  }

  getAt(key: Uint8Array, revision: Revision): GetResult {
    return this.#source.reader.getAt(key, revision);
  }

  async scan(request: ScanRequest): Promise<ScanResult> {
    const source = this.#source;
    source.scans += 1;
    try {
      return await source.reader.scan(request);
    } finally {
      source.scans -= 1;
      maybeRelease(source);
    }
  }

  /** New reads go to `reader`; `release` is called when the last scan on the old one has ended. */
  switchTo(reader: StateReader, release: () => void): void {
    const before = this.#source;
    this.#source = { reader, release: null, scans: 0 };
    before.release = release;
    maybeRelease(before);
  }
}

const maybeRelease = (source: Source): void => {
  if (source.scans > 0 || source.release === null) return;
  const { release } = source;
  source.release = null;
  release();
};
