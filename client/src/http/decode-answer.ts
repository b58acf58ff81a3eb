/**
 * Turns bytes of an answer into typed documents, checked against the protocol's schemas. Fields
 * that a newer server adds are let through. The only place of the client that casts.
 */
import {
  type JsonSchema,
  type Problem,
  problemMediaType,
  problemSchema,
  type Readiness,
  readinessSchema,
} from "@kvcluster/protocol";
import { Compile, type Validator } from "typebox/compile";
import type { HttpAnswer } from "./exchange.ts";

/** Gives the document, or null when the bytes are not one of it. */
export type Decoder<T> = (bytes: Uint8Array) => T | null;

const utf8 = new TextDecoder("utf-8", { fatal: true });

export function decoderOf<T>(schema: JsonSchema<T>): Decoder<T> {
  // Compiled when it is first needed: a run of `kv` needs one or two of them.
  let validator: Validator | null = null;
  return (bytes) => {
    const document = parseJson(bytes);
    validator ??= Compile(schema);
    return document !== undefined && validator.Check(document) ? (document as T) : null;
  };
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(utf8.decode(bytes));
  } catch {
    // Not UTF-8 or not JSON: told by undefined, which no JSON text means.
    return undefined;
  }
}

const decodeProblemBytes: Decoder<Problem> = decoderOf(problemSchema);

/** The problem document of an error answer; null when it has none (a proxy's own page). */
export function decodeProblem(answer: Pick<HttpAnswer, "headers" | "body">): Problem | null {
  const mediaType = String(answer.headers["content-type"] ?? "").split(";")[0];
  return mediaType?.trim().toLowerCase() === problemMediaType
    ? decodeProblemBytes(answer.body)
    : null;
}

export const decodeReadiness: Decoder<Readiness> = decoderOf(readinessSchema);

/** A header that holds a non-negative integer, or null. */
export function decodeNumberHeader(answer: HttpAnswer, name: string): number | null {
  const text = answer.headers[name];
  return typeof text === "string" && /^\d{1,16}$/.test(text) ? Number(text) : null;
}
