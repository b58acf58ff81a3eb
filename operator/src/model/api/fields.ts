/**
 * Builders for one field's schema: type, bounds, default, meaning, and the rules that the API
 * server evaluates (CEL). Every list, map and text has a maximum: CEL's cost is estimated from it.
 */
import Type, {
  type TArray,
  type TBoolean,
  type TInteger,
  type TSchema,
  type TString,
  type TUnsafe,
} from "typebox";

/** A CEL rule and what the user is told when it is broken: what to do, not only what is wrong. */
export interface Rule {
  readonly rule: string;
  readonly message: string;
}

interface Rules {
  readonly rules?: readonly Rule[];
}

interface WithRules {
  readonly "x-kubernetes-validations"?: readonly Rule[];
}

/** Rules as the schema's keyword. */
export const checked = (rules: readonly Rule[] | undefined): WithRules =>
  rules === undefined ? {} : { "x-kubernetes-validations": rules };

/** A text of at most `max` characters. */
export const text = (
  description: string,
  options: Rules & { readonly max: number; readonly min?: number; readonly default?: string },
): TString =>
  Type.String({
    description,
    minLength: options.min ?? 1,
    maxLength: options.max,
    ...(options.default === undefined ? {} : { default: options.default }),
    ...checked(options.rules),
  });

/** One of a few words. */
export const oneOf = <const T extends string>(
  description: string,
  options: { readonly values: readonly T[]; readonly default?: T },
): TUnsafe<T> =>
  Type.Unsafe<T>(
    Type.Union(
      options.values.map((value) => Type.Literal(value)),
      { description, ...(options.default === undefined ? {} : { default: options.default }) },
    ),
  );

export const flag = (description: string, preset: boolean): TBoolean =>
  Type.Boolean({ description, default: preset });

/** A whole number within bounds. */
export const whole = (
  description: string,
  options: { readonly min: number; readonly max: number; readonly default: number },
): TInteger =>
  Type.Integer({
    description,
    minimum: options.min,
    maximum: options.max,
    default: options.default,
  });

/** A list; `unique`: by value (`set`), or by the field that is named. Otherwise replaced whole. */
export const list = <T extends TSchema>(
  items: T,
  options: Rules & {
    readonly description: string;
    readonly max: number;
    readonly min?: number;
    readonly default?: readonly never[];
    readonly unique?: "value" | "name" | "type";
  },
): TArray<T> =>
  Type.Array(items, {
    description: options.description,
    maxItems: options.max,
    ...(options.min === undefined ? {} : { minItems: options.min }),
    ...(options.default === undefined ? {} : { default: options.default }),
    ...uniqueness(options.unique),
    ...checked(options.rules),
  });

function uniqueness(by: "value" | "name" | "type" | undefined): Readonly<Record<string, unknown>> {
  if (by === undefined) return { "x-kubernetes-list-type": "atomic" };
  if (by === "value") return { "x-kubernetes-list-type": "set" };
  return { "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": [by] };
}

/** Text → text. */
export const textMap = (
  description: string,
  options: Rules & {
    readonly valueMax: number;
    readonly max: number;
    readonly default?: Readonly<Record<string, never>>;
  },
): TUnsafe<Readonly<Record<string, string>>> =>
  Type.Unsafe<Readonly<Record<string, string>>>(
    Type.Record(Type.String(), Type.String({ maxLength: options.valueMax }), {
      description,
      maxProperties: options.max,
      ...(options.default === undefined ? {} : { default: options.default }),
      ...checked(options.rules),
    }),
  );

/** A piece of Kubernetes' own API, handed on as it is; the API server judges it there. */
export const opaque = (description: string): TUnsafe<Readonly<Record<string, unknown>>> =>
  Type.Unsafe<Readonly<Record<string, unknown>>>({
    type: "object",
    description,
    "x-kubernetes-preserve-unknown-fields": true,
  });

/** Quantities by resource name. A bare number (`cpu: 2`) is read as text when it is decoded. */
export const quantityMap = (description: string): TUnsafe<Readonly<Record<string, string>>> =>
  Type.Unsafe<Readonly<Record<string, string>>>({
    type: "object",
    description,
    maxProperties: 16,
    patternProperties: {
      "^.*$": {
        anyOf: [{ type: "integer" }, { type: "string" }],
        "x-kubernetes-int-or-string": true,
        maxLength: 32,
      },
    },
    ...checked([
      {
        rule: "self.all(k, isQuantity(string(self[k])))",
        message: "each value must be a quantity such as 500m, 2 or 1Gi",
      },
    ]),
  });

const reservedLabels = ["name", "instance", "managed-by"].map(
  (word) => `app.kubernetes.io/${word}`,
);

/** Labels of a child, over those that the operator sets. */
export const labels = (description: string): TUnsafe<Readonly<Record<string, string>>> =>
  textMap(description, {
    valueMax: 63,
    max: 32,
    default: {},
    rules: [
      {
        rule:
          "self.all(k, !format.qualifiedName().validate(k).hasValue() && " +
          "!format.labelValue().validate(self[k]).hasValue())",
        message:
          "keys must be label names such as team or example.com/team, values of at most 63 " +
          "letters, digits, '-', '_' and '.'",
      },
      {
        rule: `self.all(k, !k.startsWith('kvcluster.io/') && !(k in [${reservedLabels
          .map((label) => `'${label}'`)
          .join(", ")}]))`,
        message:
          "choose other keys: kvcluster.io/* and app.kubernetes.io/name, instance and managed-by " +
          "are set by the operator",
      },
    ],
  });

/** Annotations of a child, beside those that the operator sets. */
export const annotations = (description: string): TUnsafe<Readonly<Record<string, string>>> =>
  textMap(description, {
    valueMax: 16_384,
    max: 32,
    default: {},
    rules: [
      {
        rule: "self.all(k, !format.qualifiedName().validate(k.lowerAscii()).hasValue())",
        message: "keys must be annotation names such as example.com/owner",
      },
      {
        rule: "self.all(k, !k.startsWith('kvcluster.io/'))",
        message: "choose other keys: kvcluster.io/* are set by the operator",
      },
    ],
  });

/** The name of a Kubernetes object. */
export const objectName = (description: string): TString =>
  text(description, {
    max: 253,
    rules: [
      {
        rule: "!format.dns1123Subdomain().validate(self).hasValue()",
        message:
          "must be the name of an object: lower-case letters, digits, '-' and '.', beginning and " +
          "ending with a letter or digit",
      },
    ],
  });
