/** Scaling under write load: no acknowledged write is lost, whatever the number of members. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setStage } from "./stage.test-kit.ts";
import type { Store } from "./store.test-kit.ts";
import { underLoad } from "./under-load.test-kit.ts";
import { becomes, NotYet, timed } from "./waiting.test-kit.ts";

let store: Store;
const stage = setStage("scale", {
  prepare: async (it) => {
    store = it.store("kv");
    await store.create();
    await store.settles();
  },
});

async function claimNames(): Promise<readonly string[]> {
  const claims = await store.claims();
  return claims.map(({ metadata }) => metadata.name).sort();
}

/** Write pauses of a scale: none but a hand-over of leadership. */
const GAP_MS_MAX = 1_500;

test("3 → 5 → 3 members under load loses nothing", { timeout: 480_000 }, async (t) => {
  const { clusterId } = await store.status();
  const seconds: Record<string, number> = {};
  const { window, elections, figures } = await underLoad(stage(), store, {
    act: async () => {
      for (const replicas of [5, 3]) {
        await store.scale(replicas);
        const { seconds: took } = await timed(() => store.settles());
        seconds[`time to ${replicas} members s`] = took;
      }
    },
  });
  stage().measure(t, { ...figures, ...seconds });
  assert.ok(elections <= 1, `${elections} elections`);
  assert.ok(window.longestGapMs < GAP_MS_MAX, `gaps: ${window.gaps.join(", ")} ms`);
  assert.equal((await store.status()).clusterId, clusterId);
  assert.deepEqual(await claimNames(), ["data-kv-0", "data-kv-1", "data-kv-2"]);
});

test("the events tell the story of the scale-up", { timeout: 60_000 }, async () => {
  const { name, namespace } = store;
  const described = await stage().kube.kubectl(["-n", namespace, "describe", "kvc", name]);
  const notes = (await store.events()).map(({ reason, note }) => `${reason}: ${note}`);
  for (const pod of ["kv-3", "kv-4"]) {
    assert.ok(
      notes.some((note) => note.includes(pod)),
      `nothing of ${pod}:\n${notes.join("\n")}`,
    );
    assert.match(described, new RegExp(pod));
  }
});

test("kubectl scale of the StatefulSet by a stranger is put back", {
  timeout: 180_000,
}, async (t) => {
  const before = await store.uids();
  const path = `/apis/apps/v1/namespaces/${store.namespace}/statefulsets/${store.name}`;
  const { figures, elections } = await underLoad(stage(), store, {
    act: async () => {
      for (const replicas of ["4", "2"]) {
        const flags = ["scale", "statefulset", store.name, `--replicas=${replicas}`];
        await stage().kube.kubectl(["-n", store.namespace, ...flags]);
        await becomes(
          `StatefulSet of ${replicas} has 3 replicas again`,
          async () => {
            const set = await stage().kube.get<{ spec: { replicas: number } }>(path);
            return set.spec.replicas === 3 || new NotYet(`${set.spec.replicas} replicas`);
          },
          { withinMs: 60_000 },
        );
      }
      await store.settles();
    },
  });
  stage().measure(t, figures);
  assert.ok(elections <= 1, `${elections} elections`);
  const after = await store.uids();
  for (const pod of ["kv-0", "kv-1"]) assert.equal(after.get(pod), before.get(pod), pod);
  assert.equal((await store.status()).members?.length, 3);
});

test("an even number of members is warned about", { timeout: 180_000 }, async () => {
  await store.scale(4);
  await store.settles();
  const warnings = (await store.events()).filter(({ type }) => type === "Warning");
  assert.ok(
    warnings.some(({ note }) => /even|odd/i.test(note)),
    warnings.map(({ reason, note }) => `${reason}: ${note}`).join("\n"),
  );
  await store.scale(3);
  await store.settles();
  assert.deepEqual(await claimNames(), ["data-kv-0", "data-kv-1", "data-kv-2"]);
});

test("scaled to 0 and back it has all its data", { timeout: 300_000 }, async (t) => {
  const { clusterId } = await store.status();
  const shell = await stage().startShell(store, "asks");
  assert.equal((await shell.curl("-X PUT -d kept", "/v1/kv/load/kept")).status, 201);
  await store.scale(0);
  await becomes(
    "no pod is left",
    async () => {
      const pods = await store.pods();
      return pods.length === 0 || new NotYet(`${pods.length} pods`);
    },
    { withinMs: 120_000 },
  );
  await store.settles();
  assert.equal((await store.claims()).length, 3);
  await store.scale(3);
  const { seconds } = await timed(() => store.settles());
  stage().measure(t, { "time to ready s": seconds });
  assert.equal((await store.status()).clusterId, clusterId);
  const answer = await shell.curlAnswered("/v1/kv/load/kept");
  assert.deepEqual([answer.status, answer.body], [200, "kept"]);
});
