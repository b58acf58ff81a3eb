/**
 * ConfigMap NAME-access: `policies.yaml` and `jwks.json`, which nodes read again without a restart.
 * It also remembers the API server's issuer, for the time when it cannot be looked up.
 */
import { childNames, issuerAnnotation } from "../names.ts";
import type { IssuerView, KubeObject, Observed } from "../observed.ts";
import { childMetadata } from "./child-metadata.ts";
import type { DesiredInputs } from "./inputs.ts";
import { isJsonObject } from "./json.ts";
import { policyFile } from "./policies.ts";

export const buildAccessConfigMap = ({ cluster, issuer }: DesiredInputs): KubeObject => {
  const isShared = cluster.spec.auth.serviceAccountTokens && issuer.type === "known";
  return {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: childMetadata(cluster, childNames(cluster.metadata.name).accessConfigMap, {
      annotations: isShared ? { [issuerAnnotation]: issuer.issuer } : {},
    }),
    data: {
      "policies.yaml": `${JSON.stringify(policyFile(cluster, issuer), null, 2)}\n`,
      ...(isShared ? { "jwks.json": issuer.jwks } : {}),
    },
  };
};

/**
 * The issuer as it was just found, else as the nodes were last told. Taking it away because the API
 * server did not answer would restart every node and lock every application out.
 */
export function knownIssuer({ cluster, issuer, children }: Observed): IssuerView {
  if (issuer.type === "known") return issuer;
  const live = children.get(`ConfigMap/${childNames(cluster.metadata.name).accessConfigMap}`);
  const remembered = live?.metadata.annotations?.[issuerAnnotation];
  const data = live?.["data"];
  const jwks = isJsonObject(data) ? data["jwks.json"] : undefined;
  if (remembered === undefined || typeof jwks !== "string") return issuer;
  return { type: "known", issuer: remembered, jwks };
}

/** Told when applications cannot be let in by their service accounts, with why. */
export function issuerFaults(observed: Observed): readonly string[] {
  const issuer = knownIssuer(observed);
  if (!observed.cluster.spec.auth.serviceAccountTokens || issuer.type === "known") return [];
  return [
    `service-account tokens are refused, for the API server's keys are unknown: ${issuer.why}`,
  ];
}
