import assert from "node:assert/strict";
import { test } from "node:test";
import { configAnnotation } from "../names.ts";
import { childOf, container, inputsWith, templateField } from "./desired.test-kit.ts";
import { valueAt } from "./json.ts";
import { shutdownGraceMs } from "./node-config.ts";

const names = (list: unknown): unknown[] => (list as { name: string }[]).map(({ name }) => name);
const env = (spec: object): Record<string, unknown> =>
  Object.fromEntries(
    (container(inputsWith(spec))["env"] as { name: string; value?: string }[]).map(
      ({ name, value }) => [name, value],
    ),
  );

test("pods start in parallel, are restarted by the planner alone, and claims stay", () => {
  const set = childOf(inputsWith({}, { replicas: 4 }), "StatefulSet/store");
  assert.equal(valueAt(set, "spec", "replicas"), 4);
  assert.equal(valueAt(set, "spec", "serviceName"), "store-peers");
  assert.equal(valueAt(set, "spec", "podManagementPolicy"), "Parallel");
  assert.deepEqual(valueAt(set, "spec", "updateStrategy"), { type: "OnDelete" });
  assert.deepEqual(valueAt(set, "spec", "persistentVolumeClaimRetentionPolicy"), {
    whenDeleted: "Retain",
    whenScaled: "Retain",
  });
});

test("claims have the size and class of the spec, and no class when it names none", () => {
  const claim = (storage: object): unknown => {
    const list = valueAt(
      childOf(inputsWith({ storage }), "StatefulSet/store"),
      "spec",
      "volumeClaimTemplates",
    );
    return (list as unknown[])[0];
  };
  assert.deepEqual(valueAt(claim({ size: "5Gi" }), "spec"), {
    accessModes: ["ReadWriteOnce"],
    volumeMode: "Filesystem",
    resources: { requests: { storage: "5Gi" } },
  });
  assert.equal(valueAt(claim({ storageClassName: "fast" }), "spec", "storageClassName"), "fast");
});

test("a node learns its name and addresses from its pod", () => {
  assert.deepEqual(env({}), {
    KVCLUSTER_NAME: undefined,
    KVCLUSTER_CONFIG: "/etc/kvcluster/config/node.yaml",
    KVCLUSTER_ADVERTISE_PEER_ADDRESS: "$(KVCLUSTER_NAME).store-peers.shop.svc:5100",
    KVCLUSTER_ADVERTISE_CLIENT_ADDRESS: "http://$(KVCLUSTER_NAME).store-peers.shop.svc:5000",
  });
  const [first] = container(inputsWith())["env"] as unknown[];
  assert.equal(valueAt(first, "valueFrom", "fieldRef", "fieldPath"), "metadata.name");
});

test("half of the memory limit is V8's heap, at least 64 MiB; without a limit V8 chooses", () => {
  const heap = (memory: string): unknown =>
    env({ resources: { limits: { memory } } })["NODE_OPTIONS"];
  assert.equal(heap("1Gi"), "--max-old-space-size=512");
  assert.equal(heap("1G"), "--max-old-space-size=476");
  assert.equal(heap("100Mi"), "--max-old-space-size=64");
  assert.equal("NODE_OPTIONS" in env({ resources: { limits: { cpu: "1" } } }), false);
});

test("probes ask the real routes on the metrics port", () => {
  const node = container(inputsWith());
  const routes = ["startupProbe", "livenessProbe", "readinessProbe"].map((probe) => [
    valueAt(node, probe, "httpGet", "path"),
    valueAt(node, probe, "httpGet", "port"),
  ]);
  assert.deepEqual(routes, [
    ["/startupz", "metrics"],
    ["/livez", "metrics"],
    ["/readyz", "metrics"],
  ]);
});

test("the grace holds the hook, the drain and what is in flight, with room", () => {
  const graceMs =
    Number(templateField(inputsWith(), "spec", "terminationGracePeriodSeconds")) * 1000;
  const hookMsMax = 8000;
  assert.ok(graceMs >= 2 * (hookMsMax + shutdownGraceMs));
  assert.deepEqual(valueAt(container(inputsWith()), "lifecycle", "preStop", "exec", "command"), [
    "node",
    "/app/node/dist/pre-stop.js",
  ]);
});

test("a pod runs as nobody special, writes only to its volume, and has no token", () => {
  const spec = templateField(inputsWith(), "spec");
  assert.equal(valueAt(spec, "automountServiceAccountToken"), false);
  assert.equal(valueAt(spec, "enableServiceLinks"), false);
  assert.deepEqual(valueAt(spec, "securityContext"), {
    runAsNonRoot: true,
    runAsUser: 10_001,
    runAsGroup: 10_001,
    fsGroup: 10_001,
    fsGroupChangePolicy: "OnRootMismatch",
    seccompProfile: { type: "RuntimeDefault" },
  });
  assert.deepEqual(container(inputsWith())["securityContext"], {
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ["ALL"] },
  });
  const mounts = container(inputsWith())["volumeMounts"] as { name: string; readOnly?: true }[];
  const writable = mounts.filter(({ readOnly }) => readOnly !== true);
  assert.deepEqual(names(writable), ["data"]);
});

test("secrets are mounted one key each, readable by the node alone", () => {
  const volumes = templateField(inputsWith(), "spec", "volumes") as unknown[];
  const secrets = volumes.flatMap((volume) => valueAt(volume, "secret") ?? []);
  assert.deepEqual(secrets, [
    {
      secretName: "store-auth",
      defaultMode: 0o400,
      items: [{ key: "jwt-secret", path: "jwt-secret" }],
    },
    {
      secretName: "store-keyring",
      defaultMode: 0o400,
      items: [{ key: "key-ring.json", path: "key-ring.json" }],
    },
    {
      secretName: "store-peer",
      defaultMode: 0o400,
      items: [{ key: "peer-secret", path: "peer-secret" }],
    },
  ]);
  const own = inputsWith({ encryption: { secretName: "mine" } });
  const ring = (templateField(own, "spec", "volumes") as { name: string }[]).find(
    ({ name }) => name === "keyring",
  );
  assert.equal(valueAt(ring, "secret", "secretName"), "mine");
});

test("everything that is mounted is a volume of the pod or its claim", () => {
  const issuers = [
    {
      name: "login",
      issuer: "https://login.example",
      audiences: ["kv"],
      jwks: { configMapKeyRef: { name: "keys", key: "set" } },
    },
  ];
  const inputs = inputsWith({ auth: { issuers } });
  const mounted = names(container(inputs)["volumeMounts"]);
  const volumes = names(templateField(inputs, "spec", "volumes"));
  assert.deepEqual(mounted.toSorted(), [...volumes, "data"].toSorted());
  const projected = (templateField(inputs, "spec", "volumes") as { name: string }[]).find(
    ({ name }) => name === "issuers",
  );
  assert.deepEqual(valueAt(projected, "projected", "sources"), [
    { configMap: { name: "keys", items: [{ key: "set", path: "login.json" }], optional: true } },
  ]);
});

test("a setting of node.yaml rolls the pods, a policy or a key of the API server does not", () => {
  const template = (spec: object, jwks = "{}"): unknown =>
    templateField(inputsWith(spec, { issuer: { type: "known", issuer: "https://api", jwks } }));
  const annotation = (spec: object): unknown =>
    valueAt(template(spec), "metadata", "annotations", configAnnotation);
  assert.notEqual(annotation({ logLevel: "debug" }), annotation({}));
  const grants = [{ prefix: "a/", verbs: ["read"] }];
  const policies = [{ name: "a", namespaces: ["shop"], grants }];
  assert.deepEqual(template({ auth: { policies } }), template({}));
  assert.deepEqual(template({}, '{"keys":[1]}'), template({}));
});

test("pods stand apart where they can, and nothing keeps them from one machine", () => {
  const spec = templateField(inputsWith(), "spec");
  const constraints = valueAt(spec, "topologySpreadConstraints") as Record<string, unknown>[];
  assert.deepEqual(
    constraints.map(({ topologyKey, whenUnsatisfiable }) => [topologyKey, whenUnsatisfiable]),
    [
      ["kubernetes.io/hostname", "ScheduleAnyway"],
      ["topology.kubernetes.io/zone", "ScheduleAnyway"],
    ],
  );
  const antiAffinity = valueAt(spec, "affinity", "podAntiAffinity") as object;
  assert.deepEqual(Object.keys(antiAffinity), ["preferredDuringSchedulingIgnoredDuringExecution"]);
});

test("spec.podTemplate is laid over the template and takes no label of the selector away", () => {
  const podTemplate = {
    labels: { team: "a", "app.kubernetes.io/instance": "stolen" },
    annotations: { note: "x" },
    nodeSelector: { disk: "ssd" },
    affinity: { nodeAffinity: {} },
    tolerations: [{ operator: "Exists" }],
    topologySpreadConstraints: [],
    priorityClassName: "high",
    imagePullSecrets: [{ name: "registry" }],
  };
  const inputs = inputsWith({ podTemplate });
  const { labels, annotations, ...fields } = podTemplate;
  const spec = templateField(inputs, "spec") as Record<string, unknown>;
  for (const [field, value] of Object.entries(fields)) assert.deepEqual(spec[field], value, field);
  assert.equal(templateField(inputs, "metadata", "labels", "team"), labels.team);
  assert.equal(templateField(inputs, "metadata", "labels", "app.kubernetes.io/instance"), "store");
  assert.equal(templateField(inputs, "metadata", "annotations", "note"), annotations.note);
});
