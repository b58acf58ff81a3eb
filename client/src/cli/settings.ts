/** What a run of `kv` works with: flags first, then the environment, then what lies here. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Auth } from "../credentials.ts";
import type { KVStoreClientOptions } from "../options.ts";
import { UsageError } from "./exit-codes.ts";

/** The global flags as the parser gives them. */
export interface GlobalFlags {
  readonly endpoints?: string;
  readonly token?: string;
  readonly tokenFile?: string;
  readonly secretFile?: string;
  readonly user?: string;
  readonly caFile?: string;
  readonly timeout?: string;
  readonly json?: boolean;
}

type Environment = Readonly<NodeJS.ProcessEnv>;

const defaultEndpoints = "http://127.0.0.1:6000";
const defaultUser = "kv";

export const settingsHelp: string = `
Environment (a flag wins):
  KV_ENDPOINTS     addresses, separated by commas (default ${defaultEndpoints})
  KV_TOKEN         the token itself
  KV_TOKEN_FILE    a file with the token, read again when it changes
                   (default: .data/token of a local cluster, when it exists)
  KV_SECRET_FILE   the cluster's HS256 secret: kv makes its own short-lived token
  KV_USER          the subject of such a token (default "${defaultUser}")
  KV_CA_FILE       certificate authorities to trust, PEM
  KV_TIMEOUT_MS    how long one command may take`;

/** The folder of the local cluster, as `make run` has it. */
export const dataFolder = (env: Environment): string => env["KV_DATA"] ?? ".data";

/** Exactly one source of the token; the most specific wins, and two flags contradict each other. */
export function resolveAuth(flags: GlobalFlags, env: Environment): Auth | null {
  const given = [flags.token, flags.tokenFile, flags.secretFile].filter(
    (flag) => flag !== undefined,
  );
  if (given.length > 1) {
    throw new UsageError("--token, --token-file and --secret-file exclude each other");
  }
  const user = flags.user ?? env["KV_USER"] ?? defaultUser;
  if (flags.token !== undefined) return { token: flags.token };
  if (flags.tokenFile !== undefined) return { tokenFile: flags.tokenFile };
  if (flags.secretFile !== undefined) return mintedBy(flags.secretFile, user);
  if (env["KV_TOKEN"] !== undefined) return { token: env["KV_TOKEN"] };
  if (env["KV_TOKEN_FILE"] !== undefined) return { tokenFile: env["KV_TOKEN_FILE"] };
  if (env["KV_SECRET_FILE"] !== undefined) return mintedBy(env["KV_SECRET_FILE"], user);
  const local = join(dataFolder(env), "token");
  return existsSync(local) ? { tokenFile: local } : null;
}

/** Who holds the secret may do everything; the token says so for as long as one command takes. */
const mintedBy = (secretFile: string, user: string): Auth => ({
  secretFile,
  user,
  grants: [{ prefix: "", verbs: ["read", "write", "admin"] }],
});

/** @throws UsageError naming the flag */
export function clientOptions(flags: GlobalFlags, env: Environment): KVStoreClientOptions {
  const caFile = flags.caFile ?? env["KV_CA_FILE"];
  const timeout = flags.timeout ?? env["KV_TIMEOUT_MS"];
  return {
    endpoints: flags.endpoints ?? env["KV_ENDPOINTS"] ?? defaultEndpoints,
    auth: resolveAuth(flags, env),
    ...(timeout === undefined ? {} : { limits: { timeoutMs: parseCount(timeout, "--timeout") } }),
    ...(caFile === undefined ? {} : { tls: { ca: readFileSync(caFile, "utf8") } }),
  };
}

/** @throws UsageError unless the text is an integer of at least 1 */
export function parseCount(text: string, name: string): number {
  const count = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(count) && count >= 1) return count;
  throw new UsageError(`${name} must be a whole number of at least 1, got ${JSON.stringify(text)}`);
}

const units: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400 };

/** `90`, `90s`, `15m`, `12h`, `30d` → seconds. @throws UsageError */
export function parseDuration(text: string, name: string): number {
  const [, digits = "", unit = "s"] = /^(\d+)([smhd])?$/.exec(text) ?? [];
  const seconds = Number(digits) * (units[unit] ?? 1);
  if (digits !== "" && seconds >= 1) return seconds;
  throw new UsageError(`${name} must be like 90s, 15m, 12h or 30d, got ${JSON.stringify(text)}`);
}
