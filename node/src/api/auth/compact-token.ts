/**
 * Takes a compact JWS (RFC 7515 §7.1) apart, strictly: one spelling per token, nothing in the
 * header that could bring a key along. Nothing read here is believed before it is verified.
 */
import { type AuthFailure, refuse } from "./reasons.ts";

export type JsonObject = Readonly<Record<string, unknown>>;

export interface CompactToken {
  readonly type: "token";
  readonly algorithm: string;
  /** null: the header names no key. */
  readonly keyId: string | null;
  /** Unverified. */
  readonly claims: JsonObject;
  /** `header.payload`, the bytes that are signed. */
  readonly signingInput: string;
  readonly signature: Buffer;
}

const compactForm = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*$/;
const keyIdCharsMax = 256;

export const isJsonObject = (value: unknown): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** null unless `part` is the one canonical base64url spelling of its bytes (RFC 4648 §3.5). */
function decodePart(part: string): Buffer | null {
  const bytes = Buffer.from(part, "base64url");
  return bytes.toString("base64url") === part ? bytes : null;
}

function parseObject(part: string): JsonObject | null {
  const bytes = decodePart(part);
  if (bytes === null) return null;
  try {
    const value: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    return isJsonObject(value) ? value : null;
  } catch {
    // Not UTF-8 or not JSON: told to the caller as null, which refuses the token.
    return null;
  }
}

/** What is wrong with a header, or null. `jwk`, `jku`, `x5u`, `x5c` are never looked at. */
function findHeaderFault(header: JsonObject): string | null {
  const { alg, kid, typ } = header;
  if (typeof alg !== "string") return "alg is not a string";
  // RFC 7515 §4.1.11: an extension that is not understood must refuse the token; none is.
  if ("crit" in header) return "crit names extensions";
  if (kid !== undefined && (typeof kid !== "string" || kid.length > keyIdCharsMax)) {
    return "kid is not a short string";
  }
  // RFC 8725 §3.11: a token made for another purpose says so in `typ`.
  if (typ !== undefined && (typeof typ !== "string" || !/^(at\+)?jwt$/i.test(typ))) {
    return "typ is not JWT";
  }
  return null;
}

/** Parses `token`, which is at most `charsMax` long; nothing is verified yet. */
export function parseCompactToken(token: string, charsMax: number): CompactToken | AuthFailure {
  if (token.length > charsMax) {
    return refuse("tokenTooLarge", `${token.length} characters, the limit is ${charsMax}`);
  }
  if (!compactForm.test(token)) return refuse("tokenMalformed", "not three base64url parts");
  const signatureAt = token.lastIndexOf(".");
  const headerEnd = token.indexOf(".");
  const header = parseObject(token.slice(0, headerEnd));
  const claims = parseObject(token.slice(headerEnd + 1, signatureAt));
  const signature = decodePart(token.slice(signatureAt + 1));
  if (header === null) return refuse("tokenMalformed", "the header is not a JSON object");
  if (claims === null) return refuse("tokenMalformed", "the payload is not a JSON object");
  if (signature === null) return refuse("tokenMalformed", "the signature is not base64url");
  const fault = findHeaderFault(header);
  if (fault !== null) return refuse("tokenMalformed", fault);
  return {
    type: "token",
    algorithm: String(header["alg"]),
    keyId: typeof header["kid"] === "string" ? header["kid"] : null,
    claims,
    signingInput: token.slice(0, signatureAt),
    signature,
  };
}
