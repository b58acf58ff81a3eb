/** Keys and values as requests carry them, checked against the limits; and as answers show them. */
import { isUtf8 } from "node:buffer";
import type { JsonKey } from "@kvcluster/protocol";
import type { LimitsConfig } from "../config/index.ts";
import { ApiError } from "./api-error.ts";
import { decodePercent } from "./percent.ts";

/** @throws ApiError INVALID_KEY, KEY_TOO_LARGE */
export function checkKey(key: Uint8Array, limits: LimitsConfig): Uint8Array {
  if (key.length === 0) throw new ApiError("INVALID_KEY", "the key is empty");
  return checkKeyLength(key, limits);
}

/** For ends of ranges and prefixes, which may be empty. @throws ApiError KEY_TOO_LARGE */
export function checkKeyLength(key: Uint8Array, { keyBytesMax }: LimitsConfig): Uint8Array {
  if (key.length > keyBytesMax) {
    throw new ApiError(
      "KEY_TOO_LARGE",
      `a key of ${key.length} bytes is above the limit of ${keyBytesMax}`,
    );
  }
  return key;
}

/** The key of `/v1/kv/{key}`. @throws ApiError INVALID_KEY, KEY_TOO_LARGE */
export function keyFromPath(encoded: string | null, limits: LimitsConfig): Uint8Array {
  const key = encoded === null || encoded.includes("#") ? null : decodePercent(encoded, false);
  if (key === null) throw new ApiError("INVALID_KEY", "the key is not valid percent-encoding");
  return checkKey(key, limits);
}

const base64Pattern = /^[A-Za-z0-9+/]*={0,2}$/;

/** Strict base64 with padding; null for anything else. */
export function decodeBase64(text: string): Uint8Array | null {
  if (text.length % 4 !== 0 || !base64Pattern.test(text)) return null;
  return Buffer.from(text, "base64");
}

/** The key of a JSON object. @throws ApiError INVALID_KEY, KEY_TOO_LARGE */
export function keyFromJson(json: JsonKey, where: string, limits: LimitsConfig): Uint8Array {
  const { key, keyBase64 } = json;
  if ((key === undefined) === (keyBase64 === undefined)) {
    throw new ApiError("INVALID_KEY", `${where} must have one of key and keyBase64`);
  }
  if (key !== undefined) {
    // A lone surrogate has no UTF-8; it would silently become another key.
    if (!key.isWellFormed()) throw new ApiError("INVALID_KEY", `${where}.key is not Unicode`);
    return checkKey(Buffer.from(key, "utf8"), limits);
  }
  const bytes = decodeBase64(keyBase64 ?? "");
  if (bytes === null) throw new ApiError("INVALID_KEY", `${where}.keyBase64 is not base64`);
  return checkKey(bytes, limits);
}

/** A key for an answer. */
export function keyToJson(key: Uint8Array): JsonKey {
  const bytes = Buffer.from(key.buffer, key.byteOffset, key.length);
  return isUtf8(bytes) ? { key: bytes.toString("utf8") } : { keyBase64: bytes.toString("base64") };
}

/** @throws ApiError VALUE_TOO_LARGE */
export function checkValue(value: Uint8Array, { valueBytesMax }: LimitsConfig): Uint8Array {
  if (value.length > valueBytesMax) {
    throw new ApiError(
      "VALUE_TOO_LARGE",
      `a value of ${value.length} bytes is above the limit of ${valueBytesMax}`,
    );
  }
  return value;
}
