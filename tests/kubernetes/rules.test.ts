/**
 * Every rule (CEL) of the schema, broken in front of a real API server: refused at its field with
 * its own words. The last test fails when a rule of the CRD was broken by none of the cases.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  isJsonObject,
  type Json,
  type JsonObject,
  rootStructure,
} from "../../operator/src/model/index.ts";
import { type Answer, atApiServer } from "./api-server.test-kit.ts";
import { fullSpec, type Path, put, shownPath } from "./specs.test-kit.ts";

const server = atApiServer("rules");

interface Told {
  readonly path: string;
  readonly message: string;
}

/** Every refusal seen, to be held against the schema. */
const told: Told[] = [];
const withoutPlaces = (path: string): string => path.replaceAll(/\[\d+\]/g, "[]");

function assertRefused(answer: Answer, expected: { field: string; says: string }): void {
  const { field, says } = expected;
  assert.equal(answer.type, "refused", `${field} was accepted; expected: ${says}`);
  const causes = answer.type === "refused" ? answer.causes : [];
  const hit = causes.find((cause) => cause.field === field && cause.message.includes(`: ${says}`));
  assert.ok(hit, `${field}: ${says}\nin ${JSON.stringify(causes, null, 1)}`);
  told.push({ path: withoutPlaces(field), message: hit.message });
}

/** [where, what is put there, how the message begins, where the message is said if elsewhere] */
type Case = readonly [Path, Json | undefined, string, Path?];

const labelCases = (path: Path): Case[] => [
  [path, { "not a key": "x" }, "keys must be label names such as team"],
  [path, { team: "-x-" }, "keys must be label names such as team"],
  [path, { "kvcluster.io/cluster": "x" }, "choose other keys"],
  [path, { "app.kubernetes.io/name": "x" }, "choose other keys"],
  [path, { "app.kubernetes.io/managed-by": "helm" }, "choose other keys"],
];
const annotationCases = (path: Path): Case[] => [
  [path, { "not a key": "x" }, "keys must be annotation names"],
  [path, { "kvcluster.io/intent": "x" }, "choose other keys"],
];
const nameCases = (path: Path): Case[] => [
  [path, "Upper", "must be the name of an object"],
  [path, "ends-", "must be the name of an object"],
];
const labelNameCases = (path: Path): Case[] => [
  [path, "dots.in", "must be lower-case letters, digits and '-'"],
  [path, "-a", "must be lower-case letters, digits and '-'"],
];

const issuer = ["auth", "issuers", 0] as const;
const policy = ["auth", "policies", 0] as const;
const onlyNamespaces = { name: "p", namespaces: ["a"], grants: [{ prefix: "", verbs: ["read"] }] };

const cases: readonly Case[] = [
  [["image"], "two words", "must be an image such as"],
  [["image"], "name@sha256:12", "must be an image such as"],
  [["storage", "size"], "ten", "must be a quantity such as 10Gi"],
  [["storage", "size"], "10GB", "must be a quantity such as 10Gi"],
  [["storage", "size"], "255Mi", "must be at least 256Mi"],
  [["storage", "size"], "-1Gi", "must be at least 256Mi"],
  [["resources", "requests"], { cpu: "half" }, "each value must be a quantity"],
  [["resources", "limits"], { memory: "1GB" }, "each value must be a quantity"],
  [["resources", "limits", "cpu"], "499m", "a request is above its limit", ["resources"]],
  [["resources", "requests", "memory"], "3Gi", "a request is above its limit", ["resources"]],
  ...labelNameCases([...issuer, "name"]),
  [[...issuer, "name"], "kubernetes", "choose another name"],
  [[...issuer, "name"], "admin", "choose another name"],
  [[...issuer, "name"], "kvcluster", "choose another name"],
  [[...issuer, "issuer"], "kvcluster", "choose another issuer"],
  [[...issuer, "jwks"], undefined, "give exactly one of publicKey and jwks", issuer],
  [
    [...issuer, "publicKey"],
    { algorithm: "ES256", configMapKeyRef: { name: "a", key: "b" } },
    "give exactly one of publicKey and jwks",
    issuer,
  ],
  ...nameCases([...issuer, "jwks", "configMapKeyRef", "name"]),
  ...nameCases(["auth", "issuers", 1, "publicKey", "configMapKeyRef", "name"]),
  ...labelNameCases([...policy, "name"]),
  ...nameCases([...policy, "serviceAccounts", 0, "name"]),
  ...labelNameCases([...policy, "serviceAccounts", 1, "namespace"]),
  ...labelNameCases([...policy, "namespaces", 0]),
  [policy, { name: "p", grants: onlyNamespaces.grants }, "say who is meant: give at least one of"],
  [[...policy, "claims", "issuer"], "https://nobody.example", "claims.issuer must be", ["auth"]],
  [["auth", "serviceAccountTokens"], false, "these policies need service-account", ["auth"]],
  [
    ["auth"],
    { serviceAccountTokens: false, policies: [onlyNamespaces] },
    "these policies need service-account tokens",
  ],
  ...nameCases(["encryption", "secretName"]),
  ...labelCases(["service", "labels"]),
  ...annotationCases(["service", "annotations"]),
  [["monitoring", "serviceMonitor", "interval"], "0s", "must be a number of seconds or minutes"],
  [["monitoring", "serviceMonitor", "interval"], "1h", "must be a number of seconds or minutes"],
  [["monitoring", "serviceMonitor", "interval"], "3m", "must be a number of seconds or minutes"],
  [["monitoring", "serviceMonitor", "interval"], "121s", "must be a number of seconds or minutes"],
  ...labelCases(["monitoring", "serviceMonitor", "labels"]),
  ...labelCases(["monitoring", "prometheusRule", "labels"]),
  ...labelCases(["monitoring", "dashboard", "labels"]),
  [
    ["raft"],
    { electionTimeoutMs: 499, heartbeatIntervalMs: 100 },
    "electionTimeoutMs must be at least 5 times heartbeatIntervalMs",
  ],
  [["raft"], { heartbeatIntervalMs: 141 }, "electionTimeoutMs must be at least 5 times"],
  ...labelCases(["podTemplate", "labels"]),
  ...annotationCases(["podTemplate", "annotations"]),
  ...nameCases(["podTemplate", "priorityClassName"]),
  ...nameCases(["podTemplate", "imagePullSecrets", 0, "name"]),
];

test("a spec against a rule is refused at its field, and told what to do", async () => {
  for (const [path, value, says, where = path] of cases) {
    const answer = await server().tryCreate(put(fullSpec, path, value));
    assertRefused(answer, { field: shownPath(where), says });
  }
});

test("values that look odd and are legal are taken", async () => {
  const legal: readonly (readonly [Path, Json | undefined])[] = [
    [["storage", "size"], "0.25Gi"],
    [["storage", "size"], "268435456"],
    [["storage", "storageClassName"], ""],
    [["image"], `node@sha256:${"0".repeat(64)}`],
    [["image"], `registry.example/node:1@sha256:${"a".repeat(64)}`],
    [["resources"], {}],
    [["resources"], { requests: { cpu: "2000m" }, limits: { cpu: 2 } }],
    [["resources", "limits"], undefined],
    [["service", "labels"], { "example.com/team": "", tier: "a.b_c-D" }],
    [["auth", "serviceAccountTokens"], true],
    [policy, { ...onlyNamespaces, name: "a".repeat(63) }],
    [["raft"], { electionTimeoutMs: 500, heartbeatIntervalMs: 100 }],
    [["auth", "policies"], []],
    [["replicas"], 4],
    [["monitoring", "serviceMonitor", "interval"], "2m"],
    [["monitoring", "serviceMonitor", "interval"], "120s"],
  ];
  for (const [path, value] of legal) {
    const answer = await server().tryCreate(put(fullSpec, path, value));
    assert.equal(answer.type, "accepted", `${shownPath(path)} ${JSON.stringify(answer)}`);
  }
});

test("a name or a value that must be unique is refused the second time", async () => {
  const grants = onlyNamespaces.grants;
  const verbs = ["read", "read"];
  const issuers = Array.isArray(at(["auth", "issuers"])) ? at(["auth", "issuers"]) : [];
  const twice: readonly (readonly [Path, Json, string])[] = [
    [["auth", "policies"], [onlyNamespaces, onlyNamespaces], "spec.auth.policies[1]"],
    [["auth", "issuers"], [...issuers, ...issuers], "spec.auth.issuers[2]"],
    [["auth", "audiences"], ["a", "a"], "spec.auth.audiences[1]"],
    [[...issuer, "audiences"], ["a", "a"], "spec.auth.issuers[0].audiences[1]"],
    [[...policy, "namespaces"], ["a", "a"], "spec.auth.policies[0].namespaces[1]"],
    [[...policy, "grants"], [{ ...grants[0], prefix: "", verbs }], "grants[0].verbs[1]"],
    [
      ["podTemplate", "imagePullSecrets"],
      [{ name: "a" }, { name: "a" }],
      "spec.podTemplate.imagePullSecrets[1]",
    ],
  ];
  for (const [path, value, where] of twice) {
    const answer = await server().tryCreate(put(fullSpec, path, value));
    const causes = answer.type === "refused" ? answer.causes : [];
    const isTold = causes.some(
      (cause) => cause.field.endsWith(where) && cause.message.startsWith("Duplicate value"),
    );
    assert.ok(isTold, `${where}: ${JSON.stringify(answer)}`);
  }
});

const at = (path: readonly string[]): readonly Json[] => {
  const value = path.reduce<unknown>((inner, step) => Reflect.get(Object(inner), step), fullSpec);
  return Array.isArray(value) ? value : [];
};

test("a name that pods and Services could not bear is refused", async () => {
  const says = "metadata.name must be at most 52 lower-case letters";
  for (const name of ["a".repeat(53), "a.b", "1st"]) {
    assertRefused(await server().tryCreate({}, name), { field: "<nil>", says });
  }
  assertRefused(await server().tryCreate({}, "store-peers"), {
    field: "<nil>",
    says: "metadata.name must not end in -peers",
  });
  for (const name of ["a".repeat(52), "a", "peers", "store-1"]) {
    assert.equal((await server().tryCreate({}, name)).type, "accepted", name);
  }
});

test("a volume grows and never shrinks", async () => {
  const created = await server().create({ paused: true, storage: { size: "1Gi" } }, "grown");
  assert.equal(created.type, "accepted", JSON.stringify(created));
  const resize = (size: string): JsonObject => ({ spec: { storage: { size } } });
  for (const size of ["1024Mi", "1Gi", "1.5Gi"]) {
    assert.equal((await server().tryPatch("grown", resize(size))).type, "accepted", size);
  }
  assert.equal((await server().patch("grown", resize("2Gi"))).type, "accepted");
  for (const size of ["1Gi", "2047Mi", "2G"]) {
    assertRefused(await server().tryPatch("grown", resize(size)), {
      field: "spec.storage.size",
      says: "a volume cannot shrink",
    });
  }
});

test("what is immutable can be neither set, nor changed, nor taken away later", async () => {
  const given = { storage: { storageClassName: "fast" }, encryption: { secretName: "ring" } };
  await server().create({ paused: true, ...given }, "with");
  await server().create({ paused: true }, "without");
  const changes: readonly (readonly [string, string, string | null])[] = [
    ["with", "slow", "other"],
    ["with", "", null],
    ["without", "fast", "ring"],
  ];
  for (const [name, storageClassName, secretName] of changes) {
    const moved = { spec: { storage: { storageClassName: storageClassName || null } } };
    assertRefused(await server().tryPatch(name, moved), {
      field: "spec.storage",
      says: "storageClassName is immutable",
    });
    assertRefused(await server().tryPatch(name, { spec: { encryption: { secretName } } }), {
      field: "spec.encryption",
      says: "secretName is immutable",
    });
  }
  const unchanged = await server().tryPatch("with", { spec: { ...given, replicas: 5 } });
  assert.equal(unchanged.type, "accepted", JSON.stringify(unchanged));
});

/** Every rule of a schema, with the path that the API server gives its refusals. */
function* rulesIn(schema: Json | undefined, path: string): Iterable<Told> {
  if (!isJsonObject(schema)) return;
  const rules = schema["x-kubernetes-validations"];
  for (const rule of Array.isArray(rules) ? rules : []) {
    yield {
      path: path === "" ? "<nil>" : path,
      message: isJsonObject(rule) ? `${rule["message"]}` : "",
    };
  }
  const properties = schema["properties"];
  for (const [name, inner] of Object.entries(isJsonObject(properties) ? properties : {})) {
    yield* rulesIn(inner, path === "" ? name : `${path}.${name}`);
  }
  yield* rulesIn(schema["items"], `${path}[]`);
  yield* rulesIn(schema["additionalProperties"], `${path}.*`);
}

test("each rule of the CRD was broken by a case above", () => {
  const rules = [...rulesIn(rootStructure, "")];
  assert.ok(rules.length >= 40, `${rules.length} rules`);
  const isTold = ({ path, message }: Told): boolean =>
    told.some((refusal) => refusal.path === path && refusal.message.endsWith(`: ${message}`));
  assert.deepEqual(
    rules.filter((rule) => !isTold(rule)),
    [],
  );
});
