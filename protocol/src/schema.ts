/**
 * Ties a JSON schema to a type that people read. The type is written by hand, with its docstrings;
 * the compiler checks that the schema describes it. Owns no schema itself.
 */
import Type, { type Static, type TSchema, type TUnsafe } from "typebox";

/** A JSON schema whose valid documents are `T`. (An interface of its own keeps errors short.) */
export interface JsonSchema<T> extends TUnsafe<T> {}

/** `unknown` when a document of schema `S` is a `T` with no key more or less. */
type Describes<T, S extends TSchema> =
  Static<S> extends T
    ? T extends readonly unknown[]
      ? unknown
      : [keyof T] extends [keyof Static<S>]
        ? [keyof Static<S>] extends [keyof T]
          ? unknown
          : { readonly "schema has keys that the type lacks": Exclude<keyof Static<S>, keyof T> }
        : { readonly "schema lacks keys": Exclude<keyof T, keyof Static<S>> }
    : { readonly "a document of the schema is not of the type": Static<S> };

/** `schemaOf<T>()(schema)`: the schema, typed; does not compile when it does not describe `T`. */
export const schemaOf =
  <T>(): (<S extends TSchema>(schema: S & Describes<T, S>) => JsonSchema<T>) =>
  (schema) =>
    Type.Unsafe(schema);
