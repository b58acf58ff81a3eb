/**
 * A hash of plain JSON that does not depend on the order of keys. It notices changes; it is no
 * defence against somebody who looks for two values with one hash.
 */

/** JSON with the keys of every object in order; `undefined` fields are left out. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value ?? null);
  const fields = Object.entries(value)
    .filter(([, inner]) => inner !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, inner]) => `${JSON.stringify(name)}:${canonicalJson(inner)}`);
  return `{${fields.join(",")}}`;
}

const hex = (word: number): string => (word >>> 0).toString(16).padStart(8, "0");

/** Two 32-bit lanes of FNV-1a over UTF-16 units, mixed as MurmurHash3 ends: 16 hex digits. */
export function hashText(text: string): string {
  let low = 0x811c9dc5;
  let high = 0x9e3779b9;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    low = Math.imul(low ^ unit, 0x01000193);
    high = Math.imul(high ^ unit, 0x85ebca6b);
  }
  return hex(mix(low ^ (high >>> 15))) + hex(mix(high ^ (low >>> 13)));
}

function mix(word: number): number {
  const once = Math.imul(word ^ (word >>> 16), 0x85ebca6b);
  const twice = Math.imul(once ^ (once >>> 13), 0xc2b2ae35);
  return twice ^ (twice >>> 16);
}

/** @param value plain JSON */
export const stableHash = (value: unknown): string => hashText(canonicalJson(value));
