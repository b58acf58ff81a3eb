/**
 * The configured keys as files that are watched. What a node cannot do without is loaded together;
 * each key that is optional stands alone, so that a foreign issuer's broken file neither keeps the
 * node from starting nor holds up the rotation of another's keys.
 */
import { createHash } from "node:crypto";
import type { AuthKeyConfig } from "../../config/index.ts";
import { readTextFile } from "./auth-files.ts";
import type { AuthLog } from "./failure-log.ts";
import { parseKeySet } from "./key-set.ts";
import {
  type AuthKeySpec,
  checkKeySpecs,
  type KeySetSpec,
  loadKeys,
  type VerificationKey,
} from "./keys.ts";
import { AuthConfigurationError } from "./reasons.ts";
import {
  loadWatched,
  type WatchCounters,
  type WatchedFiles,
  type WatchedSource,
  type WatchOptions,
} from "./watched-files.ts";

type Keys = readonly VerificationKey[];

export interface WatchedKeys {
  readonly files: readonly WatchedFiles<Keys>[];
  current(): Keys;
  counters(): { readonly keys: WatchCounters; readonly jwks: WatchCounters };
}

/** @throws AuthConfigurationError when a key that is not optional cannot be used */
export async function loadWatchedKeys(
  configs: readonly AuthKeyConfig[],
  options: WatchOptions,
): Promise<WatchedKeys> {
  checkKeySpecs(configs.map(toSpec));
  const isOptional = ({ optional = false }: AuthKeyConfig): boolean => optional;
  const groups = [
    configs.filter((config) => !isOptional(config)),
    ...configs.filter(isOptional).map((config) => [config]),
  ];
  const [keys, jwks]: [WatchedFiles<Keys>[], WatchedFiles<Keys>[]] = [[], []];
  for (const group of groups) {
    const absent = group.some(isOptional) ? { absent: [] } : {};
    const specs = group.map(toSpec);
    const single = specs.filter((spec) => "file" in spec);
    const sets = specs.filter((spec) => "jwksFile" in spec);
    if (single.length > 0) {
      keys.push(await loadWatched({ ...keySource(single), ...absent }, options));
    }
    if (sets.length > 0) {
      jwks.push(await loadWatched({ ...keySetSource(sets, options.log), ...absent }, options));
    }
  }
  const files = [...keys, ...jwks];
  return {
    files,
    current: () => files.flatMap((file) => file.current()),
    counters: () => ({ keys: sumOf(keys), jwks: sumOf(jwks) }),
  };
}

function sumOf(files: readonly WatchedFiles<Keys>[]): WatchCounters {
  const counters = files.map((file) => file.counters());
  return {
    reloads: counters.reduce((sum, { reloads }) => sum + reloads, 0),
    failures: counters.reduce((sum, { failures }) => sum + failures, 0),
    stale: counters.some(({ stale }) => stale),
  };
}

function keySource(specs: readonly AuthKeySpec[]): WatchedSource<readonly VerificationKey[]> {
  return {
    name: "keys",
    read: async () => {
      const keys = await loadKeys(specs);
      return { digest: keys.map((key) => key.fingerprint).join(" "), make: () => keys };
    },
  };
}

/** Apart from the other keys: a bad set must not hold up the change of a secret. */
function keySetSource(
  specs: readonly KeySetSpec[],
  log: AuthLog,
): WatchedSource<readonly VerificationKey[]> {
  return {
    name: "jwks",
    read: async () => {
      const texts = await Promise.all(specs.map((spec) => readTextFile(spec.jwksFile)));
      return {
        digest: createHash("sha256").update(JSON.stringify(texts)).digest("hex"),
        make: () =>
          specs.flatMap((spec, i) => {
            const { keys, skipped } = parseKeySet(spec, texts[i] ?? "");
            if (skipped.length > 0) {
              log.warn({ key: spec.name, skipped }, "keys of a key set cannot be used");
            }
            return keys;
          }),
      };
    },
  };
}

function toSpec(config: AuthKeyConfig): AuthKeySpec | KeySetSpec {
  const { name, issuer, audiences, grants, jwksFile, algorithm, file } = config;
  const whose = { name, issuer, audiences, grants };
  if (jwksFile !== undefined) return { ...whose, jwksFile };
  if (algorithm === undefined || file === undefined) {
    throw new AuthConfigurationError(`auth key "${name}" needs algorithm and file, or jwksFile`);
  }
  return { ...whose, keyId: config.keyId ?? null, algorithm, file };
}
