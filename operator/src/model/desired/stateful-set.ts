/**
 * The StatefulSet. It makes pods and claims; when a pod is restarted (OnDelete) and when a claim
 * goes (Retain) is the planner's to decide, because only that knows the members of the store.
 */
import { childLabels, childNames, claimTemplate, selectorLabels } from "../names.ts";
import type { KubeObject } from "../observed.ts";
import { childMetadata } from "./child-metadata.ts";
import type { DesiredInputs } from "./inputs.ts";
import type { JsonObject } from "./json.ts";
import { buildPodTemplate } from "./pod-template.ts";

function claim({ cluster }: DesiredInputs): JsonObject {
  const { size, storageClassName } = cluster.spec.storage;
  return {
    apiVersion: "v1",
    kind: "PersistentVolumeClaim",
    metadata: { name: claimTemplate, labels: childLabels(cluster.metadata.name) },
    spec: {
      accessModes: ["ReadWriteOnce"],
      volumeMode: "Filesystem",
      resources: { requests: { storage: size } },
      ...(storageClassName === undefined ? {} : { storageClassName }),
    },
  };
}

export const buildStatefulSet = (inputs: DesiredInputs): KubeObject => {
  const { cluster, replicas } = inputs;
  const names = childNames(cluster.metadata.name);
  return {
    apiVersion: "apps/v1",
    kind: "StatefulSet",
    metadata: childMetadata(cluster, names.statefulSet),
    spec: {
      replicas,
      serviceName: names.headlessService,
      selector: { matchLabels: selectorLabels(cluster.metadata.name) },
      // Nodes find each other while they start; one after the other they would wait for ever.
      podManagementPolicy: "Parallel",
      updateStrategy: { type: "OnDelete" },
      persistentVolumeClaimRetentionPolicy: { whenDeleted: "Retain", whenScaled: "Retain" },
      template: buildPodTemplate(inputs),
      volumeClaimTemplates: [claim(inputs)],
    },
  };
};
