/**
 * Keys, files and tokens for the tests of access control. Tokens are signed with node:crypto and
 * not with the library under test, so that forged ones can be made without its consent.
 */
import {
  constants,
  createHmac,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign as signBytes,
} from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { AuthConfig, AuthKeyConfig } from "../../config/index.ts";
import type { Algorithm } from "./algorithms.ts";
import type { AuthLog } from "./failure-log.ts";
import type { AuthKeySpec } from "./keys.ts";

export const issuer = "https://issuer.test";
export const audience = "kvcluster-test";
/** A Tuesday in 2026, the "now" of tests that need a fixed one. */
export const nowMs: number = Date.UTC(2026, 10, 24, 12, 0, 0);
export const nowSeconds: number = nowMs / 1000;

/** A folder that is removed when the test scope ends (`using`). */
export interface TestFolder extends Disposable {
  readonly path: string;
  /** Writes a file of the folder and returns its path. */
  write(name: string, content: string | Uint8Array, mode?: number): string;
}

export function makeFolder(): TestFolder {
  const path = mkdtempSync(join(tmpdir(), "kvcluster-auth-"));
  return {
    path,
    write: (name, content, mode = 0o600) => {
      const file = join(path, name);
      writeFileSync(file, content, { mode });
      return file;
    },
    [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }),
  };
}

export const silentLog: AuthLog = { info: () => {}, warn: () => {}, error: () => {} };

/** A log that keeps its lines as JSON, so that a test can look for what must not be there. */
export interface RecordingLog extends AuthLog {
  readonly lines: string[];
}

export function makeRecordingLog(): RecordingLog {
  const lines: string[] = [];
  const record = (fields: object, message: string): void => {
    lines.push(JSON.stringify({ ...fields, message }));
  };
  return { lines, info: record, warn: record, error: record };
}

/** What a token is signed with: secret or private key, and the algorithm that is really used. */
export type Signer =
  | { readonly algorithm: "HS256"; readonly secret: Uint8Array }
  | { readonly algorithm: Exclude<Algorithm, "HS256">; readonly privateKey: KeyObject };

const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");

function signInput(input: string, signer: Signer): Buffer {
  if (signer.algorithm === "HS256") {
    return createHmac("sha256", signer.secret).update(input).digest();
  }
  const bytes = Buffer.from(input);
  const { algorithm, privateKey } = signer;
  if (algorithm === "EdDSA") return signBytes(null, bytes, privateKey);
  const hash = `sha${algorithm.slice(2)}`;
  if (algorithm.startsWith("ES")) {
    return signBytes(hash, bytes, { key: privateKey, dsaEncoding: "ieee-p1363" });
  }
  const { RSA_PKCS1_PADDING, RSA_PKCS1_PSS_PADDING, RSA_PSS_SALTLEN_DIGEST } = constants;
  const padding = algorithm.startsWith("PS") ? RSA_PKCS1_PSS_PADDING : RSA_PKCS1_PADDING;
  const saltLength = RSA_PSS_SALTLEN_DIGEST;
  return signBytes(hash, bytes, { key: privateKey, padding, saltLength });
}

/** A compact token; `header` is added to `alg` and `typ` and may replace them. */
export function signToken(signer: Signer, claims: object, header: object = {}): string {
  const input = `${encode({ alg: signer.algorithm, typ: "JWT", ...header })}.${encode(claims)}`;
  return `${input}.${signInput(input, signer).toString("base64url")}`;
}

/** A token that nobody signed (RFC 7519 §6). */
export const unsignedToken = (claims: object, alg = "none"): string =>
  `${encode({ alg, typ: "JWT" })}.${encode(claims)}.`;

/** Claims that every check lets pass at `atSeconds`, with `kv` granting all verbs on `app/`. */
export const goodClaims = (atSeconds: number = nowSeconds): Record<string, unknown> => ({
  iss: issuer,
  aud: audience,
  sub: "alice",
  iat: atSeconds - 10,
  nbf: atSeconds - 10,
  exp: atSeconds + 600,
  kv: [{ prefix: "app/", verbs: ["read", "write"] }],
});

export const makeSecret = (): { readonly algorithm: "HS256"; readonly secret: Buffer } => ({
  algorithm: "HS256",
  secret: Buffer.from(randomBytes(32).toString("hex")),
});

export interface TestKeyPair {
  readonly signer: Extract<Signer, { privateKey: KeyObject }>;
  readonly publicPem: string;
  readonly privatePem: string;
  /** RFC 7517, without `kid`, `alg` and `use`. */
  readonly publicJwk: Readonly<Record<string, unknown>>;
}

function generatePair(algorithm: Exclude<Algorithm, "HS256">): {
  publicKey: KeyObject;
  privateKey: KeyObject;
} {
  switch (algorithm) {
    case "EdDSA":
      return generateKeyPairSync("ed25519");
    case "ES256":
      return generateKeyPairSync("ec", { namedCurve: "P-256" });
    case "ES384":
      return generateKeyPairSync("ec", { namedCurve: "P-384" });
    case "ES512":
      return generateKeyPairSync("ec", { namedCurve: "P-521" });
    default:
      return generateKeyPairSync("rsa", { modulusLength: 2048 });
  }
}

export function makeKeyPair(algorithm: Exclude<Algorithm, "HS256">): TestKeyPair {
  const { publicKey, privateKey } = generatePair(algorithm);
  return {
    signer: { algorithm, privateKey },
    publicPem: publicKey.export({ type: "spki", format: "pem" }).toString(),
    privatePem: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
    publicJwk: { ...publicKey.export({ format: "jwk" }) },
  };
}

/** A key's configuration with the test issuer and audience; override what the test is about. */
export const makeSpec = (overrides: Partial<AuthKeySpec> & { file: string }): AuthKeySpec => ({
  name: "test",
  keyId: null,
  algorithm: "HS256",
  issuer,
  audiences: [audience],
  grants: "trusted",
  ...overrides,
});

/** A key set's file with these keys. */
export const keySetText = (...keys: readonly object[]): string => JSON.stringify({ keys });

/** The same as the configuration has it. */
export const makeKeyConfig = (
  overrides: Partial<AuthKeyConfig> & { file: string },
): AuthKeyConfig => ({
  name: "test",
  algorithm: "HS256",
  issuer,
  audiences: [audience],
  grants: "trusted",
  ...overrides,
});

/** A key set as the configuration has it, of an issuer whose tokens do not grant. */
export const makeKeySetConfig = (
  overrides: Partial<AuthKeyConfig> & { jwksFile: string },
): AuthKeyConfig => ({
  name: "set",
  issuer,
  audiences: [audience],
  grants: "policies",
  ...overrides,
});

/** The defaults, with files that are looked at only when a test asks for it. */
export const makeAuthConfig = (keys: readonly AuthKeyConfig[], policiesFile = ""): AuthConfig => ({
  keys,
  policiesFile,
  clockSkewMs: 30_000,
  tokenLifetimeMaxMs: 0,
  tokenCacheMax: 10_000,
  reloadMs: 3_600_000,
});
