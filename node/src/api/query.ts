/**
 * Reads query parameters strictly: unknown, repeated and malformed ones are refused by name, so
 * that a typing error never silently changes what a request means.
 */
import { isUtf8 } from "node:buffer";
import { ApiError } from "./api-error.ts";
import { decodePercent } from "./percent.ts";

const nothing: ReadonlyMap<string, string> = new Map();

function split(raw: string, allowed: readonly string[]): ReadonlyMap<string, string> {
  if (raw === "") return nothing;
  const values = new Map<string, string>();
  for (const pair of raw.split("&")) {
    if (pair === "") continue;
    const at = pair.indexOf("=");
    const name = at === -1 ? pair : pair.slice(0, at);
    if (!allowed.includes(name)) {
      // Shown as it came (still encoded), shortened: a message is no place for a caller's megabyte.
      const shown = JSON.stringify(name.slice(0, 64));
      const known = allowed.join(", ");
      throw new ApiError("INVALID_PARAMETER", `unknown parameter ${shown}; known are: ${known}`);
    }
    if (values.has(name)) {
      throw new ApiError("INVALID_PARAMETER", `parameter ${name} is given twice`);
    }
    values.set(name, at === -1 ? "" : pair.slice(at + 1));
  }
  return values;
}

/** The parameters of one request. */
export class Query {
  readonly #values: ReadonlyMap<string, string>;

  /** @throws ApiError INVALID_PARAMETER for a name that is not allowed or comes twice */
  constructor(raw: string, allowed: readonly string[]) {
    this.#values = split(raw, allowed);
  }

  has(name: string): boolean {
    return this.#values.has(name);
  }

  /** A key's bytes; null when absent. @throws ApiError INVALID_KEY */
  key(name: string): Uint8Array | null {
    const value = this.#values.get(name);
    if (value === undefined) return null;
    const bytes = decodePercent(value, true);
    if (bytes === null) {
      throw new ApiError("INVALID_KEY", `parameter ${name} is not valid percent-encoding`);
    }
    return bytes;
  }

  /** Text; null when absent. @throws ApiError INVALID_PARAMETER */
  text(name: string): string | null {
    const value = this.#values.get(name);
    if (value === undefined) return null;
    const bytes = decodePercent(value, true);
    if (bytes === null || !isUtf8(bytes)) {
      throw new ApiError("INVALID_PARAMETER", `parameter ${name} is not percent-encoded UTF-8`);
    }
    return bytes.toString("utf8");
  }

  /** A whole number; null when absent. @throws ApiError INVALID_PARAMETER */
  integer(name: string, min: number, max: number): number | null {
    const value = this.text(name);
    if (value === null) return null;
    const number = /^\d{1,16}$/.test(value) ? Number(value) : Number.NaN;
    if (Number.isSafeInteger(number) && number >= min && number <= max) return number;
    throw new ApiError(
      "INVALID_PARAMETER",
      `parameter ${name} must be a whole number from ${min} to ${max}`,
    );
  }

  /** `?name` or `?name=true`; false when absent. @throws ApiError INVALID_PARAMETER */
  flag(name: string): boolean {
    const value = this.text(name);
    if (value === null || value === "false") return false;
    if (value === "" || value === "true") return true;
    throw new ApiError("INVALID_PARAMETER", `parameter ${name} must be true or false`);
  }

  /** One of a few words; the first when absent. @throws ApiError INVALID_PARAMETER */
  choice<const T extends string>(name: string, words: readonly [T, ...T[]]): T {
    const value = this.text(name);
    if (value === null) return words[0];
    const word = words.find((one) => one === value);
    if (word !== undefined) return word;
    throw new ApiError("INVALID_PARAMETER", `parameter ${name} must be ${words.join(" or ")}`);
  }
}
