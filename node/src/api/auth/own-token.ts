/**
 * Mints a token for a process of the node's own pod that must ask the node something, such as the
 * hook before it stops. The secret is read from where the node reads it and goes nowhere else.
 */
import { createSecretKey } from "node:crypto";
import jwt from "jsonwebtoken";
import type { AuthConfig } from "../../config/index.ts";
import { readSecretFile } from "./auth-files.ts";
import { AuthConfigurationError } from "./reasons.ts";

/** Longer than any request that is made with it may take. */
const lifetimeSeconds = 30;

const lifetimeOf = ({ tokenLifetimeMaxMs }: AuthConfig): number =>
  tokenLifetimeMaxMs === 0
    ? lifetimeSeconds
    : Math.max(1, Math.min(lifetimeSeconds, Math.floor(tokenLifetimeMaxMs / 1000)));

/**
 * A token with `admin`, for half a minute, from the first secret that is trusted to grant.
 * @throws AuthConfigurationError when there is none, or its file cannot be read
 */
export async function mintOwnToken(config: AuthConfig, subject: string): Promise<string> {
  const key = config.keys.find((one) => one.algorithm === "HS256" && one.grants === "trusted");
  if (key?.file === undefined) {
    throw new AuthConfigurationError("auth.keys has no HS256 secret that is trusted to grant");
  }
  const secret = await readSecretFile(key.file);
  return jwt.sign({ kv: [{ prefix: "", verbs: ["admin"] }] }, createSecretKey(secret), {
    algorithm: "HS256",
    subject,
    issuer: key.issuer,
    audience: [...key.audiences].slice(0, 1),
    expiresIn: lifetimeOf(config),
    ...(key.keyId === undefined ? {} : { keyid: key.keyId }),
  });
}
