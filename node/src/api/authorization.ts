/**
 * The ports through which the API asks who is calling and whether they may. Routes never decide
 * access themselves: they state what a request needs, and one authorizer grants or refuses it.
 */
import type { Verb } from "@kvcluster/protocol";

/** Keys that a request touches. */
export interface KeyRange {
  /** Inclusive. */
  readonly start: Uint8Array;
  /** Exclusive; empty: to the last key; null: the one key `start`. */
  readonly end: Uint8Array | null;
}

/** A verb needed on every key of every range. `admin` needs no range: it is not bound to keys. */
export interface Need {
  readonly verb: Verb;
  readonly ranges: readonly KeyRange[];
}

/** Who a verified token stands for. What it was granted is the authorizer's own business. */
export interface Identity {
  /** `sub` of the token, for the log. */
  readonly subject: string;
  /** `iss` of the token; empty when it has none. */
  readonly issuer: string;
}

/** Default deny. Both calls are on the hot path: synchronous, no I/O. */
export interface Authorizer<I extends Identity = Identity> {
  /**
   * @param authorization the Authorization header as it came, undefined when absent.
   * @throws ApiError UNAUTHENTICATED, TOKEN_INVALID, TOKEN_EXPIRED, TOKEN_NOT_YET_VALID
   */
  authenticate(authorization: string | undefined): I;
  /**
   * Allows when each range of each need lies wholly inside the prefixes granted for its verb.
   * An empty `needs` is allowed to every authenticated caller.
   * @throws ApiError FORBIDDEN, naming verb and needed range, not the keys that exist.
   */
  authorize(identity: I, needs: readonly Need[]): void;
}
