/** A settled cluster costs the API server nothing; a deleted one keeps what its retention says. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { pause } from "../../cluster/polling.test-kit.ts";
import { setStage } from "./stage.test-kit.ts";
import type { Store } from "./store.test-kit.ts";
import { becomes, NotYet, timed } from "./waiting.test-kit.ts";

let store: Store;
const stage = setStage("settled", {
  prepare: async (it) => {
    store = it.store("kv");
    await store.create();
    await store.settles();
  },
});

const MINUTE_MS = 60_000;
const WRITES = /^(POST|PUT|PATCH|APPLY|DELETE|DELETECOLLECTION)$/i;

/** Writes that the operator asked of the API server, but its lease; by its own count. */
async function operatorWrites(): Promise<ReadonlyMap<string, number>> {
  const counts = new Map<string, number>();
  for (const page of await stage().operator.metrics()) {
    for (const line of page.split("\n")) {
      const [, labels = "", value] =
        /^kvcluster_operator_kube_requests_total{(.*)} (\S+)$/.exec(line) ?? [];
      const verb = /(?:verb|method)="([^"]*)"/.exec(labels)?.[1] ?? "";
      if (value === undefined || !WRITES.test(verb) || /leases/.test(labels)) continue;
      counts.set(labels, (counts.get(labels) ?? 0) + Number(value));
    }
  }
  return counts;
}

const KINDS = [
  "/api/v1 configmaps services serviceaccounts persistentvolumeclaims secrets pods",
  "/apis/apps/v1 statefulsets",
  "/apis/policy/v1 poddisruptionbudgets",
  "/apis/networking.k8s.io/v1 networkpolicies",
  "/apis/events.k8s.io/v1 events",
  "/apis/kvcluster.io/v1alpha1 kvclusters",
];

/** Path → resourceVersion of everything in the namespace. */
async function versions(): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>();
  for (const [group, ...resources] of KINDS.map((line) => line.split(" "))) {
    for (const resource of resources) {
      const path = `${group}/namespaces/${store.namespace}/${resource}`;
      for (const { metadata } of await stage().kube.list(path)) {
        found.set(`${resource}/${metadata.name}`, metadata.resourceVersion);
      }
    }
  }
  return found;
}

test("for a minute nothing is written", { timeout: 300_000 }, async (t) => {
  await store.settles();
  // What the kubelet and the StatefulSet's controller still had to say has been said.
  await becomes(
    "nothing changes any more",
    async () => {
      const [before] = [await versions(), await pause(10_000)];
      const changed = differences(before, await versions());
      return changed.length === 0 || new NotYet(changed.join(", "));
    },
    { withinMs: 120_000 },
  );
  const [seen, asked] = [await versions(), await operatorWrites()];
  await pause(MINUTE_MS);
  const changed = differences(seen, await versions());
  const writes = [...(await operatorWrites())].flatMap(([labels, count]) => {
    const more = count - (asked.get(labels) ?? 0);
    return more === 0 ? [] : [`${labels}: ${more}`];
  });
  stage().measure(t, { "objects changed": changed.length, "writes asked": writes.length });
  assert.deepEqual(changed, []);
  assert.deepEqual(writes, []);
  assert.ok(asked.size > 0, "the operator counts no writes at all: the measure is blind");
});

function differences(
  before: ReadonlyMap<string, string>,
  after: ReadonlyMap<string, string>,
): readonly string[] {
  const names = new Set([...before.keys(), ...after.keys()]);
  return [...names].filter((name) => before.get(name) !== after.get(name));
}

test("deleted under Retain and made again, it serves its data", { timeout: 360_000 }, async (t) => {
  const { clusterId } = await store.status();
  const shell = await stage().startShell(store, "asks");
  assert.equal((await shell.curl("-X PUT -d kept", "/v1/kv/load/kept")).status, 201);
  await store.delete();
  await everythingGoes();
  const claims = (await store.claims()).map(({ metadata }) => metadata.name);
  assert.deepEqual(claims.sort(), ["data-kv-0", "data-kv-1", "data-kv-2"]);
  assert.deepEqual(await secretsLeft(), ["kv-auth", "kv-keyring", "kv-peer"]);
  await store.create();
  const { seconds } = await timed(() => store.settles());
  stage().measure(t, { "time to ready again s": seconds });
  assert.equal((await store.status()).clusterId, clusterId);
  const answer = await shell.curlAnswered("/v1/kv/load/kept");
  assert.deepEqual([answer.status, answer.body], [200, "kept"]);
});

test("deleted under Delete, nothing of it is left", { timeout: 360_000 }, async () => {
  const retention = { whenDeleted: "Delete", whenScaled: "Delete" };
  await store.change({ storage: { size: "512Mi", retention } });
  await becomes(
    "claims and Secrets are owned by the KVCluster",
    async () => {
      const secrets = `/api/v1/namespaces/${store.namespace}/secrets`;
      const ours = (await stage().kube.list(secrets)).filter(({ metadata }) =>
        metadata.name.startsWith("kv-"),
      );
      const loose = [...(await store.claims()), ...ours].filter(
        ({ metadata }) => (metadata.ownerReferences ?? []).length === 0,
      );
      return loose.length === 0 || new NotYet(loose.map(({ metadata }) => metadata.name).join());
    },
    { withinMs: 60_000 },
  );
  await store.delete();
  await everythingGoes();
  await becomes(
    "no claim and no Secret is left",
    async () => {
      const left = [...(await store.claims()).map(({ metadata }) => metadata.name)];
      left.push(...(await secretsLeft()));
      return left.length === 0 || new NotYet(left.join(", "));
    },
    { withinMs: 90_000 },
  );
});

async function secretsLeft(): Promise<readonly string[]> {
  const all = await stage().kube.list(`/api/v1/namespaces/${store.namespace}/secrets`);
  return all
    .map(({ metadata }) => metadata.name)
    .filter((name) => name.startsWith("kv-"))
    .sort();
}

/** Pods, Services and the rest go with the resource. */
async function everythingGoes(): Promise<void> {
  await becomes(
    "the children are gone",
    async () => {
      const kept = /^(persistentvolumeclaims|secrets|events)\//;
      const ours = /\/kv(-|$)/;
      const left = [...(await versions()).keys()].filter(
        (name) => !kept.test(name) && ours.test(name),
      );
      return left.length === 0 || new NotYet(left.join(", "));
    },
    { withinMs: 120_000 },
  );
}
