/**
 * How a key, which is any bytes, is written in a URL and in JSON.
 *
 * Path: percent-encoded bytes; `/` may stand raw or as %2F, both mean the same byte; `+` is a plus.
 * Query: percent-encoded bytes; `+` is a space, as HTML forms and URLSearchParams write it.
 * JSON: `key` holds a key that is UTF-8, `keyBase64` any other; exactly one of them is present.
 */

/** A key in JSON: exactly one field is present. */
export interface JsonKey {
  /** The key, when its bytes are UTF-8. */
  readonly key?: string;
  /** The key's bytes in base64 (RFC 4648 §4, padded), when they are not UTF-8. */
  readonly keyBase64?: string;
}

const hexDigits = "0123456789ABCDEF";
/** RFC 3986 `unreserved`, and what a path segment may hold raw without ambiguity. */
const rawCharacters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~:@!$*,=";
const slash = 0x2f;

const encodings: readonly string[] = Array.from({ length: 256 }, (_, byte) => {
  const character = String.fromCharCode(byte);
  return rawCharacters.includes(character)
    ? character
    : `%${hexDigits.charAt(byte >> 4)}${hexDigits.charAt(byte & 15)}`;
});

const encodeBytes = (key: Uint8Array, rawSlash: boolean): string => {
  let text = "";
  for (const byte of key) text += rawSlash && byte === slash ? "/" : (encodings[byte] ?? "");
  return text;
};

/** A segment that is `.` or `..`, which URL parsers remove even when its dots are encoded. */
const hasDotSegment = (path: string): boolean => /(^|\/)\.\.?(\/|$)/.test(path);

/**
 * The key as it stands in `/v1/kv/{key}`. Slashes stay raw for people to read, unless a URL parser
 * on the way would then take a part of the key for a `.` or `..` segment. (The keys `.` and `..`
 * themselves can only be sent by a client that does not normalise its URLs, as ours does not.)
 */
export const encodeKeyPath = (key: Uint8Array): string => {
  const readable = encodeBytes(key, true);
  return hasDotSegment(readable) ? encodeBytes(key, false) : readable;
};

/** The key, or an end of a range, as it stands in a query parameter. */
export const encodeKeyQuery = (key: Uint8Array): string => encodeBytes(key, false);

/**
 * The smallest key after every key that starts with `prefix`: the exclusive end of the prefix's
 * range. Empty (to the last key) when there is none: an empty prefix, or one of 0xff only.
 */
export const prefixEnd = (prefix: Uint8Array): Uint8Array => {
  let length = prefix.length;
  while (length > 0 && prefix[length - 1] === 0xff) length -= 1;
  // Not `slice`: that of a Buffer is a view, and the prefix itself would change.
  const end = Uint8Array.from(prefix.subarray(0, length));
  if (length > 0) end[length - 1] = (prefix[length - 1] ?? 0) + 1;
  return end;
};
