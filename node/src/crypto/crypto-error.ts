/** Everything that can be wrong with keys and sealed values, under stable codes. */

export type CryptoErrorCode =
  /** The key ring file cannot be read. */
  | "KEY_RING_UNREADABLE"
  /** The key ring file can be read or written by others than its owner. */
  | "KEY_RING_PERMISSIONS"
  /** The key ring file is not what the format says. */
  | "KEY_RING_INVALID"
  /** Another ring, or another key under a known id, stands where the data's own was. */
  | "KEY_RING_CHANGED"
  /** Data is sealed with a key that the ring does not have; the message names its id. */
  | "KEY_MISSING"
  /** The record of the keys in use is damaged before its end. */
  | "KEY_USE_DAMAGED"
  /** A sealed value is shorter than its own header says. */
  | "RECORD_TRUNCATED"
  /** A sealed value has a format that this version does not know. */
  | "RECORD_VERSION"
  /** A sealed value is not authentic: damaged, moved to another key name, or of another ring. */
  | "RECORD_REJECTED";

/** The message never holds key material, a value or a key name. */
export class CryptoError extends Error {
  override readonly name = "CryptoError";
  readonly code: CryptoErrorCode;

  constructor(code: CryptoErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
