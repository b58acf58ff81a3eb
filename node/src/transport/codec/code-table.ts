/**
 * Names on the wire are single bytes. A table maps both ways; a byte that it does not know is a
 * DecodeError, so that a newer peer's message is refused and never misread.
 */
import { DecodeError } from "../../codec/index.ts";

export interface CodeTable<Name extends string> {
  encode(name: Name): number;
  /** @throws DecodeError for a byte that stands for nothing. */
  decode(code: number): Name;
}

/** @param what names the table in errors; codes are part of the format and never reused. */
export function codeTable<Name extends string>(
  what: string,
  codes: Readonly<Record<Name, number>>,
): CodeTable<Name> {
  const names = new Map<number, Name>();
  for (const [name, code] of Object.entries<number>(codes)) {
    if (names.has(code)) throw new RangeError(`${what}: code ${code} is given twice`);
    names.set(code, name as Name);
  }
  return {
    encode: (name) => codes[name],
    decode: (code) => {
      const name = names.get(code);
      if (name === undefined) throw new DecodeError(`${what} ${code} is unknown`);
      return name;
    },
  };
}
