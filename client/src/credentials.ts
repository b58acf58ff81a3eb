/**
 * Where the token of a request comes from: given, read from a file that rotates (a projected
 * service-account token), or minted here from the cluster's secret for a user. Tokens and secrets
 * never reach an error message.
 */
import { readFile, stat } from "node:fs/promises";
import type { KvClaim } from "@kvcluster/protocol";
import { KVClientError } from "./errors.ts";
import { mintToken } from "./token.ts";

export type Auth =
  | { readonly token: string }
  /** Read again when it changes. */
  | { readonly tokenFile: string }
  /** Short-lived tokens are made from the HS256 secret and renewed. */
  | {
      readonly secretFile: string;
      /** The `sub` of the tokens; policies may give it grants. */
      readonly user: string;
      /** The `kv` claim; left out, the user has what the policies give. */
      readonly grants?: KvClaim;
      readonly issuer?: string;
      readonly audience?: string;
    }
  /** The same from a secret that is held in memory, by who has it from elsewhere than a file. */
  | { readonly secret: Uint8Array; readonly user: string; readonly grants?: KvClaim };

export interface TokenSource {
  /** null: send no token. @throws KVClientError CREDENTIALS */
  token(): Promise<string | null>;
  /** The token was refused: drop what is kept. False when another try gives the same token. */
  renew(): boolean;
}

/** A file is not looked at more often than this. */
const FILE_CHECK_INTERVAL_MS = 1_000;
const MINTED_TOKEN_TTL_SECONDS = 600;
/** A minted token is replaced when so much of its life is left, well beyond any clock skew. */
const MINTED_TOKEN_RENEW_MS = 120_000;
const SECRET_BYTES_MIN = 32;

export function createTokenSource(auth: Auth | null): TokenSource {
  if (auth === null) return { token: () => Promise.resolve(null), renew: () => false };
  if ("token" in auth) {
    const token = checkToken(auth.token, "the token");
    return { token: () => Promise.resolve(token), renew: () => false };
  }
  return "tokenFile" in auth ? new FileTokenSource(auth.tokenFile) : new MintedTokenSource(auth);
}

/** A header value must be one line of visible characters. */
function checkToken(text: string, what: string): string {
  const token = text.trim();
  if (/^[\x21-\x7e]+$/.test(token)) return token;
  throw new KVClientError("CREDENTIALS", { message: `${what} is empty or not one line of ASCII` });
}

class FileTokenSource implements TokenSource {
  readonly #path: string;
  #token: string | null = null;
  #seen = "";
  #checkedAtMs = Number.NEGATIVE_INFINITY;

  constructor(path: string) {
    this.#path = path;
  }

  async token(): Promise<string> {
    const nowMs = performance.now();
    if (this.#token !== null && nowMs - this.#checkedAtMs < FILE_CHECK_INTERVAL_MS) {
      return this.#token;
    }
    try {
      // Kubernetes swaps a symbolic link: the inode changes, size and time need not.
      const { ino, mtimeMs, size } = await stat(this.#path);
      const seen = `${ino} ${mtimeMs} ${size}`;
      if (this.#token === null || seen !== this.#seen) {
        this.#token = checkToken(await readFile(this.#path, "utf8"), this.#path);
        this.#seen = seen;
      }
      this.#checkedAtMs = nowMs;
      return this.#token;
    } catch (cause) {
      throw credentialsError(`token file ${this.#path} cannot be used`, cause);
    }
  }

  renew(): boolean {
    this.#seen = "";
    this.#checkedAtMs = Number.NEGATIVE_INFINITY;
    return true;
  }
}

type MintAuth = Extract<Auth, { readonly user: string }>;

class MintedTokenSource implements TokenSource {
  readonly #auth: MintAuth;
  #minted: { readonly token: string; readonly renewAtMs: number } | null = null;

  constructor(auth: MintAuth) {
    this.#auth = auth;
  }

  async token(): Promise<string> {
    if (this.#minted !== null && performance.now() < this.#minted.renewAtMs) {
      return this.#minted.token;
    }
    const token = mintToken(await mintOptions(this.#auth));
    const lifeMs = MINTED_TOKEN_TTL_SECONDS * 1_000;
    this.#minted = { token, renewAtMs: performance.now() + lifeMs - MINTED_TOKEN_RENEW_MS };
    return token;
  }

  renew(): boolean {
    this.#minted = null;
    return true;
  }
}

async function mintOptions(auth: MintAuth): Promise<Parameters<typeof mintToken>[0]> {
  const { user, grants } = auth;
  const wanted = {
    subject: user,
    ttlSeconds: MINTED_TOKEN_TTL_SECONDS,
    ...(grants === undefined ? {} : { grants }),
  };
  if ("secret" in auth) return { ...wanted, secret: auth.secret };
  const { secretFile, issuer, audience } = auth;
  return {
    ...wanted,
    secret: await readSecret(secretFile),
    ...(issuer === undefined ? {} : { issuer }),
    ...(audience === undefined ? {} : { audience }),
  };
}

/**
 * The HS256 secret of a file, without one final line break, as the node reads it.
 * @throws KVClientError CREDENTIALS when it is missing or too short
 */
export async function readSecret(path: string): Promise<Uint8Array> {
  let secret: Uint8Array;
  try {
    secret = withoutLineBreak(await readFile(path));
  } catch (cause) {
    throw credentialsError(`secret file ${path} cannot be read`, cause);
  }
  if (secret.byteLength >= SECRET_BYTES_MIN) return secret;
  const held = secret.byteLength;
  const message = `secret file ${path} holds ${held} bytes, at least ${SECRET_BYTES_MIN}`;
  throw new KVClientError("CREDENTIALS", { message });
}

function withoutLineBreak(bytes: Buffer): Uint8Array {
  const lineFeed = bytes.at(-1) === 0x0a ? 1 : 0;
  const carriageReturn = lineFeed === 1 && bytes.at(-2) === 0x0d ? 1 : 0;
  return bytes.subarray(0, bytes.length - lineFeed - carriageReturn);
}

function credentialsError(what: string, cause: unknown): KVClientError {
  if (cause instanceof KVClientError) return cause;
  const why = cause instanceof Error ? cause.message : String(cause);
  return new KVClientError("CREDENTIALS", { message: `${what}: ${why}`, cause });
}
