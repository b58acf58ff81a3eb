import assert from "node:assert/strict";
import { test } from "node:test";
import type { KubeObject } from "../observed.ts";
import { additionsTo } from "./additions.ts";
import { differsFrom } from "./difference.ts";
import { withIntent } from "./intent.ts";

const thing = (spec: object, others: object = {}): KubeObject => ({
  apiVersion: "v1",
  kind: "Thing",
  metadata: { name: "store", namespace: "shop", ...others },
  spec,
});
const compare = (intent: object, live: object): string | null =>
  differsFrom(thing(intent), thing(live));

test("what the API server and others added is no difference", () => {
  const live = thing(
    {
      type: "ClusterIP",
      clusterIP: "10.0.0.7",
      ports: [{ port: 1, protocol: "TCP", nodePort: 2 }],
    },
    { uid: "u", labels: { a: "1", b: "2" } },
  );
  const intent = thing(
    { type: "ClusterIP", ports: [{ port: 1, protocol: "TCP" }] },
    { labels: { a: "1" } },
  );
  assert.equal(differsFrom(intent, live), null);
});

test("a field that differs or is absent is told with its path and both values", () => {
  assert.equal(compare({ type: "A" }, { type: "B" }), 'spec.type is "B", wanted "A"');
  assert.equal(compare({ replicas: 0 }, {}), "spec.replicas is absent, wanted 0");
  assert.equal(compare({ automount: false }, {}), "spec.automount is absent, wanted false");
  assert.equal(
    compare({ selector: { "a/b.c": "1" } }, { selector: {} }),
    'spec.selector["a/b.c"] is absent, wanted "1"',
  );
  const message = compare({ text: "x".repeat(500) }, { text: "y".repeat(500) });
  assert.ok((message ?? "").length < 160, message ?? "");
});

test("lists that are maps are compared by keys, in any order, and may have more items", () => {
  const cases = [
    [
      { containers: [{ name: "b", image: "2" }] },
      { containers: [{ name: "a" }, { name: "b", image: "2" }] },
    ],
    [
      {
        env: [
          { name: "A", value: "1" },
          { name: "B", value: "2" },
        ],
      },
      {
        env: [
          { name: "B", value: "2" },
          { name: "A", value: "1" },
        ],
      },
    ],
    [
      { volumeMounts: [{ mountPath: "/a", name: "v" }] },
      {
        volumeMounts: [
          { mountPath: "/b", name: "v" },
          { mountPath: "/a", name: "v" },
        ],
      },
    ],
    [
      { ports: [{ containerPort: 1, protocol: "TCP" }] },
      {
        ports: [
          { containerPort: 1, protocol: "UDP" },
          { containerPort: 1, protocol: "TCP" },
        ],
      },
    ],
  ] as const;
  for (const [intent, live] of cases) assert.equal(compare(intent, live), null);
  assert.equal(
    compare(
      { containers: [{ name: "a", image: "1" }] },
      { containers: [{ name: "a", image: "2" }] },
    ),
    'spec.containers[name=a].image is "2", wanted "1"',
  );
  assert.match(
    compare({ env: [{ name: "A", value: "1" }] }, { env: [] }) ?? "",
    /^spec\.env\[name=A\] is absent/,
  );
});

test("other lists are taken whole: one item more, less or elsewhere is a difference", () => {
  const peers = [{ podSelector: {} }, { ipBlock: { cidr: "10.0.0.0/8" } }];
  assert.equal(compare({ from: peers }, { from: structuredClone(peers) }), null);
  assert.equal(
    compare({ from: peers }, { from: peers.slice(1) }),
    "spec.from has 1 items, wanted 2",
  );
  assert.notEqual(compare({ from: peers }, { from: peers.toReversed() }), null);
  assert.notEqual(compare({ command: ["a", "b"] }, { command: ["b", "a"] }), null);
});

test("a rule that somebody widened or narrowed inside such a list is found", () => {
  const intent = {
    ingress: [{ ports: [{ port: 1, protocol: "TCP" }], from: [{ podSelector: {} }] }],
  };
  const widened = structuredClone(intent);
  Object.assign(widened.ingress[0] ?? {}, { from: [{ podSelector: {}, namespaceSelector: {} }] });
  assert.match(compare(intent, widened) ?? "", /namespaceSelector is \{\}, wanted absent/);
  const open = { ingress: [{ ports: [{ port: 1, protocol: "TCP" }] }] };
  assert.match(compare(intent, open) ?? "", /^spec\.ingress\[0\]\.from is absent/);
  assert.match(compare(open, intent) ?? "", /^spec\.ingress\[0\]\.from is .*, wanted absent$/);
  const narrowed = structuredClone(intent);
  Object.assign(narrowed.ingress[0] ?? {}, { from: [{}] });
  assert.match(compare(intent, narrowed) ?? "", /podSelector is absent, wanted \{\}/);
});

test("amounts are compared as amounts, and only amounts", () => {
  const resources = (memory: string, cpu: string): object => ({
    resources: { limits: { memory, cpu }, requests: { storage: memory } },
  });
  assert.equal(compare(resources("1Gi", "0.5"), resources("1024Mi", "500m")), null);
  assert.equal(
    compare(resources("1Gi", "1"), resources("2Gi", "1")),
    'spec.resources.limits.memory is "2Gi", wanted "1Gi"',
  );
  assert.notEqual(compare({ value: "1Gi" }, { value: "1024Mi" }), null);
});

test("what the API server drops because it is empty is no difference, zero and false are", () => {
  assert.equal(compare({ from: [], labels: {}, storageClassName: "" }, {}), null);
  assert.notEqual(compare({ maxUnavailable: 0 }, { minAvailable: 1 }), null);
  assert.notEqual(compare({ emptyDir: {} }, {}), null);
});

test("a field that was taken out of the intent is noticed by its hash", () => {
  const before = withIntent(thing({ type: "ClusterIP" }, { labels: { team: "a" } }));
  const now = withIntent(thing({ type: "ClusterIP" }));
  assert.equal(differsFrom(now, structuredClone(now)), null);
  assert.equal(differsFrom(now, before), "fields were taken out of what is wanted");
  assert.equal(differsFrom(before, now), 'metadata.labels is absent, wanted {"team":"a"}');
});

test("defaults inside the lists of foreign kinds are let be", () => {
  const monitor = (endpoint: object): KubeObject => ({
    ...thing({ endpoints: [endpoint] }),
    apiVersion: "monitoring.coreos.com/v1",
    kind: "ServiceMonitor",
  });
  assert.equal(differsFrom(monitor({ port: "m" }), monitor({ port: "m", scheme: "http" })), null);
  assert.notEqual(differsFrom(monitor({ port: "m" }), monitor({ port: "n" })), null);
});

test("a selector with one label more and a Service with one port more are differences", () => {
  const port = { name: "http", port: 5000, protocol: "TCP" };
  const service = { ...thing({ ports: [port], selector: { app: "a" } }), kind: "Service" };
  const withSpec = (spec: object): KubeObject => ({ ...service, spec });
  assert.equal(differsFrom(service, withSpec({ ports: [port], selector: { app: "a" } })), null);
  assert.equal(
    differsFrom(service, withSpec({ ports: [port], selector: { app: "a", also: "b" } })),
    "spec.selector has more than is wanted",
  );
  const ports = [port, { ...port, name: "other", port: 80 }];
  const added = withSpec({ ports, selector: { app: "a" } });
  assert.equal(differsFrom(service, added), "spec.ports has more than is wanted");
  assert.deepEqual(additionsTo(service, added)?.patch, { spec: { ports: [port] } });
});

test("a budget whose selector somebody narrowed is a difference", () => {
  const labels = { matchLabels: { app: "a" } };
  const budget = { ...thing({ selector: labels }), kind: "PodDisruptionBudget" };
  const matchExpressions = [{ key: "x", operator: "Exists" }];
  const narrowed = { ...budget, spec: { selector: { ...labels, matchExpressions } } };
  assert.notEqual(differsFrom(budget, narrowed), null);
  assert.deepEqual(additionsTo(budget, narrowed)?.patch, {
    spec: { selector: { matchExpressions: null } },
  });
});
