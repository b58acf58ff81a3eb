/** Service NAME: balances clients over the nodes that are ready. HTTP only, no metrics. */
import { childNames, ports, selectorLabels, serviceLabel } from "../names.ts";
import type { KubeObject } from "../observed.ts";
import { childMetadata } from "./child-metadata.ts";
import type { DesiredInputs } from "./inputs.ts";

export const buildClientService = ({ cluster }: DesiredInputs): KubeObject => {
  const { type, labels, annotations } = cluster.spec.service;
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: childMetadata(cluster, childNames(cluster.metadata.name).clientService, {
      labels: { ...labels, [serviceLabel]: "client" },
      annotations,
    }),
    spec: {
      type,
      sessionAffinity: "None",
      selector: selectorLabels(cluster.metadata.name),
      ports: [{ name: "http", port: ports.http, targetPort: "http", protocol: "TCP" }],
    },
  };
};
