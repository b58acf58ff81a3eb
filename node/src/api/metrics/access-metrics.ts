/** What the metrics tell of the process itself, access control and encryption. */
import type { NodePhase } from "../../replica/index.ts";
import {
  flag,
  type PulledMetric,
  type Sample,
  type Snapshot,
  single,
  stateSet,
} from "./definition.ts";

const phases: readonly NodePhase[] = [
  "blank",
  "starting",
  "serving",
  "draining",
  "removed",
  "corrupt",
];

/** One sample for each kind of auth file. */
const bySource = (
  { auth }: Snapshot,
  read: (counters: Snapshot["auth"]["reloads"]["keys"]) => number,
): readonly Sample[] => [
  { labels: { source: "keys" }, value: read(auth.reloads.keys) },
  { labels: { source: "jwks" }, value: read(auth.reloads.jwks) },
  { labels: { source: "policies" }, value: read(auth.reloads.policies) },
];

export const processMetrics: readonly PulledMetric[] = [
  {
    name: "kvcluster_build_info",
    type: "gauge",
    unit: "info",
    labels: ["version", "node_version"],
    meaning: "1, with the versions of KVCluster and Node.js in its labels.",
    read: ({ version }) => [{ labels: { version, node_version: process.version }, value: 1 }],
  },
  {
    name: "kvcluster_node_info",
    type: "gauge",
    unit: "info",
    labels: ["cluster_id", "node_id", "name"],
    meaning: "1, with the identity of this node in its labels. Absent while it is blank.",
    read: ({ identity }) =>
      identity === null
        ? []
        : [
            {
              labels: {
                cluster_id: identity.clusterId,
                node_id: String(identity.nodeId),
                name: identity.name,
              },
              value: 1,
            },
          ],
  },
  {
    name: "kvcluster_phase",
    type: "gauge",
    unit: "boolean",
    labels: ["phase"],
    meaning: "1 for where this node is in its life, 0 for the others.",
    read: ({ phase }) => stateSet("phase", phases, phase),
  },
  {
    name: "kvcluster_disk_free_bytes",
    type: "gauge",
    unit: "bytes",
    labels: [],
    meaning: "Free on the file system of the data folder. Below the reserve writes are refused.",
    read: ({ disk }) => single(disk?.freeBytes),
  },
  {
    name: "kvcluster_disk_size_bytes",
    type: "gauge",
    unit: "bytes",
    labels: [],
    meaning: "Size of the file system of the data folder.",
    read: ({ disk }) => single(disk?.sizeBytes),
  },
];

export const accessMetrics: readonly PulledMetric[] = [
  {
    name: "kvcluster_auth_failures_total",
    type: "counter",
    unit: "items",
    labels: ["reason"],
    meaning: "Requests refused by access control, by reason; verbMissing is 403, the others 401.",
    read: ({ auth }) =>
      [...auth.failures].map(([reason, value]) => ({ labels: { reason }, value })),
  },
  {
    name: "kvcluster_auth_token_cache_hits_total",
    type: "counter",
    unit: "items",
    labels: [],
    meaning: "Requests whose token had been verified before.",
    read: ({ auth }) => single(auth.cacheHits),
  },
  {
    name: "kvcluster_auth_token_cache_misses_total",
    type: "counter",
    unit: "items",
    labels: [],
    meaning: "Requests whose token had to be verified.",
    read: ({ auth }) => single(auth.cacheMisses),
  },
  {
    name: "kvcluster_auth_cached_tokens",
    type: "gauge",
    unit: "items",
    labels: [],
    meaning: "Verified tokens that are remembered.",
    read: ({ auth }) => single(auth.cachedTokens),
  },
  {
    name: "kvcluster_auth_keys",
    type: "gauge",
    unit: "items",
    labels: [],
    meaning: "Keys that tokens are verified with.",
    read: ({ auth }) => single(auth.keys.length),
  },
  {
    name: "kvcluster_auth_policies",
    type: "gauge",
    unit: "items",
    labels: [],
    meaning: "Policies in force.",
    read: ({ auth }) => single(auth.policies),
  },
  {
    name: "kvcluster_auth_reloads_total",
    type: "counter",
    unit: "items",
    labels: ["source"],
    meaning: "Changed key or policy files that were taken into use without a restart.",
    read: (snapshot) => bySource(snapshot, ({ reloads }) => reloads),
  },
  {
    name: "kvcluster_auth_reload_failures_total",
    type: "counter",
    unit: "items",
    labels: ["source"],
    meaning: "Looks at changed key or policy files that could not be used.",
    read: (snapshot) => bySource(snapshot, ({ failures }) => failures),
  },
  {
    name: "kvcluster_auth_files_stale",
    type: "gauge",
    unit: "boolean",
    labels: ["source"],
    meaning: "1 while the files hold something refused and an older content is in force. Act.",
    read: (snapshot) => bySource(snapshot, ({ stale }) => (stale ? 1 : 0)),
  },
];

export const encryptionMetrics: readonly PulledMetric[] = [
  {
    name: "kvcluster_values_encrypted_total",
    type: "counter",
    unit: "items",
    labels: [],
    meaning: "Values that this node encrypted before it proposed them.",
    read: ({ encryption }) => single(encryption?.sealed),
  },
  {
    name: "kvcluster_values_decrypted_total",
    type: "counter",
    unit: "items",
    labels: [],
    meaning: "Values that this node decrypted to answer a read.",
    read: ({ encryption }) => single(encryption?.opened),
  },
  {
    name: "kvcluster_values_rejected_total",
    type: "counter",
    unit: "items",
    labels: [],
    meaning: "Values that did not decrypt: damaged, moved to another key, or the key is gone. Act.",
    read: ({ encryption }) => single(encryption?.rejected),
  },
  {
    name: "kvcluster_keyring_keys",
    type: "gauge",
    unit: "items",
    labels: [],
    meaning: "Keys in the key ring: the active one and those that older values need.",
    read: ({ encryption }) => single(encryption?.keyIds.length),
  },
  {
    name: "kvcluster_keyring_active_key_info",
    type: "gauge",
    unit: "info",
    labels: ["key_id"],
    meaning: "1, with the id of the key that new values are encrypted with in its label.",
    read: ({ encryption }) =>
      encryption === null ? [] : [{ labels: { key_id: encryption.activeKey }, value: 1 }],
  },
  {
    name: "kvcluster_keyring_reloads_total",
    type: "counter",
    unit: "items",
    labels: [],
    meaning: "Changed key rings that were taken into use without a restart.",
    read: ({ encryption }) => single(encryption?.reloads),
  },
  {
    name: "kvcluster_keyring_reload_failures_total",
    type: "counter",
    unit: "items",
    labels: [],
    meaning: "Changed key rings that could not be used.",
    read: ({ encryption }) => single(encryption?.reloadFailures),
  },
  {
    name: "kvcluster_keyring_stale",
    type: "gauge",
    unit: "boolean",
    labels: [],
    meaning: "1 while the key ring file holds something refused and an older one is in force. Act.",
    read: ({ encryption }) => (encryption === null ? [] : flag(encryption.reloadProblem !== null)),
  },
];
