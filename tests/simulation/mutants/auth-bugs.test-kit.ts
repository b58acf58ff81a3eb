/** Historic bugs of tokens and of what they grant. */
import type { ByTests, Mutant } from "./mutant.test-kit.ts";

const AUTH = "node/src/api/auth";
const byAuth = (file: string, test: string): ByTests => ({ suite: "auth", files: [file], test });
const byVerifier = (test: string): ByTests => byAuth(`${AUTH}/verifier.test.ts`, test);
const byForgery = (test: string): ByTests => byAuth(`${AUTH}/verifier-forgery.test.ts`, test);
const byShapes = (test: string): ByTests => byAuth("tests/auth-matrix/shapes.test.ts", test);

export const authBugs: readonly Mutant[] = [
  {
    bug: "an expired token is accepted",
    seenIn: "RFC 7519 §4.1.4",
    edits: [
      {
        file: "api/auth/claims.ts",
        find:
          "  if (nowMs >= window.notAfterMs) return " +
          'refuse("tokenExpired", "exp has passed");\n',
        replace: "",
      },
    ],
    caughtBy: byVerifier("the clock skew is allowed to the second, and no more"),
  },
  {
    bug: "a token that was verified once is accepted after its expiry",
    seenIn: "caches of verified tokens",
    edits: [
      {
        file: "api/auth/verifier.ts",
        find: "    if (known !== undefined) return checkWindow(known, nowMs) ?? known;",
        replace: "    if (known !== undefined) return known;",
      },
    ],
    caughtBy: byVerifier("a remembered token still expires, and is not valid before its time"),
  },
  {
    bug: "a token for another audience is accepted",
    seenIn: "RFC 8725 §3.9",
    edits: [
      {
        file: "api/auth/claims.ts",
        find:
          '  return named.some((name) => typeof name === "string" && ' +
          "audiences.includes(name));",
        replace: '  return named.some((name) => typeof name === "string" && audiences.length > 0);',
      },
    ],
    caughtBy: byVerifier("issuer, audience and times are required and exact"),
  },
  {
    bug: "a token without a signature is accepted (alg none)",
    seenIn: "RFC 8725 §2.1",
    edits: [
      {
        file: "api/auth/signature.ts",
        find: "  const candidates = candidatesOf(token, keys);\n",
        replace:
          "  const [first] = keys;\n" +
          "  if (token.algorithm.toLowerCase() === 'none' && first !== undefined) {\n" +
          "    return { type: 'signed', key: first };\n  }\n" +
          "  const candidates = candidatesOf(token, keys);\n",
      },
    ],
    caughtBy: byForgery("a token without signature is refused, however alg spells none"),
  },
  {
    bug: "a public key is taken for an HMAC secret",
    seenIn: "RFC 8725 §2.1, algorithm confusion",
    edits: [
      {
        file: "api/auth/signature.ts",
        find: "  const pinned = ofIssuer.filter((key) => key.algorithm === token.algorithm);\n",
        replace: "  const pinned = ofIssuer;\n",
      },
      {
        file: "api/auth/signature.ts",
        find:
          "  // jsonwebtoken throws a TypeError at an ECDSA signature of another length.\n" +
          "  if (token.signature.length !== signatureBytes(key.algorithm, key.key)) " +
          "return false;\n",
        replace:
          "  if (token.algorithm === 'HS256' && key.key.type === 'public') {\n" +
          "    const spki = key.key.export({ type: 'spki', format: 'pem' });\n" +
          "    const made = createHmac('sha256', spki).update(token.signingInput).digest();\n" +
          "    return made.equals(token.signature);\n  }\n" +
          "  if (token.signature.length !== signatureBytes(key.algorithm, key.key)) " +
          "return false;\n",
      },
      {
        file: "api/auth/signature.ts",
        find: 'import { verify as verifyBytes } from "node:crypto";',
        replace: 'import { createHmac, verify as verifyBytes } from "node:crypto";',
      },
    ],
    caughtBy: byForgery("a public key is never taken for an HMAC secret"),
  },
  {
    bug: "the right to a prefix reaches the key next door",
    seenIn: "GHSA-xg4h-6gfc-h4m8 and its kind",
    edits: [
      {
        file: "api/auth/grants.ts",
        find: "Buffer.compare(key, grant.end) < 0),",
        replace: "Buffer.compare(key, grant.end) <= 0),",
      },
    ],
    caughtBy: byAuth(`${AUTH}/grants.test.ts`, "a key is allowed by its own prefix and verb only"),
  },
  {
    bug: "the end of a range escapes authorisation",
    seenIn: "CVE-2026-33343, CVE-2026-33413, GHSA-xg4h-6gfc-h4m8",
    edits: [
      {
        file: "api/auth/grants.ts",
        find: "  end.length === 0 || (rangeEnd.length > 0 && Buffer.compare(rangeEnd, end) <= 0);",
        replace: "  end.length === 0 || rangeEnd.length >= 0;",
      },
    ],
    caughtBy: byShapes(
      "a range that starts inside and ends outside is refused, to list and to delete",
    ),
  },
  {
    bug: "only the first operation of a batch is authorised",
    seenIn: "CVE-2026-33343, CVE-2026-33413, GHSA-xg4h-6gfc-h4m8",
    edits: [
      {
        file: "api/command-routes.ts",
        find: "ranges: plain.map(({ key }) => ({ start: key, end: null })) }],",
        replace: "ranges: plain.slice(0, 1).map(({ key }) => ({ start: key, end: null })) }],",
      },
    ],
    caughtBy: byShapes("a batch with one operation outside is refused whole, wherever it stands"),
  },
  {
    bug: "a foreign issuer's token grants itself rights",
    seenIn: "this repository's design",
    edits: [
      {
        file: "api/auth/verifier.ts",
        find: '  if (key.grants !== "trusted" || claim === undefined) return [];',
        replace: "  if (claim === undefined) return [];",
      },
    ],
    caughtBy: byVerifier(
      "only a trusted key's tokens grant themselves rights; policies add to both",
    ),
  },
  {
    bug: "a right that was taken away stays with tokens that are remembered",
    seenIn: "etcd #14571 and its kind",
    edits: [
      {
        file: "api/auth/verifier.ts",
        find: "      memory.forgetAll();\n",
        replace: "",
      },
    ],
    caughtBy: byVerifier("other rules apply to the very next request of a remembered token"),
  },
];
