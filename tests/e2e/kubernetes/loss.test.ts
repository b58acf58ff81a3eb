/** Pods and machines are lost while clients write: nothing acknowledged is, and all come back. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { inflict, isLab, undo } from "./lab.test-kit.ts";
import { setStage } from "./stage.test-kit.ts";
import type { Store } from "./store.test-kit.ts";
import { underLoad } from "./under-load.test-kit.ts";
import { becomes, NotYet, timed } from "./waiting.test-kit.ts";

let store: Store;
const stage = setStage("loss", {
  prepare: async (it) => {
    store = it.store("kv");
    await store.create();
    await store.settles();
  },
});
/** An election after the leader vanished, and a client's write that was under way with it. */
const ELECTION_MS_MAX = 5_000;

test("the leader's pod deleted with --grace-period=0 --force", { timeout: 240_000 }, async (t) => {
  const leader = await store.leader();
  const { uid } = (await store.pod(leader.pod)).metadata;
  let seconds = 0;
  const { window, figures } = await underLoad(stage(), store, {
    awayFrom: [leader.node],
    act: async () => {
      const force = ["--grace-period=0", "--force", "--wait=false"];
      await stage().kube.kubectl(["-n", store.namespace, "delete", "pod", leader.pod, ...force]);
      seconds = (
        await timed(async () => {
          await store.isMadeAnew(leader.pod, uid);
          await store.settles();
        })
      ).seconds;
    },
  });
  stage().measure(t, { ...figures, "time to ready s": seconds });
  assert.ok(window.longestGapMs < ELECTION_MS_MAX, `gaps: ${window.gaps.join(", ")} ms`);
});

test("kubectl drain of the leader's node", { timeout: 300_000 }, async (t) => {
  const leader = await store.leader();
  const { window, elections, figures } = await underLoad(stage(), store, {
    awayFrom: [leader.node],
    act: async () => {
      try {
        await store.drain(leader.node);
      } finally {
        await stage().kube.kubectl(["uncordon", leader.node]);
      }
      await store.settles();
    },
  });
  stage().measure(t, figures);
  assert.ok(elections <= 1, `${elections} elections`);
  assert.ok(window.longestGapMs < ELECTION_MS_MAX, `gaps: ${window.gaps.join(", ")} ms`);
});

test("the leader's node loses power and comes back", { timeout: 420_000 }, async (t) => {
  assert.ok(isLab(), "only the lab can lose machines");
  await store.isSpread();
  const leader = await store.leader();
  const { clusterId, members } = await store.status();
  let seconds = 0;
  const { window, figures } = await underLoad(stage(), store, {
    awayFrom: [leader.node],
    act: async (load) => {
      await inflict("kill", leader.node);
      await becomes(
        "another leads",
        async () => {
          const now = await store.leader();
          return now.pod !== leader.pod || new NotYet(`${now.pod} leads`);
        },
        { withinMs: 60_000 },
      );
      await load.progresses();
      await store.becomesAvailable("True", 30_000);
      await undo(leader.node);
      seconds = (await timed(() => store.settles(240_000))).seconds;
    },
  });
  stage().measure(t, { ...figures, "time to ready after its return s": seconds });
  assert.ok(window.longestGapMs < ELECTION_MS_MAX, `gaps: ${window.gaps.join(", ")} ms`);
  const now = await store.status();
  assert.equal(now.clusterId, clusterId);
  const ids = (list: typeof members): readonly number[] =>
    (list ?? []).map(({ nodeId }) => nodeId).sort((a, b) => a - b);
  assert.deepEqual(ids(now.members), ids(members), "nobody was replaced");
});
