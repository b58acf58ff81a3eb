/**
 * Policies that the nodes would refuse although the resource's schema allows them. A node takes a
 * policies file whole or not at all, and does not start with a bad one: one such policy must not
 * shut everybody out, so it is left out and told (node/src/api/auth/policies.ts has the rules).
 */
import type { KVCluster, PolicySpec } from "../api/types.ts";

const prefixBytesMax = 4096;
const claimPartsMax = 8;
/** YAML takes no longer key on one line. */
const claimCharactersMax = 1000;

/** UTF-8 bytes; a pure layer has no TextEncoder. */
function bytesOf(text: string): number {
  const sizeOf = (character: string): number => {
    const code = character.codePointAt(0) ?? 0;
    if (code < 0x80) return 1;
    if (code < 0x800) return 2;
    return code < 0x1_0000 ? 3 : 4;
  };
  return [...text].reduce((total, character) => total + sizeOf(character), 0);
}

/** What is wrong with a policy, in words that say what to do; null: nothing. */
export function policyFault({ grants, claims }: PolicySpec): string | null {
  const long = grants.some(
    ({ prefix }) => !prefix.isWellFormed() || bytesOf(prefix) > prefixBytesMax,
  );
  if (long) return `a prefix is not UTF-8 or has more than ${prefixBytesMax} bytes: shorten it`;
  const names = Object.keys(claims?.match ?? {});
  if (names.some((name) => name.split(".").length > claimPartsMax)) {
    return `a claim has more than ${claimPartsMax} parts: name one nearer to the top`;
  }
  if (names.some((name) => name.length > claimCharactersMax)) {
    return `a claim's name has more than ${claimCharactersMax} characters: name another`;
  }
  return claims?.issuer?.endsWith("*") === true ? "an issuer ends in *: name it exactly" : null;
}

/** The policies that are left out, and why. */
export const policyFaults = ({ spec }: KVCluster): readonly string[] =>
  spec.auth.policies.flatMap((policy) => {
    const fault = policyFault(policy);
    return fault === null ? [] : [`policy ${policy.name} is left out: ${fault}`];
  });
