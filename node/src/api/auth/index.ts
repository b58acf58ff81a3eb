// The door of access control: what the API and the composition root may use.

export { type Algorithm, algorithms } from "./algorithms.ts";
export {
  type Auth,
  type AuthKeyInfo,
  type AuthOptions,
  type AuthStats,
  authDefaults,
  openAuth,
} from "./auth.ts";
export { challengeFor } from "./challenge.ts";
export type { AuthLog } from "./failure-log.ts";
export { type AuthKeySpec, authKeysMax } from "./keys.ts";
export {
  AuthConfigurationError,
  type AuthFailureReason,
  authFailureReasons,
} from "./reasons.ts";
export type { VerifiedIdentity, VerifierLimits } from "./verifier.ts";
