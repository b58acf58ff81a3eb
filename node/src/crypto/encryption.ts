/**
 * Encryption at rest as the composition root uses it: loads the ring, refuses one that lacks a key
 * that data may need, notes its keys before they seal anything, and follows changes of the file
 * without a restart. A file that turns bad while running is told and counted; the ring in force
 * stays.
 */
import type { Runtime } from "../replica/index.ts";
import { CryptoError, type CryptoErrorCode } from "./crypto-error.ts";
import { loadKeyRing } from "./key-ring.ts";
import { KeyUse } from "./key-use.ts";
import { type FileVersion, privateFileVersion } from "./private-file.ts";
import { type CipherStats, ValueCipher } from "./value-cipher.ts";

/** Structured log; pino's logger is one. */
export interface EncryptionLog {
  info(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export interface EncryptionOptions {
  readonly keyRingPath: string;
  /** The note of keys in use, in the data folder. */
  readonly keyUsePath: string;
  /** How often the ring's file is looked at. */
  readonly pollMs: number;
  readonly runtime: Pick<Runtime, "every">;
  readonly log: EncryptionLog;
}

export interface EncryptionStats extends CipherStats {
  readonly ringId: string;
  readonly reloads: number;
  readonly reloadFailures: number;
  /** Why the file as it is now is not in force; null when it is. */
  readonly reloadProblem: { readonly code: CryptoErrorCode; readonly message: string } | null;
}

export class Encryption {
  readonly cipher: ValueCipher;
  readonly #options: EncryptionOptions;
  readonly #keyUse: KeyUse;
  readonly #ringId: string;
  readonly #cancel: () => void;
  /** The file as last read, whether it was good or not. */
  #version: FileVersion;
  #reloads = 0;
  #reloadFailures = 0;
  #reloadProblem: CryptoError | null = null;

  /**
   * @throws CryptoError KEY_RING_UNREADABLE, KEY_RING_PERMISSIONS, KEY_RING_INVALID,
   * KEY_RING_CHANGED, KEY_MISSING, KEY_USE_DAMAGED: the node must not start.
   */
  constructor(options: EncryptionOptions) {
    this.#options = options;
    const { ring, version } = loadKeyRing(options.keyRingPath);
    this.#version = version;
    this.#ringId = ring.id;
    this.#keyUse = new KeyUse(options.keyUsePath);
    this.#keyUse.note(ring);
    this.cipher = new ValueCipher(ring);
    this.#cancel = options.runtime.every(options.pollMs, () => this.poll());
  }

  /** Looks at the file now; takes it over if it changed and is good. */
  poll(): void {
    try {
      if (privateFileVersion(this.#options.keyRingPath) !== this.#version) this.#reload();
    } catch (error) {
      if (!(error instanceof CryptoError)) throw error;
      this.#refuse(error);
    }
  }

  /** See KeyUse.retire. @throws RangeError for the active key. */
  retire(keyId: string): void {
    if (keyId === this.cipher.stats().activeKey) throw new RangeError(`key ${keyId} is active`);
    this.#keyUse.retire(keyId);
  }

  stats(): EncryptionStats {
    const problem = this.#reloadProblem;
    return {
      ...this.cipher.stats(),
      ringId: this.#ringId,
      reloads: this.#reloads,
      reloadFailures: this.#reloadFailures,
      reloadProblem: problem === null ? null : { code: problem.code, message: problem.message },
    };
  }

  close(): void {
    this.#cancel();
  }

  #reload(): void {
    const { keyRingPath, log } = this.#options;
    const { ring, version } = loadKeyRing(keyRingPath);
    this.#keyUse.note(ring);
    this.cipher.replaceRing(ring);
    this.#version = version;
    this.#reloads += 1;
    this.#reloadProblem = null;
    log.info(
      { ringId: ring.id, activeKey: ring.active, keys: ring.keys.size },
      "key ring reloaded",
    );
  }

  /** Told once per problem; tried again at each poll: permissions may be repaired in place. */
  #refuse(error: CryptoError): void {
    this.#reloadFailures += 1;
    const isNews = this.#reloadProblem?.message !== error.message;
    this.#reloadProblem = error;
    if (!isNews) return;
    const { log } = this.#options;
    log.error({ code: error.code, reason: error.message }, "the changed key ring is not taken");
  }
}
