/**
 * `spec.auth.policies` as the node's policies file has them. Every policy names its issuer exactly,
 * so that nobody is granted anything because another issuer calls somebody by the same name.
 */
import type { Policy, PolicyFile } from "@kvcluster/protocol";
import type { KVCluster, PolicySpec } from "../api/types.ts";
import type { IssuerView } from "../observed.ts";
import { policyFault } from "./policy-fault.ts";

type Match = Policy["match"];

/** A star at the end of a value matches any rest; in a name it must be a plain star. */
const literal = (name: string): string => name.replace(/\*$/, "\\*");

/** Claims of service accounts (Kubernetes, "Bound service account tokens"). */
function serviceAccountMatches(
  policy: PolicySpec,
  namespace: string,
): readonly (readonly [string, Match])[] {
  const { serviceAccounts = [], namespaces = [] } = policy;
  const subjects = serviceAccounts.map(
    (account) => `system:serviceaccount:${account.namespace ?? namespace}:${literal(account.name)}`,
  );
  const spaces = namespaces.map(literal);
  return [
    ...(subjects.length > 0 ? [["service-accounts", { sub: subjects }] as const] : []),
    ...(spaces.length > 0 ? [["namespaces", { "kubernetes.io.namespace": spaces }] as const] : []),
  ];
}

/** One policy of the spec is up to three of the file: any of its parts is enough. */
function policiesOf(spec: PolicySpec, namespace: string, issuer: string | null): Policy[] {
  const { claims } = spec;
  const grants = spec.grants.map(({ prefix, verbs }) => ({ prefix, verbs }));
  const named = (part: string, match: Match): Policy => ({
    name: `${spec.name}/${part}`,
    match,
    grants,
  });
  const claimsIssuer = claims?.issuer ?? issuer;
  return [
    ...(issuer === null
      ? []
      : serviceAccountMatches(spec, namespace).map(([part, match]) =>
          named(part, { ...match, iss: issuer }),
        )),
    ...(claims === undefined || claimsIssuer === null
      ? []
      : [named("claims", { ...claims.match, iss: claimsIssuer })]),
  ];
}

/** Policies for service accounts are left out while the API server's issuer is unknown. */
export function policyFile({ metadata, spec }: KVCluster, issuer: IssuerView): PolicyFile {
  const own = issuer.type === "known" ? issuer.issuer : null;
  return {
    policies: spec.auth.policies
      .filter((policy) => policyFault(policy) === null)
      .flatMap((policy) => policiesOf(policy, metadata.namespace, own)),
  };
}
