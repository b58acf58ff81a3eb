/**
 * Headless Service NAME-peers: one DNS name for each pod, before it is ready, because nodes find
 * each other by it to become ready. Prometheus finds the metrics port here.
 */
import { childNames, ports, selectorLabels, serviceLabel } from "../names.ts";
import type { KubeObject } from "../observed.ts";
import { childMetadata } from "./child-metadata.ts";
import type { DesiredInputs } from "./inputs.ts";

export const buildHeadlessService = ({ cluster }: DesiredInputs): KubeObject => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: childMetadata(cluster, childNames(cluster.metadata.name).headlessService, {
    labels: { [serviceLabel]: "peers" },
  }),
  spec: {
    type: "ClusterIP",
    clusterIP: "None",
    publishNotReadyAddresses: true,
    selector: selectorLabels(cluster.metadata.name),
    ports: [
      { name: "http", port: ports.http, targetPort: "http", protocol: "TCP" },
      { name: "peer", port: ports.peer, targetPort: "peer", protocol: "TCP" },
      { name: "metrics", port: ports.metrics, targetPort: "metrics", protocol: "TCP" },
    ],
  },
});
