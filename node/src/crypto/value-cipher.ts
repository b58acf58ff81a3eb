/**
 * Seals and opens values: AES-256-GCM with a subkey per life of the process, derived from the
 * ring's key and a random salt, and a counter as nonce (docs/adr/0003-encryption.md says why). Runs
 * on the path of every write and read; what does not open is an error, never a wrong plaintext.
 *
 *   version u8 · key id length u8 · key id · salt 16 · counter u48 · ciphertext · tag 16
 *
 * Bound as additional data, not stored: version, ring id, key name.
 */
import {
  createCipheriv,
  createDecipheriv,
  createSecretKey,
  hkdfSync,
  type KeyObject,
  randomBytes,
} from "node:crypto";
import { LRUCache } from "lru-cache";
import { CryptoError } from "./crypto-error.ts";
import { KEY_BYTES, type KeyRing } from "./key-ring.ts";

export const RECORD_VERSION = 1;
const ALGORITHM = "aes-256-gcm";
const SALT_BYTES = 16;
const COUNTER_BYTES = 6;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const ID_AT = 2;
/** SP 800-38D allows 2^32 invocations of a key; a new salt then makes a new subkey. */
const SEALS_PER_SUBKEY_MAX = 2 ** 32;
const TWO_POW_32 = 2 ** 32;
/** Subkeys kept for opening: one per life of a node whose values are read. */
const SUBKEYS_CACHED_MAX = 4096;
const TAG_LENGTH = { authTagLength: TAG_BYTES };

/** Figures for metrics, since start. */
export interface CipherStats {
  readonly activeKey: string;
  readonly keyIds: readonly string[];
  readonly sealed: number;
  readonly opened: number;
  /** Records that did not open, for whatever reason. */
  readonly rejected: number;
  readonly subkeysDerived: number;
}

interface Sealer {
  /** Version, key id and salt: the same for every record of this subkey. */
  readonly header: Uint8Array;
  readonly subkey: KeyObject;
  count: number;
}

export interface ValueCipherOptions {
  /** Lower only in tests. */
  readonly sealsPerSubkeyMax?: number;
}

export class ValueCipher {
  readonly #sealsPerSubkeyMax: number;
  readonly #subkeys = new LRUCache<string, KeyObject>({ max: SUBKEYS_CACHED_MAX });
  readonly #nonce = Buffer.alloc(NONCE_BYTES);
  #ring: KeyRing;
  #sealer: Sealer;
  /** Version and ring id, with room for a key name behind. */
  #aad: Buffer;
  #aadPrefixBytes: number;
  #sealed = 0;
  #opened = 0;
  #rejected = 0;
  #subkeysDerived = 0;

  constructor(ring: KeyRing, options: ValueCipherOptions = {}) {
    this.#sealsPerSubkeyMax = options.sealsPerSubkeyMax ?? SEALS_PER_SUBKEY_MAX;
    this.#ring = ring;
    this.#sealer = this.#newSealer();
    const prefix = Buffer.concat([Buffer.of(RECORD_VERSION), Buffer.from(`${ring.id}\0`)]);
    this.#aadPrefixBytes = prefix.length;
    this.#aad = Buffer.alloc(prefix.length + 4096);
    this.#aad.set(prefix);
  }

  /** Encrypts a value for one key name. The result shares no bytes with either. */
  seal(keyName: Uint8Array, value: Uint8Array): Uint8Array {
    if (this.#sealer.count >= this.#sealsPerSubkeyMax) this.#sealer = this.#newSealer();
    const sealer = this.#sealer;
    const { header, subkey } = sealer;
    // Counted before use: whatever fails below, this nonce is spent.
    sealer.count += 1;
    writeCounter(this.#nonce, sealer.count, NONCE_BYTES - COUNTER_BYTES);
    const cipher = createCipheriv(ALGORITHM, subkey, this.#nonce, TAG_LENGTH);
    cipher.setAAD(this.#additionalData(keyName));
    const ciphertext = cipher.update(value);
    cipher.final();
    const ciphertextAt = header.length + COUNTER_BYTES;
    const tagAt = ciphertextAt + ciphertext.length;
    // From Node's pool: memory of its own costs a small value more than everything around it.
    const record = Buffer.allocUnsafe(tagAt + TAG_BYTES);
    record.set(header);
    writeCounter(record, sealer.count, header.length);
    record.set(ciphertext, ciphertextAt);
    record.set(cipher.getAuthTag(), tagAt);
    this.#sealed += 1;
    return new Uint8Array(record.buffer, record.byteOffset, record.length);
  }

  /**
   * Decrypts what `seal` made for the same key name.
   * @throws CryptoError RECORD_TRUNCATED, RECORD_VERSION, RECORD_REJECTED, KEY_MISSING
   */
  open(keyName: Uint8Array, sealed: Uint8Array): Uint8Array {
    try {
      const value = this.#open(keyName, sealed);
      this.#opened += 1;
      return value;
    } catch (error) {
      this.#rejected += 1;
      throw error;
    }
  }

  /** Seals with the ring's active key from now on. The caller has checked the ring. */
  replaceRing(ring: KeyRing): void {
    if (ring.id !== this.#ring.id) {
      throw new CryptoError("KEY_RING_CHANGED", `ring ${this.#ring.id} is not ring ${ring.id}`);
    }
    const isSameKey = ring.active === this.#ring.active;
    this.#ring = ring;
    this.#subkeys.clear();
    if (!isSameKey) this.#sealer = this.#newSealer();
  }

  stats(): CipherStats {
    return {
      activeKey: this.#ring.active,
      keyIds: [...this.#ring.keys.keys()].sort(),
      sealed: this.#sealed,
      opened: this.#opened,
      rejected: this.#rejected,
      subkeysDerived: this.#subkeysDerived,
    };
  }

  #open(keyName: Uint8Array, sealed: Uint8Array): Uint8Array {
    const headerBytes = headerLength(sealed);
    const ciphertextAt = headerBytes + COUNTER_BYTES;
    const tagAt = sealed.length - TAG_BYTES;
    const nonce = this.#nonce;
    nonce.set(sealed.subarray(headerBytes, ciphertextAt), NONCE_BYTES - COUNTER_BYTES);
    const subkey = this.#subkeyOf(sealed, headerBytes);
    const decipher = createDecipheriv(ALGORITHM, subkey, nonce, TAG_LENGTH);
    decipher.setAAD(this.#additionalData(keyName));
    decipher.setAuthTag(sealed.subarray(tagAt));
    const value = decipher.update(sealed.subarray(ciphertextAt, tagAt));
    try {
      decipher.final();
    } catch (cause) {
      const why = "a sealed value is damaged, was moved, or is of another key ring";
      throw new CryptoError("RECORD_REJECTED", why, { cause });
    }
    return new Uint8Array(value.buffer, value.byteOffset, value.length);
  }

  #additionalData(keyName: Uint8Array): Uint8Array {
    const length = this.#aadPrefixBytes + keyName.length;
    if (length > this.#aad.length) {
      const grown = Buffer.alloc(length * 2);
      grown.set(this.#aad.subarray(0, this.#aadPrefixBytes));
      this.#aad = grown;
    }
    this.#aad.set(keyName, this.#aadPrefixBytes);
    return this.#aad.subarray(0, length);
  }

  #subkeyOf(sealed: Uint8Array, headerBytes: number): KeyObject {
    const header = Buffer.from(sealed.buffer, sealed.byteOffset, headerBytes);
    const name = header.toString("latin1");
    const known = this.#subkeys.get(name);
    if (known !== undefined) return known;
    const saltAt = headerBytes - SALT_BYTES;
    const subkey = this.#derive(header.toString("latin1", ID_AT, saltAt), header.subarray(saltAt));
    this.#subkeys.set(name, subkey);
    return subkey;
  }

  #newSealer(): Sealer {
    const id = Buffer.from(this.#ring.active, "latin1");
    const salt = randomBytes(SALT_BYTES);
    const header = Buffer.concat([Buffer.of(RECORD_VERSION, id.length), id, salt]);
    return { header, subkey: this.#derive(this.#ring.active, salt), count: 0 };
  }

  #derive(keyId: string, salt: Uint8Array): KeyObject {
    const key = this.#ring.keys.get(keyId);
    if (key === undefined) {
      const shown = /^[\x21-\x7e]+$/.test(keyId) ? keyId : JSON.stringify(keyId);
      throw new CryptoError(
        "KEY_MISSING",
        `a value is sealed with key ${shown}, which ring ${this.#ring.id} does not have`,
      );
    }
    this.#subkeysDerived += 1;
    const info = `kvcluster value subkey v1\0${this.#ring.id}\0${keyId}`;
    return createSecretKey(Buffer.from(hkdfSync("sha256", key, salt, info, KEY_BYTES)));
  }
}

function writeCounter(target: Buffer, count: number, at: number): void {
  target.writeUInt16BE(Math.floor(count / TWO_POW_32), at);
  target.writeUInt32BE(count % TWO_POW_32, at + 2);
}

/**
 * Id of the key that a sealed value needs, without opening it: for the progress of a rotation.
 * @throws CryptoError RECORD_TRUNCATED, RECORD_VERSION
 */
export function keyIdOf(sealed: Uint8Array): string {
  const saltAt = headerLength(sealed) - SALT_BYTES;
  return Buffer.from(sealed.buffer, sealed.byteOffset, saltAt).toString("latin1", ID_AT);
}

/** Bytes before the counter, once it is sure that everything but the ciphertext is there. */
function headerLength(sealed: Uint8Array): number {
  const [version, idBytes] = sealed;
  if (version !== undefined && version !== RECORD_VERSION) {
    throw new CryptoError("RECORD_VERSION", `a sealed value has the unknown format ${version}`);
  }
  const headerBytes = ID_AT + (idBytes ?? 0) + SALT_BYTES;
  if (sealed.length < headerBytes + COUNTER_BYTES + TAG_BYTES) {
    throw new CryptoError("RECORD_TRUNCATED", `a sealed value has only ${sealed.length} bytes`);
  }
  return headerBytes;
}
