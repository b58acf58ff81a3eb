/** How each call is written as an HTTP request: paths, queries, headers and bodies. Pure. */
import {
  type BatchOperation,
  defaultLimits,
  encodeKeyPath,
  encodeKeyQuery,
  formatEtag,
} from "@kvcluster/protocol";
import { type Bytes, toBase64, toBytes, toJsonKey, toKey } from "./entries.ts";
import { KVClientError } from "./errors.ts";
import type { CallOptions } from "./options.ts";

export interface ReadOptions extends CallOptions {
  /** `stale`: what the answering node has, without asking the leader. */
  readonly consistency?: "linearizable" | "stale";
  /** With `stale`: refuse data that may be older than this. */
  readonly maxStalenessMs?: number;
  /** Read as of this revision. */
  readonly revision?: number;
}

export interface GetOptions extends ReadOptions {}

/** At most one condition. */
export interface SetOptions extends CallOptions {
  /** Only if the key's modRevision is this. */
  readonly ifRevision?: number;
  /** Only if the key does not exist. */
  readonly ifAbsent?: boolean;
  /** Only if the key exists. */
  readonly ifExists?: boolean;
}

export interface DeleteOptions extends CallOptions {
  readonly ifRevision?: number;
  readonly ifExists?: boolean;
}

/** Keys that start with a prefix, or start ≤ key < end. Neither: every key. */
export interface KeyRange {
  readonly prefix?: Bytes;
  /** Inclusive. */
  readonly start?: Bytes;
  /** Exclusive. */
  readonly end?: Bytes;
}

export interface ListOptions extends ReadOptions, KeyRange {
  /** Stop after so many keys. */
  readonly limit?: number;
  /** Keys of one page; more pages are fetched as needed. */
  readonly pageSize?: number;
  readonly keysOnly?: boolean;
  /** Also count the keys from each page's start on. */
  readonly count?: boolean;
}

export type BatchItem =
  | { readonly type: "put"; readonly key: Bytes; readonly value: Bytes }
  | { readonly type: "delete"; readonly key: Bytes };

export const jsonHeaders: Readonly<Record<string, string>> = { "content-type": "application/json" };

export const jsonBody = (document: unknown): Uint8Array => toBytes(JSON.stringify(document));

export const keyPath = (key: Bytes): string => `/v1/kv/${encodeKeyPath(toKey(key))}`;

/** undici sends no body for an empty one, which is a valid value; Content-Length: 0 is sent. */
export const valueBody = (value: Bytes): Uint8Array => toBytes(value);

/** @throws KVClientError INVALID_ARGUMENT when conditions contradict each other */
export function conditionHeaders(options: SetOptions): Readonly<Record<string, string>> {
  const { ifRevision, ifAbsent = false, ifExists = false } = options;
  const given = [ifRevision !== undefined, ifAbsent, ifExists].filter(Boolean).length;
  if (given > 1) {
    throw new KVClientError("INVALID_ARGUMENT", {
      message: "ifRevision, ifAbsent and ifExists exclude each other",
    });
  }
  if (ifRevision !== undefined) return { "if-match": formatEtag(ifRevision) };
  if (ifAbsent) return { "if-none-match": "*" };
  return ifExists ? { "if-match": "*" } : {};
}

/** `?…` or nothing. Values are already encoded. */
function queryOf(parameters: Readonly<Record<string, string | null>>): string {
  const present = Object.entries(parameters).flatMap(([name, value]) =>
    value === null ? [] : [`${name}=${value}`],
  );
  return present.length === 0 ? "" : `?${present.join("&")}`;
}

function readParameters(options: ReadOptions): Record<string, string | null> {
  const { consistency, maxStalenessMs, revision } = options;
  return {
    consistency: consistency === "stale" ? "stale" : null,
    maxStaleness: maxStalenessMs === undefined ? null : String(maxStalenessMs),
    revision: revision === undefined ? null : String(revision),
  };
}

export const readQuery = (options: ReadOptions): string => queryOf(readParameters(options));

/** @throws KVClientError INVALID_ARGUMENT when a prefix and a range are given */
function rangeParameters(range: KeyRange): Record<string, string | null> {
  const { prefix, start, end } = range;
  if (prefix !== undefined && (start !== undefined || end !== undefined)) {
    throw new KVClientError("INVALID_ARGUMENT", {
      message: "prefix and start/end exclude each other",
    });
  }
  const encode = (key: Bytes | undefined): string | null =>
    key === undefined ? null : encodeKeyQuery(toBytes(key));
  const isAll = prefix === undefined && start === undefined && end === undefined;
  return { prefix: isAll ? "" : encode(prefix), start: encode(start), end: encode(end) };
}

export const rangePath = (range: KeyRange): string => `/v1/kv${queryOf(rangeParameters(range))}`;

/** One page. `next` continues the page before; `remaining` is what the caller still wants. */
export function listPath(options: ListOptions, next: string | null, remaining: number): string {
  const pageSize = Math.min(
    options.pageSize ?? defaultLimits.pageItemsMax,
    remaining,
    defaultLimits.pageItemsMax,
  );
  return `/v1/kv${queryOf({
    ...rangeParameters(options),
    ...readParameters(options),
    limit: String(pageSize),
    keysOnly: options.keysOnly === true ? "true" : null,
    count: options.count === true ? "true" : null,
    continue: next === null ? null : encodeURIComponent(next),
  })}`;
}

export function batchBody(items: readonly BatchItem[]): Uint8Array {
  const operations: readonly BatchOperation[] = items.map((item) => {
    const key = toJsonKey(item.key);
    return item.type === "put"
      ? { type: "put", ...key, value: toBase64(toBytes(item.value)) }
      : { type: "delete", ...key };
  });
  return jsonBody({ operations });
}
