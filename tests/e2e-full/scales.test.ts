/** Scaling where it hurts: down to one, and with the operator killed or away. */
import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { setStage } from "../e2e/kubernetes/stage.test-kit.ts";
import type { Store } from "../e2e/kubernetes/store.test-kit.ts";
import { underLoad } from "../e2e/kubernetes/under-load.test-kit.ts";
import { becomes, NotYet, timed } from "../e2e/kubernetes/waiting.test-kit.ts";

let store: Store;
const stage = setStage("scales", {
  prepare: async (it) => {
    store = it.store("kv");
    await store.create();
  },
});
beforeEach(() => store.settles().then(() => {}));

test("3 → 1 → 3 members under load loses nothing", { timeout: 480_000 }, async (t) => {
  const seconds: Record<string, number> = {};
  const { figures } = await underLoad(stage(), store, {
    act: async () => {
      for (const replicas of [1, 3]) {
        await store.scale(replicas);
        const { seconds: took } = await timed(() => store.settles());
        seconds[`time to ${replicas} members s`] = took;
      }
    },
  });
  stage().measure(t, { ...figures, ...seconds });
});

test("the operator is killed again and again while it scales to 5", {
  timeout: 480_000,
}, async (t) => {
  let kills = 0;
  const { figures } = await underLoad(stage(), store, {
    act: async () => {
      await store.scale(5);
      for (const wanted of [3, 4]) {
        await becomes(
          `more than ${wanted} pods or members are there`,
          async () => {
            const { members = [] } = await store.status();
            const pods = await store.pods();
            const isOn = Math.max(members.length, pods.length) > wanted;
            return isOn || new NotYet(`${pods.length} pods, ${members.length} members`);
          },
          { withinMs: 120_000, everyMs: 200 },
        );
        await stage().operator.kill();
        kills += 1;
      }
      await stage().operator.isReady();
      await store.settles(300_000);
    },
  });
  stage().measure(t, { ...figures, kills });
  await store.scale(3);
  await store.settles();
});

test("without any operator the store serves, loses a pod and heals", {
  timeout: 480_000,
}, async (t) => {
  const { operator } = stage();
  const leader = await store.leader();
  const { figures } = await underLoad(stage(), store, {
    awayFrom: [leader.node],
    act: async (load) => {
      await operator.scale(0);
      await stage().kube.kubectl(["-n", store.namespace, "delete", "pod", leader.pod]);
      await load.progresses();
      // Asked for while nobody listens: done when somebody does.
      await store.scale(5);
      await becomes(
        "three pods are ready without the operator",
        async () => {
          const pods = await store.pods();
          const ready = await Promise.all(
            pods.map((pod) => store.metric(pod.metadata.name, "kvcluster_ready").catch(() => 0)),
          );
          const count = ready.filter((value) => value === 1).length;
          return (pods.length === 3 && count === 3) || new NotYet(`${count} of ${pods.length}`);
        },
        { withinMs: 120_000 },
      );
      await operator.scale(2);
      await store.settles();
    },
  });
  stage().measure(t, figures);
  assert.equal((await store.status()).members?.length, 5);
  await store.scale(3);
  await store.settles();
});
