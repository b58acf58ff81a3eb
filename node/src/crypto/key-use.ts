/**
 * The note in the data folder of the keys that data may be sealed with. A key id is on it, durable,
 * before the key can seal anything, so a start-up check costs nothing: no value has to be read to
 * know that a key is missing. All keys of a loaded ring are noted, not only the active one, because
 * a replica stores what its peers sealed and they may have read a newer ring first.
 *
 * Lines of text, appended and synced: a header with the ring's id, then `+ id fingerprint` and
 * `- id`, each with the CRC-32 of what stands before it. A last line without its end is a torn
 * write, of which nothing was promised; any other damage is refused.
 */
import {
  closeSync,
  existsSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readFileSync,
  renameSync,
  writeSync,
} from "node:fs";
import { dirname } from "node:path";
import { crc32 } from "node:zlib";
import { CryptoError } from "./crypto-error.ts";
import { fingerprint, type KeyRing, missingKeys } from "./key-ring.ts";
import { syncDirectory } from "./private-file.ts";

const HEADER = "kvcluster-keys-in-use 1";

export class KeyUse {
  readonly #path: string;
  #ringId: string | null = null;
  /** Fingerprint by key id. */
  readonly #noted = new Map<string, string>();
  readonly #retired = new Set<string>();

  /** Reads the note, if there is one. @throws CryptoError KEY_USE_DAMAGED */
  constructor(path: string) {
    this.#path = path;
    if (existsSync(path)) this.#read();
  }

  get ids(): ReadonlySet<string> {
    return new Set(this.#noted.keys());
  }

  /**
   * Refuses a ring that cannot open everything that may be stored here.
   * @throws CryptoError KEY_RING_CHANGED, KEY_MISSING naming all ids
   */
  check(ring: KeyRing): void {
    if (this.#ringId === null) return;
    if (ring.id !== this.#ringId) {
      const which = `the data here is sealed with ring ${this.#ringId}, this is ring ${ring.id}`;
      throw new CryptoError("KEY_RING_CHANGED", which);
    }
    const missing = missingKeys(ring, this.#noted.keys());
    if (missing.length > 0) {
      throw new CryptoError(
        "KEY_MISSING",
        `ring ${ring.id} lacks ${missing.length === 1 ? "key" : "keys"} ${missing.join(", ")}, ` +
          "which data here may be sealed with; put it back (it need not be active)",
      );
    }
    for (const [id, known] of this.#noted) {
      if (fingerprint(ring, id) !== known) {
        const which = `key ${id} of ring ${ring.id} is not the key that data here is sealed with`;
        throw new CryptoError("KEY_RING_CHANGED", which);
      }
    }
  }

  /** Notes all keys of a checked ring; durable when it returns, and nothing is written twice. */
  note(ring: KeyRing): void {
    this.check(ring);
    if (this.#ringId === null) this.#create(ring.id);
    const added = [...ring.keys.keys()].filter(
      (id) => !this.#noted.has(id) && (id === ring.active || !this.#retired.has(id)),
    );
    if (added.length === 0) return;
    const lines = added.map((id) => [id, fingerprint(ring, id)] as const);
    this.#append(lines.map(([id, print]) => line(`+ ${id} ${print}`)).join(""));
    for (const [id, print] of lines) {
      this.#noted.set(id, print);
      this.#retired.delete(id);
    }
  }

  /**
   * A ring without this key is good from now on. Only once nothing in the whole cluster is sealed
   * with it: after a rotation has ended on every member and the log before it is gone. It is noted
   * again when it becomes the active key again.
   */
  retire(id: string): void {
    if (!this.#noted.has(id)) return;
    this.#append(line(`- ${id}`));
    this.#noted.delete(id);
    this.#retired.add(id);
  }

  /** Written whole beside its place and renamed, so that a crash leaves none or this. */
  #create(ringId: string): void {
    const beside = `${this.#path}.new`;
    const file = openSync(beside, "w", 0o600);
    try {
      writeSync(file, line(`${HEADER} ${ringId}`));
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(beside, this.#path);
    syncDirectory(dirname(this.#path));
    this.#ringId = ringId;
  }

  #append(text: string): void {
    const file = openSync(this.#path, "a");
    try {
      writeSync(file, text);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
  }

  #read(): void {
    const text = readFileSync(this.#path, "latin1");
    const wholeBytes = text.lastIndexOf("\n") + 1;
    if (wholeBytes < text.length) this.#cutTornTail(wholeBytes);
    const lines = text.slice(0, wholeBytes).split("\n").slice(0, -1);
    for (const [at, whole] of lines.entries()) {
      const content = checked(whole);
      if (content === null || !this.#take(content, at === 0)) {
        const where = `keys-in-use note ${this.#path}: line ${at + 1} is damaged`;
        throw new CryptoError("KEY_USE_DAMAGED", where);
      }
    }
    if (lines.length === 0) {
      const what = `keys-in-use note ${this.#path}: it is empty, though it is never written so`;
      throw new CryptoError("KEY_USE_DAMAGED", what);
    }
  }

  #take(content: string, isHeader: boolean): boolean {
    const words = content.split(" ");
    if (isHeader) {
      const [name, version, ringId] = words;
      if (`${name} ${version}` !== HEADER || ringId === undefined) return false;
      this.#ringId = ringId;
      return true;
    }
    const [sign, id, print] = words;
    if (id === undefined) return false;
    if (sign === "-") {
      this.#retired.add(id);
      return this.#noted.delete(id);
    }
    if (sign !== "+" || print === undefined) return false;
    this.#retired.delete(id);
    this.#noted.set(id, print);
    return true;
  }

  #cutTornTail(wholeBytes: number): void {
    const file = openSync(this.#path, "r+");
    try {
      ftruncateSync(file, wholeBytes);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
  }
}

const checksum = (content: string): string => crc32(content).toString(16).padStart(8, "0");

const line = (content: string): string => `${content} ${checksum(content)}\n`;

/** The content of a line, or null when its checksum does not match. */
function checked(whole: string): string | null {
  const at = whole.lastIndexOf(" ");
  const content = whole.slice(0, Math.max(at, 0));
  return checksum(content) === whole.slice(at + 1) ? content : null;
}
