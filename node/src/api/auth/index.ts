// The door of access control: what the API and the composition root may use.

export {
  type Auth,
  type AuthKeyInfo,
  type AuthOptions,
  type AuthStats,
  openAuth,
  tokenCharsMax,
} from "./auth.ts";
export { readSecretFile } from "./auth-files.ts";
export { challengeFor } from "./challenge.ts";
export type { AuthLog } from "./failure-log.ts";
export { mintOwnToken } from "./own-token.ts";
export {
  AuthConfigurationError,
  type AuthFailureReason,
  authFailureReasons,
} from "./reasons.ts";
export type { VerifiedIdentity } from "./verifier.ts";
