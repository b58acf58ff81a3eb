/** The port through which values are encrypted before they are proposed and decrypted when read. */

/** Implemented by crypto/ in the composition root. Both calls are synchronous. */
export interface Sealer {
  /** Encrypts a value and binds it to its key. */
  seal(key: Uint8Array, value: Uint8Array): Uint8Array;
  /** @throws any Error when the key id is unknown or the record does not authenticate. */
  open(key: Uint8Array, sealed: Uint8Array): Uint8Array;
}
