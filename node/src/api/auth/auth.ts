/**
 * Puts the parts of access control together for the composition root: keys and policies from their
 * files, kept fresh, and the authorizer that asks them. Owns the timers of the reload.
 */
import { createHash } from "node:crypto";
import type { AuthConfig } from "../../config/index.ts";
import type { Authorizer } from "../authorization.ts";
import { readTextFile } from "./auth-files.ts";
import { type AuthLog, createFailureLog } from "./failure-log.ts";
import { loadWatchedKeys } from "./key-sources.ts";
import { noPolicies, type PolicySet, parsePolicies } from "./policies.ts";
import type { AuthFailureReason } from "./reasons.ts";
import { createTokenAuthorizer } from "./token-authorizer.ts";
import {
  type AuthRules,
  createVerifier,
  type VerifiedIdentity,
  type VerifierCounters,
  type VerifierLimits,
} from "./verifier.ts";
import { loadWatched, type WatchCounters, type WatchedSource } from "./watched-files.ts";

export interface AuthOptions {
  readonly config: AuthConfig;
  readonly log: AuthLog;
  /** Milliseconds since 1970. */
  readonly nowMs: () => number;
}

/** Characters of a token. Part of the limit on all headers, and well below it. */
export const tokenCharsMax = 8192;

/** New content of a file must read the same for so long before it is used. */
const settleMs = 100;

/** A loaded key as status and metrics show it. */
export interface AuthKeyInfo {
  readonly name: string;
  readonly algorithm: string;
  readonly issuer: string;
  readonly grants: "trusted" | "policies";
  /** Not secret; equal on nodes that hold the same key. */
  readonly fingerprint: string;
}

/** Pulled by the metrics. */
export interface AuthStats extends VerifierCounters {
  readonly failures: ReadonlyMap<AuthFailureReason, number>;
  readonly keys: readonly AuthKeyInfo[];
  readonly policies: number;
  readonly reloads: {
    readonly keys: WatchCounters;
    readonly jwks: WatchCounters;
    readonly policies: WatchCounters;
  };
}

export interface Auth {
  readonly authorizer: Authorizer<VerifiedIdentity>;
  stats(): AuthStats;
  /** Looks at all files now (SIGHUP); a bad file is logged and counted, never thrown. */
  reload(): Promise<void>;
  close(): void;
}

function policySource(path: string): WatchedSource<PolicySet> {
  return {
    name: "policies",
    read: async () => {
      if (path === "") return { digest: "", make: () => noPolicies };
      const text = await readTextFile(path);
      return {
        digest: createHash("sha256").update(text).digest("hex"),
        make: () => parsePolicies(text, path),
      };
    },
  };
}

const describeKey = ({
  name,
  algorithm,
  issuer,
  grants,
  fingerprint,
}: AuthKeyInfo): AuthKeyInfo => ({
  name,
  algorithm,
  issuer,
  grants,
  fingerprint,
});

const limitsOf = (config: AuthConfig): VerifierLimits => ({
  clockSkewSeconds: config.clockSkewMs / 1000,
  lifetimeSecondsMax: config.tokenLifetimeMaxMs === 0 ? null : config.tokenLifetimeMaxMs / 1000,
  tokenCharsMax,
  cachedTokensMax: config.tokenCacheMax,
});

/**
 * Loads keys and policies and starts to watch them.
 * @throws AuthConfigurationError when one cannot be used: a node must not start half open
 */
export async function openAuth(options: AuthOptions): Promise<Auth> {
  const { config, log, nowMs } = options;
  const watch = { intervalMs: config.reloadMs, settleMs, log };
  const keys = await loadWatchedKeys(config.keys, watch);
  const policies = await loadWatched(policySource(config.policiesFile), watch);
  const rules = (): AuthRules => ({ keys: keys.current(), policies: policies.current() });
  const verifier = createVerifier(rules(), limitsOf(config));
  const watched = [...keys.files, policies];
  for (const one of watched) one.start(() => verifier.setRules(rules()));
  const failures = createFailureLog(log, nowMs);
  return {
    authorizer: createTokenAuthorizer({ verifier, failures, nowMs }),
    stats: () => ({
      ...verifier.counters(),
      failures: failures.counts(),
      keys: keys.current().map(describeKey),
      policies: policies.current().policies.length,
      reloads: { ...keys.counters(), policies: policies.counters() },
    }),
    reload: async () => {
      await Promise.all(watched.map((one) => one.poll()));
    },
    close: () => {
      for (const one of watched) one.close();
    },
  };
}
