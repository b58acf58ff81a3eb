/** Values are as long as the benchmark's on the wire and short in a history. */

/** The size that the benchmark writes. */
const VALUE_BYTES = 256;
const FILLER = ".";

export const packValue = (value: string): string => value.padEnd(VALUE_BYTES, FILLER);

/** The value, or the whole text when it is not one that `packValue` made. */
export function unpackValue(text: string): string {
  const end = text.indexOf(FILLER);
  const value = end === -1 ? text : text.slice(0, end);
  return packValue(value) === text ? value : `damaged: ${text}`;
}
