/** The container of a node: environment, ports, probes and how it is stopped. */
import type { KVCluster } from "../api/types.ts";
import { childNames, nodeContainer, paths, ports } from "../names.ts";
import { bytesOf } from "../quantity.ts";
import type { DesiredInputs } from "./inputs.ts";
import type { JsonObject } from "./json.ts";
import { volumeMounts } from "./volumes.ts";

/** preStop's program in the image: hands leadership over, bounded, always exits 0. */
const preStopCommand = ["node", "/app/node/dist/pre-stop.js"];

/** V8's share of the memory limit. The rest is RocksDB's caches, sockets and Buffers. */
const heapShare = 0.5;
const heapMiBMin = 64;
const mebibyte = 1024 * 1024;

/** Without a limit, V8 chooses by itself. */
function heapLimit(limit: string | undefined): readonly JsonObject[] {
  const bytes = limit === undefined ? null : bytesOf(limit);
  if (bytes === null) return [];
  const heapMiB = Math.max(heapMiBMin, Math.floor((bytes * heapShare) / mebibyte));
  return [{ name: "NODE_OPTIONS", value: `--max-old-space-size=${heapMiB}` }];
}

/** Names without the cluster domain, which no pod needs to know: its resolver adds it. */
function environment({ metadata, spec }: KVCluster): readonly JsonObject[] {
  const { headlessService } = childNames(metadata.name);
  const host = `$(KVCLUSTER_NAME).${headlessService}.${metadata.namespace}.svc`;
  return [
    {
      name: "KVCLUSTER_NAME",
      valueFrom: { fieldRef: { apiVersion: "v1", fieldPath: "metadata.name" } },
    },
    { name: "KVCLUSTER_CONFIG", value: paths.config },
    { name: "KVCLUSTER_ADVERTISE_PEER_ADDRESS", value: `${host}:${ports.peer}` },
    { name: "KVCLUSTER_ADVERTISE_CLIENT_ADDRESS", value: `http://${host}:${ports.http}` },
    ...heapLimit(spec.resources.limits?.["memory"]),
  ];
}

const get = (path: string): JsonObject => ({
  httpGet: { path, port: "metrics", scheme: "HTTP" },
});

/**
 * On the metrics port, which answers while the client port is full or drains. Liveness never
 * depends on the other nodes; readiness follows within seconds, because the Service balances by it.
 */
const probes: JsonObject = {
  // Recovery opens the log and the store; ten minutes are for a volume that is very slow.
  startupProbe: { ...get("/startupz"), periodSeconds: 2, timeoutSeconds: 2, failureThreshold: 300 },
  // A node that is busy is not killed for it: one minute without an answer.
  livenessProbe: { ...get("/livez"), periodSeconds: 10, timeoutSeconds: 5, failureThreshold: 6 },
  readinessProbe: { ...get("/readyz"), periodSeconds: 2, timeoutSeconds: 2, failureThreshold: 2 },
};

export const buildNodeContainer = ({ cluster, image }: DesiredInputs): JsonObject => ({
  name: nodeContainer,
  image,
  imagePullPolicy: cluster.spec.imagePullPolicy,
  env: environment(cluster),
  ports: [
    { name: "http", containerPort: ports.http, protocol: "TCP" },
    { name: "peer", containerPort: ports.peer, protocol: "TCP" },
    { name: "metrics", containerPort: ports.metrics, protocol: "TCP" },
  ],
  ...probes,
  lifecycle: { preStop: { exec: { command: preStopCommand } } },
  resources: cluster.spec.resources,
  securityContext: {
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ["ALL"] },
  },
  volumeMounts: volumeMounts(cluster),
});
