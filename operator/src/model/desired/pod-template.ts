/**
 * The pod template. A change of anything in it rolls every cluster, so nothing in it may come from
 * the operator's own version, and what only tidies up is not worth a change.
 */
import { childLabels, childNames, configAnnotation } from "../names.ts";
import type { DesiredInputs } from "./inputs.ts";
import type { JsonObject } from "./json.ts";
import { nodeConfig } from "./node-config.ts";
import { buildNodeContainer } from "./node-container.ts";
import { placement } from "./spread.ts";
import { stableHash } from "./stable-hash.ts";
import { volumes } from "./volumes.ts";

/** User and group of the images. */
const userId = 10_001;

/**
 * preStop hands leadership over and ends within 8 s, then the node drains once more, finishes
 * what is in flight (`timeouts.shutdownGraceMs`, 10 s) and closes the store. A node that is done is
 * gone at once; the rest is for a slow disk.
 */
export const terminationGraceSeconds = 60;

const podSecurityContext: JsonObject = {
  runAsNonRoot: true,
  runAsUser: userId,
  runAsGroup: userId,
  fsGroup: userId,
  // A full volume is not walked through at every start.
  fsGroupChangePolicy: "OnRootMismatch",
  seccompProfile: { type: "RuntimeDefault" },
};

export function buildPodTemplate(inputs: DesiredInputs): JsonObject {
  const { cluster, issuer } = inputs;
  const { labels, annotations, imagePullSecrets } = cluster.spec.podTemplate;
  return {
    metadata: {
      labels: { ...labels, ...childLabels(cluster.metadata.name) },
      annotations: { ...annotations, [configAnnotation]: stableHash(nodeConfig(cluster, issuer)) },
    },
    spec: {
      serviceAccountName: childNames(cluster.metadata.name).serviceAccount,
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      terminationGracePeriodSeconds: terminationGraceSeconds,
      securityContext: podSecurityContext,
      ...(imagePullSecrets === undefined ? {} : { imagePullSecrets }),
      ...placement(cluster),
      containers: [buildNodeContainer(inputs)],
      volumes: volumes(cluster),
    },
  };
}
