// The door of the crypto layer: everything other layers may use of it is exported here by name.

export { CryptoError, type CryptoErrorCode } from "./crypto-error.ts";
export {
  Encryption,
  type EncryptionLog,
  type EncryptionOptions,
  type EncryptionStats,
} from "./encryption.ts";
export {
  createKeyRingFile,
  generateKeyRing,
  type KeyRing,
  type LoadedKeyRing,
  loadKeyRing,
  missingKeys,
} from "./key-ring.ts";
export { KeyUse } from "./key-use.ts";
export { type CipherStats, keyIdOf, ValueCipher } from "./value-cipher.ts";
