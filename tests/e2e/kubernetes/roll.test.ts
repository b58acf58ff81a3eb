/** Rolling updates: quorum-aware, the leader last; the operator's own upgrade restarts nothing. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { STARVED_MS } from "./load.test-kit.ts";
import { setStage } from "./stage.test-kit.ts";
import type { Store } from "./store.test-kit.ts";
import { underLoad } from "./under-load.test-kit.ts";
import { becomes, NotYet } from "./waiting.test-kit.ts";

let store: Store;
const stage = setStage("roll", {
  prepare: async (it) => {
    store = it.store("kv");
    await store.create();
    await store.settles();
  },
});

/** The issue's own figure: of three nodes rolled under load, in total. */
const UNAVAILABLE_MS_MAX = 2_000;

test("a roll of three under load: at most one election, below 2 s without writes", {
  timeout: 480_000,
}, async (t) => {
  const pods = await store.uids();
  const { window, elections, figures } = await underLoad(stage(), store, {
    act: async () => {
      await store.change({ podTemplate: { annotations: { "e2e/restarted": "once" } } });
      await store.areMadeAnew(pods);
      await store.settles();
    },
  });
  stage().measure(t, figures);
  assert.ok(elections <= 1, `${elections} elections`);
  assert.ok(window.unavailableMs < UNAVAILABLE_MS_MAX, `gaps: ${window.gaps.join(", ")} ms`);
});

test("policies change without a restart", { timeout: 180_000 }, async (t) => {
  const pods = await store.uids();
  const shell = await stage().startShell(store, "applicant");
  assert.equal((await shell.curl("-X PUT -d x", "/v1/kv/granted/a")).status, 403);
  const grants = ["load/", "granted/"].map((prefix) => ({ prefix, verbs: ["read", "write"] }));
  const policies = [{ name: "load", serviceAccounts: [{ name: "load" }], grants }];
  const startedMs = performance.now();
  await store.change({ auth: { policies } });
  await becomes(
    "the new policy is in force on every node",
    async () => {
      const answers = await Promise.all(
        Array.from({ length: 6 }, () => shell.curl("-X PUT -d x", "/v1/kv/granted/a")),
      );
      const codes = answers.map(({ status }) => status);
      return codes.every((code) => code === 200 || code === 201) || new NotYet(codes.join(" "));
    },
    { withinMs: 150_000, everyMs: 2_000 },
  );
  const seconds = Math.round((performance.now() - startedMs) / 1_000);
  stage().measure(t, { "policy in force after s": seconds });
  assert.deepEqual(await store.uids(), pods);
});

test("an upgrade of the operator restarts no pod of the store", { timeout: 240_000 }, async (t) => {
  const pods = await store.uids();
  const { operator } = stage();
  const before = (await operator.pods()).map(({ metadata }) => metadata.uid);
  const { elections, window, figures } = await underLoad(stage(), store, {
    act: async () => {
      // Another default image is what a new version brings.
      await operator.upgrade(["--set", "nodeImage.tag=next", "--set-string", "podLabels.e2e=next"]);
      await becomes(
        "the operator's pods are new ones",
        async () => {
          const uids = (await operator.pods()).map(({ metadata }) => metadata.uid);
          return !uids.some((uid) => before.includes(uid)) || new NotYet(uids.join(", "));
        },
        { withinMs: 120_000 },
      );
      await store.settles();
    },
  });
  stage().measure(t, figures);
  assert.deepEqual(await store.uids(), pods);
  assert.equal(elections, 0);
  assert.ok(window.longestGapMs < STARVED_MS, `gaps: ${window.gaps.join(", ")} ms`);
});

test("a roll to an image that cannot start stops at the first pod and says why", {
  timeout: 300_000,
}, async (t) => {
  const pods = await store.uids();
  const { figures } = await underLoad(stage(), store, {
    act: async () => {
      await store.change({ image: "docker.io/kvcluster/node:no-such-tag" });
      await becomes(
        "the status says what is wrong",
        async () => {
          const told = JSON.stringify((await store.status()).conditions);
          return /ImagePull|ErrImage|no-such-tag/.test(told) || new NotYet(told);
        },
        { withinMs: 120_000 },
      );
      const now = await store.uids();
      const changed = [...pods].filter(([name, uid]) => now.get(name) !== uid);
      assert.equal(changed.length, 1, `changed: ${changed.map(([name]) => name).join(", ")}`);
      await store.change({ image: stage().images.node });
      await store.settles();
    },
  });
  stage().measure(t, figures);
});
