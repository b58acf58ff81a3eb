/**
 * ConfigMaps of the user's own that the spec names: keys of token issuers. Pods start without them,
 * so that nothing but this tells that an issuer's tokens are refused.
 */
import type { KVCluster } from "../api/types.ts";
import type { Observed } from "../observed.ts";

export interface NamedConfigMap {
  readonly name: string;
  readonly key: string;
  /** Name of the entry of `spec.auth.issuers`. */
  readonly issuer: string;
}

export const namedConfigMaps = ({ spec }: KVCluster): readonly NamedConfigMap[] =>
  spec.auth.issuers.flatMap((issuer) => {
    const reference = (issuer.publicKey ?? issuer.jwks)?.configMapKeyRef;
    return reference === undefined ? [] : [{ ...reference, issuer: issuer.name }];
  });

/** What is missing, in words that say what to do. */
export const configMapFaults = ({ cluster, configMaps }: Observed): readonly string[] =>
  namedConfigMaps(cluster).flatMap(({ name, key, issuer }) => {
    const keys = configMaps.get(name);
    const what = `ConfigMap ${name} of issuer ${issuer} in spec.auth.issuers`;
    if (keys === undefined) return [`${what} does not exist: make it, key ${key}`];
    return keys.includes(key) ? [] : [`${what} has no key ${key}: add it`];
  });
