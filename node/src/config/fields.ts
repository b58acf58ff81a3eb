/**
 * Builders for one setting's schema: type, bounds, default, and what the reference says of it.
 * A number's name ends in its unit, and the unit is stated again for people.
 */
import Type, { type TInteger, type TString, type TUnsafe } from "typebox";

/** What a setting's schema carries beside JSON Schema's own words. */
export interface Annotations {
  /** Empty: the value has no unit. */
  readonly unit: string;
  /** Read again while the node runs, without a restart. */
  readonly reloads: boolean;
  /** Without a default the setting must be given. */
  readonly default?: unknown;
}

interface NumberOptions {
  readonly min: number;
  readonly max: number;
  readonly default: number;
  readonly unit: "ms" | "bytes" | "entries" | "keys" | "count" | "revisions";
}

/** A whole number within bounds. */
export const number = (description: string, options: NumberOptions): TInteger =>
  Type.Integer({
    description,
    minimum: options.min,
    maximum: options.max,
    default: options.default,
    unit: options.unit,
    reloads: false,
  });

const kibibyte = 1024;
export const mebibyte: number = kibibyte * kibibyte;
export const gibibyte: number = kibibyte * mebibyte;

/** A duration in milliseconds. */
export const milliseconds = (
  description: string,
  options: { readonly min: number; readonly max: number; readonly default: number },
): TInteger => number(description, { ...options, unit: "ms" });

/** A size in bytes. */
export const bytes = (
  description: string,
  options: { readonly min: number; readonly max: number; readonly default: number },
): TInteger => number(description, { ...options, unit: "bytes" });

/** A text that must be given when `default` is absent. */
export const text = (
  description: string,
  options: {
    readonly default?: string;
    readonly pattern?: string;
    readonly reloads?: boolean;
  } = {},
): TString =>
  Type.String({
    description,
    unit: "",
    reloads: options.reloads ?? false,
    minLength: options.default === "" ? 0 : 1,
    maxLength: 4096,
    ...(options.default === undefined ? {} : { default: options.default }),
    ...(options.pattern === undefined ? {} : { pattern: options.pattern }),
  });

/** One of a few words. */
export const oneOf = <const T extends string>(
  description: string,
  options: { readonly values: readonly T[]; readonly default: T },
): TUnsafe<T> =>
  Type.Unsafe<T>(
    Type.Union(
      options.values.map((value) => Type.Literal(value)),
      { description, unit: "", reloads: false, default: options.default },
    ),
  );
