/**
 * The policies file: which verified claims get which grants. It adds rights and never takes any
 * away; claims that no policy matches get nothing.
 */
import { type Grant, type Policy, policyFileSchema } from "@kvcluster/protocol";
import { parseDocument as parseYaml } from "yaml";
import { readTextFile } from "./auth-files.ts";
import { isJsonObject, type JsonObject } from "./compact-token.ts";
import { compileGrant, findPrefixFault, type KeyGrant } from "./grants.ts";
import { AuthConfigurationError } from "./reasons.ts";
import { createChecker } from "./schema-check.ts";

interface ClaimMatcher {
  readonly path: readonly string[];
  readonly exact: ReadonlySet<string>;
  /** From values that end in `*`. */
  readonly prefixes: readonly string[];
}

interface CompiledPolicy {
  readonly name: string;
  readonly matchers: readonly ClaimMatcher[];
  readonly grants: readonly KeyGrant[];
}

/** All policies of one file, ready to be asked. */
export interface PolicySet {
  readonly policies: readonly CompiledPolicy[];
}

export const noPolicies: PolicySet = { policies: [] };

/** Deeper than any claim in use; bounds the ways in which a dotted name can be read. */
const pathSegmentsMax = 8;

const fileChecker = createChecker(policyFileSchema);

function compileMatcher(claim: string, accepted: string | readonly string[]): ClaimMatcher {
  const values = typeof accepted === "string" ? [accepted] : accepted;
  const exact = new Set<string>();
  const prefixes: string[] = [];
  for (const value of values) {
    if (value.endsWith("\\*")) exact.add(`${value.slice(0, -2)}*`);
    else if (value.endsWith("*")) prefixes.push(value.slice(0, -1));
    else exact.add(value);
  }
  return { path: claim.split("."), exact, prefixes };
}

function findPolicyFault(policy: Policy): string | null {
  for (const grant of policy.grants) {
    const fault = findPrefixFault(grant.prefix);
    if (fault !== null) return fault;
  }
  // Several issuers may be trusted at once: without `iss`, `sub: alice` of any of them would match.
  const issuers = [policy.match["iss"] ?? []].flat();
  if (issuers.length === 0)
    return 'must match on "iss": a subject means nothing without its issuer';
  if (issuers.some((issuer) => issuer.endsWith("*"))) return '"iss" must be exact, without *';
  const deep = Object.keys(policy.match).find((name) => name.split(".").length > pathSegmentsMax);
  return deep === undefined ? null : `claim "${deep}" has more than ${pathSegmentsMax} parts`;
}

function compilePolicy(policy: Policy): CompiledPolicy {
  const matchers = Object.entries(policy.match).map(([claim, accepted]) =>
    compileMatcher(claim, accepted),
  );
  return { name: policy.name, matchers, grants: policy.grants.map(compileGrant) };
}

function parseDocument(text: string, source: string): unknown {
  try {
    // JSON is YAML. Repeated keys are an error; aliases are few, so that no file can explode.
    const document = parseYaml(text, { uniqueKeys: true, schema: "core" });
    // A warning is an error, too: a tag that nobody knows would be read as if it were not there.
    const [fault] = [...document.errors, ...document.warnings];
    if (fault !== undefined) throw fault;
    return document.toJS({ maxAliasCount: 32 });
  } catch (cause) {
    // The first line says what and where; the others draw it.
    const [why = ""] = (cause instanceof Error ? cause.message : String(cause)).split("\n", 1);
    throw new AuthConfigurationError(`${source}: ${why}`, { cause });
  }
}

/**
 * Parses a policies file. `source` names it in messages.
 * @throws AuthConfigurationError saying where and what is wrong; nothing of a bad file is used
 */
export function parsePolicies(text: string, source: string): PolicySet {
  const document = parseDocument(text, source);
  if (!fileChecker.isValid(document)) {
    throw new AuthConfigurationError(`${source}: ${fileChecker.describeFault(document)}`);
  }
  const names = new Set<string>();
  for (const policy of document.policies) {
    if (names.has(policy.name)) {
      throw new AuthConfigurationError(`${source}: two policies are named "${policy.name}"`);
    }
    names.add(policy.name);
    const fault = findPolicyFault(policy);
    if (fault !== null) {
      throw new AuthConfigurationError(`${source}: policy "${policy.name}": ${fault}`);
    }
  }
  return { policies: document.policies.map(compilePolicy) };
}

/** @throws AuthConfigurationError naming the file */
export async function loadPolicies(path: string): Promise<PolicySet> {
  return parsePolicies(await readTextFile(path), path);
}

/**
 * Every value that a dotted claim name can mean: `a.b.c` may be the claim `a.b.c`, `c` in `a.b`,
 * `b.c` in `a` or `c` in `b` in `a`, because names like `kubernetes.io` have dots of their own.
 */
function findClaimValues(claims: JsonObject, path: readonly string[]): readonly unknown[] {
  const found: unknown[] = [];
  for (let length = path.length; length > 0; length -= 1) {
    const name = path.slice(0, length).join(".");
    if (!Object.hasOwn(claims, name)) continue;
    const value = claims[name];
    if (length === path.length) found.push(value);
    else if (isJsonObject(value)) found.push(...findClaimValues(value, path.slice(length)));
  }
  return found;
}

function matchesScalar(matcher: ClaimMatcher, value: unknown): boolean {
  if (typeof value === "string") {
    return matcher.exact.has(value) || matcher.prefixes.some((prefix) => value.startsWith(prefix));
  }
  // `email_verified: "true"` in a file means the boolean; a glob is for strings only.
  return (typeof value === "boolean" || typeof value === "number") && matcher.exact.has(`${value}`);
}

function matchesClaim(matcher: ClaimMatcher, claims: JsonObject): boolean {
  const values = findClaimValues(claims, matcher.path);
  // A name that can be read in two ways is refused: whoever adds a claim must not shadow another.
  if (values.length !== 1) return false;
  const [value] = values;
  return Array.isArray(value)
    ? value.some((item) => matchesScalar(matcher, item))
    : matchesScalar(matcher, value);
}

/** The grants of every policy that matches all its claims in `claims`, which were verified. */
export function grantsOfPolicies(set: PolicySet, claims: JsonObject): readonly KeyGrant[] {
  return set.policies
    .filter((policy) => policy.matchers.every((matcher) => matchesClaim(matcher, claims)))
    .flatMap((policy) => policy.grants);
}

/** The grants of a `kv` claim; compile only what was checked against the protocol's schema. */
export function compileClaimGrants(grants: readonly Grant[]): readonly KeyGrant[] | string {
  for (const grant of grants) {
    const fault = findPrefixFault(grant.prefix);
    if (fault !== null) return fault;
  }
  return grants.map(compileGrant);
}
