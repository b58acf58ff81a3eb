/** Children that a hand changed or deleted are put right; a settled cluster is left alone. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { KubeItem } from "./kube.test-kit.ts";
import { STARVED_MS } from "./load.test-kit.ts";
import { setStage } from "./stage.test-kit.ts";
import type { Store } from "./store.test-kit.ts";
import { underLoad } from "./under-load.test-kit.ts";
import { becomes, NotYet, timed } from "./waiting.test-kit.ts";

let store: Store;
const stage = setStage("repair", {
  prepare: async (it) => {
    store = it.store("kv");
    await store.create();
    await store.settles();
  },
});

const REPAIR_MS = 60_000;
const at = (group: string, resource: string, name: string): string =>
  `${group}/namespaces/${store.namespace}/${resource}/${name}`;

/** Path of each kind of child and what a careless hand changes in it. */
function children(): readonly { readonly path: string; readonly edit: object }[] {
  const label = { metadata: { labels: { "kvcluster.io/cluster": "other" } } };
  const selector = { spec: { selector: { "app.kubernetes.io/instance": "other" } } };
  const spec = (change: object): object => ({ spec: change });
  return [
    { path: at("/api/v1", "services", "kv"), edit: selector },
    { path: at("/api/v1", "services", "kv-peers"), edit: label },
    { path: at("/api/v1", "configmaps", "kv-config"), edit: { data: { "node.yaml": "x: 1" } } },
    { path: at("/api/v1", "configmaps", "kv-access"), edit: { data: { "policies.yaml": "{}" } } },
    {
      path: at("/apis/policy/v1", "poddisruptionbudgets", "kv"),
      edit: spec({ maxUnavailable: 3 }),
    },
    {
      path: at("/apis/networking.k8s.io/v1", "networkpolicies", "kv"),
      edit: spec({ ingress: [{}] }),
    },
    { path: at("/api/v1", "serviceaccounts", "kv"), edit: { automountServiceAccountToken: true } },
  ];
}

/** What of an object a person would compare: not what the API server keeps in it. */
function essence(item: KubeItem): string {
  const { metadata, ...rest } = item;
  const { labels, annotations, ownerReferences } = metadata;
  const { status: _, ...body } = { status: null, ...rest };
  return JSON.stringify({ labels, annotations, ownerReferences, ...withoutAddresses(body) });
}

/** A Service that is made anew has another address. */
function withoutAddresses(body: object): object {
  return JSON.parse(
    JSON.stringify(body, (key, value) =>
      ["clusterIP", "clusterIPs", "healthCheckNodePort", "secrets"].includes(key) ? null : value,
    ),
  );
}

async function comesBack(path: string, wanted: string, uid: string | null): Promise<void> {
  await becomes(
    `${path} is as it was`,
    async () => {
      const item = await stage().kube.find(path);
      if (item === null) return new NotYet("it is not there");
      if (uid !== null && item.metadata.uid === uid) return new NotYet("it was not deleted yet");
      const is = essence(item);
      return is === wanted || new NotYet(`${is}\nwanted ${wanted}`);
    },
    { withinMs: REPAIR_MS },
  );
}

test("hand-edited children are put right", { timeout: 300_000 }, async (t) => {
  const uids = await store.uids();
  const seconds: number[] = [];
  for (const { path, edit } of children()) {
    const wanted = essence(await stage().kube.get(path));
    await stage().kube.patch(path, edit);
    seconds.push((await timed(() => comesBack(path, wanted, null))).seconds);
  }
  stage().measure(t, { children: seconds.length, "slowest repair s": Math.max(...seconds) });
  await store.settles();
  assert.deepEqual(await store.uids(), uids, "no pod was restarted");
});

test("deleted children are made again while clients write", { timeout: 300_000 }, async (t) => {
  const uids = await store.uids();
  const seconds: number[] = [];
  const { elections, figures } = await underLoad(stage(), store, {
    act: async () => {
      for (const { path } of children()) {
        // Whoever deletes the client Service cuts the clients off, by his own hand.
        if (path.endsWith("/services/kv")) continue;
        const item = await stage().kube.get(path);
        await stage().kube.text(path, { method: "DELETE" });
        const back = comesBack(path, essence(item), item.metadata.uid);
        seconds.push((await timed(() => back)).seconds);
      }
      await store.settles();
    },
  });
  stage().measure(t, { ...figures, "slowest repair s": Math.max(...seconds) });
  assert.equal(elections, 0);
  assert.deepEqual(await store.uids(), uids, "no pod was restarted");
});

test("the StatefulSet deleted without its pods is adopted again", {
  timeout: 180_000,
}, async (t) => {
  const uids = await store.uids();
  const { elections, window, figures } = await underLoad(stage(), store, {
    act: async () => {
      const orphan = ["delete", "statefulset", store.name, "--cascade=orphan"];
      await stage().kube.kubectl(["-n", store.namespace, ...orphan]);
      const path = at("/apis/apps/v1", "statefulsets", store.name);
      await becomes(
        "a StatefulSet owns the pods",
        async () => {
          const set = await stage().kube.find(path);
          if (set === null) return new NotYet("no StatefulSet");
          const owners = (await store.pods()).map(
            ({ metadata }) => metadata.ownerReferences?.[0]?.uid ?? "nobody",
          );
          const areOurs = owners.every((uid) => uid === set.metadata.uid);
          return areOurs || new NotYet(`owners ${owners.join(", ")}`);
        },
        { withinMs: REPAIR_MS },
      );
      await store.settles();
    },
  });
  stage().measure(t, figures);
  assert.deepEqual(await store.uids(), uids, "no pod was restarted");
  assert.equal(elections, 0);
  assert.ok(window.longestGapMs < STARVED_MS, `gaps: ${window.gaps.join(", ")} ms`);
});

test("a generated Secret that was deleted is made again, and the pods go on", {
  timeout: 300_000,
}, async () => {
  const path = at("/api/v1", "secrets", "kv-peer");
  const { metadata } = await stage().kube.get(path);
  await stage().kube.text(path, { method: "DELETE" });
  await becomes(
    "the Secret is there",
    async () => {
      const found = await stage().kube.find(path);
      return (found !== null && found.metadata.uid !== metadata.uid) || new NotYet("no Secret");
    },
    { withinMs: REPAIR_MS },
  );
});
