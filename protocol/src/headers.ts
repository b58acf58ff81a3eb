/** Names of the headers of the HTTP API, in lower case as Node gives them, and the ETag's form. */

export const headers = {
  /** Response: the store's revision that the answer reflects. */
  revision: "x-kv-revision",
  /** Response: revision at which the key came into being. */
  createRevision: "x-kv-create-revision",
  /** Response: changes of the key since it came into being, from 1. */
  version: "x-kv-version",
  /** Response: name of the node that answered. */
  node: "x-kv-node",
  /** Response to a stale read: at most so many milliseconds behind the leader; 0 on the leader. */
  staleness: "x-kv-staleness",
  /** Request: deadline of this request in milliseconds; `?timeout=` means the same. */
  timeoutMs: "x-kv-timeout-ms",
  /** Both ways: id of the request in logs and problem documents. */
  requestId: "x-request-id",
  /** Response to a snapshot: log index, term, revision and cluster it was taken at. */
  snapshotIndex: "x-kv-snapshot-index",
  snapshotTerm: "x-kv-snapshot-term",
  clusterId: "x-kv-cluster-id",
} as const;

/** The ETag of a key: its modRevision in quotes. */
export const formatEtag = (modRevision: number): string => `"${modRevision}"`;

/** The modRevision in a strong ETag of ours, null for anything else. */
export const parseEtag = (etag: string): number | null => {
  const digits = /^"(0|[1-9]\d{0,15})"$/.exec(etag)?.[1];
  const revision = Number(digits);
  return digits !== undefined && Number.isSafeInteger(revision) ? revision : null;
};

/** An inbound request id is taken over when it matches; else the node makes one. */
export const requestIdPattern: RegExp = /^[A-Za-z0-9._:-]{1,64}$/;
