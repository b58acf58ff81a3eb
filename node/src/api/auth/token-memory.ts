/**
 * Remembers verified tokens: under their SHA-256 digest for as long as there is room, so that no
 * usable token lies in memory, and the headers of the last moments as they came, because a digest
 * costs more than all other checks of a request together. Both are bounded.
 */
import { hash } from "node:crypto";
import { LRUCache } from "lru-cache";
import type { ValidityWindow } from "./claims.ts";

/** Headers that are kept as they came; when there are more, all of them are dropped. */
export const recentHeadersMax = 1024;
/** And all of them are dropped so often: a stolen memory image shows tokens of this time only. */
export const recentHeadersMs = 10_000;

export interface TokenMemory<T extends ValidityWindow> {
  /** What was remembered for `token`, which came in `header`. The caller asks its times. */
  recall(header: string, token: string, nowMs: number): T | undefined;
  remember(token: string, verified: T): void;
  /** Keys or policies changed: nothing that was verified counts any more. */
  forgetAll(): void;
  /** Tokens that are remembered by digest. */
  size(): number;
}

const digestOf = (token: string): string => hash("sha256", token, "base64");

/** @param tokensMax the least recently used token makes room; 0: nothing is remembered. */
export function createTokenMemory<T extends ValidityWindow>(tokensMax: number): TokenMemory<T> {
  if (tokensMax === 0) {
    return { recall: () => undefined, remember: () => {}, forgetAll: () => {}, size: () => 0 };
  }
  const byDigest = new LRUCache<string, T>({ max: tokensMax });
  const recent = new Map<string, T>();
  let recentSinceMs = 0;

  function recallByDigest(header: string, token: string, nowMs: number): T | undefined {
    const digest = digestOf(token);
    const known = byDigest.get(digest);
    if (known === undefined) return undefined;
    if (nowMs >= known.notAfterMs) {
      // The caller will refuse it, now and ever after.
      byDigest.delete(digest);
      return known;
    }
    if (recent.size >= recentHeadersMax) recent.clear();
    recent.set(header, known);
    return known;
  }

  return {
    recall: (header, token, nowMs) => {
      if (nowMs - recentSinceMs >= recentHeadersMs || nowMs < recentSinceMs) {
        recent.clear();
        recentSinceMs = nowMs;
      }
      return recent.get(header) ?? recallByDigest(header, token, nowMs);
    },
    remember: (token, verified) => {
      byDigest.set(digestOf(token), verified);
    },
    forgetAll: () => {
      byDigest.clear();
      recent.clear();
    },
    size: () => byDigest.size,
  };
}
