/**
 * Reading what the state store wrote. A row that does not decode is corruption of this replica's
 * disk: it is told with the folder and the key, and never becomes wrong data or a default.
 */
import { DecodeError } from "../../codec/index.ts";
import { corrupt } from "../errors.ts";

const KEY_BYTES_SHOWN = 64;

/** Hexadecimal digits of a stored key: keys may be any bytes, and logs must stay readable. */
export const showKey = (key: Uint8Array): string => {
  const shown = Buffer.from(key.subarray(0, KEY_BYTES_SHOWN)).toString("hex");
  return key.length > KEY_BYTES_SHOWN ? `${shown}…` : shown;
};

/**
 * Runs a decoder on the row at `key`.
 * @throws StorageError CORRUPT, naming the folder and the key, when it refuses
 */
export const decodeRow = <T>(
  place: { readonly path: string; readonly key: Uint8Array },
  value: Uint8Array,
  decode: (bytes: Uint8Array) => T,
): T => {
  try {
    return decode(value);
  } catch (cause) {
    if (!(cause instanceof DecodeError)) throw cause;
    throw corrupt(place.path, `row ${showKey(place.key)} does not decode: ${cause.message}`, cause);
  }
};
