/**
 * NetworkPolicy: who may open connections to the nodes. The peer port is for the cluster's own pods
 * only; what nodes open themselves is not restricted. Kubelets' probes are always let through.
 */
import type { KVCluster } from "../api/types.ts";
import { childNames, ports, selectorLabels } from "../names.ts";
import type { KubeObject, OperatorDefaults } from "../observed.ts";
import { childMetadata } from "./child-metadata.ts";
import type { DesiredInputs } from "./inputs.ts";
import type { JsonObject } from "./json.ts";

const tcp = (port: number): JsonObject => ({ protocol: "TCP", port });

/** Every pod, in whatever namespace. */
const everyPod = { namespaceSelector: {} };

/** Null: from anywhere. */
function clientPeers({ spec }: KVCluster): readonly JsonObject[] | null {
  if (spec.networkPolicy.clients.length > 0) return spec.networkPolicy.clients;
  // What comes through a load balancer or a node's port is no pod.
  return spec.service.type === "ClusterIP" ? [everyPod] : null;
}

const operatorPeer = (defaults: OperatorDefaults): JsonObject => ({
  namespaceSelector: {
    matchLabels: { "kubernetes.io/metadata.name": defaults.operatorNamespace },
  },
  podSelector: { matchLabels: defaults.operatorLabels },
});

export const buildNetworkPolicy = ({ cluster, defaults }: DesiredInputs): KubeObject => {
  const podSelector = { matchLabels: selectorLabels(cluster.metadata.name) };
  const clients = clientPeers(cluster);
  return {
    apiVersion: "networking.k8s.io/v1",
    kind: "NetworkPolicy",
    metadata: childMetadata(cluster, childNames(cluster.metadata.name).networkPolicy),
    spec: {
      podSelector,
      policyTypes: ["Ingress"],
      ingress: [
        {
          ports: [tcp(ports.http)],
          ...(clients === null ? {} : { from: [...clients, operatorPeer(defaults)] }),
        },
        { ports: [tcp(ports.peer)], from: [{ podSelector }] },
        { ports: [tcp(ports.metrics)], from: [everyPod] },
      ],
    },
  };
};
