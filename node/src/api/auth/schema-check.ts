/**
 * Checks a document against a schema of the protocol and says in words what is wrong. It never
 * converts, defaults or removes anything.
 */
import type { JsonSchema } from "@kvcluster/protocol";
import { Compile } from "typebox/compile";

export interface Checker<T> {
  readonly isValid: (document: unknown) => document is T;
  /** The first fault with its place, for a message; empty when there is none. */
  readonly describeFault: (document: unknown) => string;
}

/** Compiles `schema` once; checking is then cheap. */
export function createChecker<T>(schema: JsonSchema<T>): Checker<T> {
  const validator = Compile(schema);
  return {
    isValid: (document): document is T => validator.Check(document),
    describeFault: (document) => {
      const [first] = validator.Errors(document);
      if (first === undefined) return "";
      const place = first.instancePath === "" ? "the document" : first.instancePath;
      // How the schema of a field that additionalProperties forbids reports itself.
      return `${place} ${first.keyword === "boolean" ? "is not a known field" : first.message}`;
    },
  };
}
