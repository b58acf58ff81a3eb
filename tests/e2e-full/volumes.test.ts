/** Volumes: grown while they are used, and lost. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { KubeItem } from "../e2e/kubernetes/kube.test-kit.ts";
import { setStage } from "../e2e/kubernetes/stage.test-kit.ts";
import type { Store } from "../e2e/kubernetes/store.test-kit.ts";
import { underLoad } from "../e2e/kubernetes/under-load.test-kit.ts";
import { becomes, NotYet, timed } from "../e2e/kubernetes/waiting.test-kit.ts";

let store: Store;
const stage = setStage("volumes", {
  prepare: async (it) => {
    store = it.store("kv");
    await store.create();
    await store.settles();
  },
});

interface Claim extends KubeItem {
  readonly spec: { readonly volumeName?: string };
  readonly status: { readonly capacity?: { readonly storage: string } };
}

async function diskMiB(pod: string): Promise<number> {
  const flags = ["-n", store.namespace, "exec", pod, "--"];
  const told = await stage().kube.kubectl([...flags, "df", "-m", "/var/lib/kvcluster"]);
  return Number(/\s(\d+)\s+\d+\s+\d+\s+\d+%/.exec(told)?.[1]);
}

test("volumes grow while they are written to", { timeout: 420_000 }, async (t) => {
  const uids = await store.uids();
  const { elections, figures } = await underLoad(stage(), store, {
    act: async () => {
      await store.change({ storage: { size: "768Mi" } });
      await becomes(
        "each file system has the new size",
        async () => {
          const sizes = await Promise.all(["kv-0", "kv-1", "kv-2"].map(diskMiB));
          return sizes.every((size) => size > 600) || new NotYet(`${sizes.join(", ")} MiB`);
        },
        { withinMs: 240_000, everyMs: 2_000 },
      );
      await store.settles();
    },
  });
  stage().measure(t, figures);
  assert.equal(elections, 0);
  assert.deepEqual(await store.uids(), uids, "no pod was restarted");
  const claims = (await store.claims()) as readonly Claim[];
  assert.deepEqual(
    claims.map(({ status }) => status.capacity?.storage),
    ["768Mi", "768Mi", "768Mi"],
  );
});

test("a smaller volume is refused by the API server with what to do", async () => {
  await assert.rejects(store.change({ storage: { size: "256Mi" } }), /shrink|grow|smaller/i);
});

test("a member whose volume was lost is replaced", { timeout: 480_000 }, async (t) => {
  await store.change({ repair: { replaceAfterSeconds: 30 } });
  const { members = [] } = await store.status();
  const victim = members.find(({ role }) => role === "voter") ?? assert.fail("no follower");
  let seconds = 0;
  const { figures } = await underLoad(stage(), store, {
    act: async () => {
      const { namespace } = store;
      const claim = `data-${victim.name}`;
      await stage().kube.kubectl(["-n", namespace, "delete", "pvc", claim, "--wait=false"]);
      await stage().kube.kubectl(["-n", namespace, "delete", "pod", victim.name]);
      seconds = (
        await timed(() =>
          becomes(
            `${victim.name} is a new member`,
            async () => {
              const { members: now = [] } = await store.status();
              const same = now.find(({ name }) => name === victim.name);
              const isNew = same !== undefined && same.nodeId !== victim.nodeId;
              return (isNew && same.role === "voter") || new NotYet(JSON.stringify(now));
            },
            { withinMs: 240_000, everyMs: 1_000 },
          ),
        )
      ).seconds;
      await store.settles();
    },
  });
  stage().measure(t, { ...figures, "replaced after s": seconds });
});
