/**
 * Grants in the form in which requests are checked: byte ranges and a set of verbs. All comparisons
 * are of bytes, never of strings, because a key is any bytes and a prefix may end inside a
 * character. What no grant covers is refused.
 */
import { type Grant, prefixEnd, type Verb } from "@kvcluster/protocol";

/** Verbs on the keys in [start, end). */
export interface KeyGrant {
  readonly start: Uint8Array;
  /** Exclusive; empty: to the last key. */
  readonly end: Uint8Array;
  readonly verbs: ReadonlySet<Verb>;
}

/** A prefix longer than the longest key could never match and is a mistake. */
const prefixBytesMax = 4096;

/** What is wrong with the prefix of a grant, or null. */
export function findPrefixFault(prefix: string): string | null {
  // A lone surrogate has no UTF-8: it would turn into U+FFFD and grant another prefix.
  if (!prefix.isWellFormed()) return "a prefix is not well-formed Unicode";
  if (Buffer.byteLength(prefix) > prefixBytesMax) {
    return `a prefix has more than ${prefixBytesMax} bytes`;
  }
  return null;
}

/** Turns a grant, whose prefix has no fault, into the range of keys it covers. */
export function compileGrant(grant: Grant): KeyGrant {
  const start = new TextEncoder().encode(grant.prefix);
  return { start, end: prefixEnd(start), verbs: new Set(grant.verbs) };
}

/** True when `end` of a grant leaves room for `rangeEnd`; empty means "to the last key" in both. */
const endCovers = (end: Uint8Array, rangeEnd: Uint8Array): boolean =>
  end.length === 0 || (rangeEnd.length > 0 && Buffer.compare(rangeEnd, end) <= 0);

/** True when one grant has `verb` on `key`. */
export function allowsKey(grants: readonly KeyGrant[], verb: Verb, key: Uint8Array): boolean {
  return grants.some(
    (grant) =>
      grant.verbs.has(verb) &&
      Buffer.compare(key, grant.start) >= 0 &&
      (grant.end.length === 0 || Buffer.compare(key, grant.end) < 0),
  );
}

/**
 * True when one grant has `verb` on all of [start, end); an empty `end` means to the last key. A
 * range over two granted prefixes is refused even when they touch: a scan is answered as a whole.
 */
export function allowsRange(
  grants: readonly KeyGrant[],
  verb: Verb,
  range: { readonly start: Uint8Array; readonly end: Uint8Array },
): boolean {
  return grants.some(
    (grant) =>
      grant.verbs.has(verb) &&
      Buffer.compare(range.start, grant.start) >= 0 &&
      endCovers(grant.end, range.end),
  );
}

/** True when a grant has `verb` on every key there is: what cluster-wide requests need. */
export function allowsEverything(grants: readonly KeyGrant[], verb: Verb): boolean {
  return grants.some(
    (grant) => grant.verbs.has(verb) && grant.start.length === 0 && grant.end.length === 0,
  );
}
