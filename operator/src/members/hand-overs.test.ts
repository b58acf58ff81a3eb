import assert from "node:assert/strict";
import { test } from "node:test";
import type { KVStoreClient } from "@kvcluster/client";
import type { KVCluster, NodeView } from "../model/index.ts";
import { HandOvers } from "./hand-overs.ts";
import { executeStoreAction } from "./store-actions.ts";

const key = { namespace: "shop", name: "demo" };

class Bench {
  ms = 0;
  leader = "demo-0";
  asked = 0;
  isRefusing = false;
  readonly handOvers = new HandOvers(() => this.ms);

  async handOver(): Promise<string> {
    const views = ["demo-0", "demo-1"].map((pod) => ({
      ...{ pod, type: "answered" },
      status: {
        node: { name: pod, term: 5, role: pod === this.leader ? "leader" : "follower" },
        leader: { name: this.leader },
      },
    })) as unknown as readonly NodeView[];
    const transferLeader = async (): Promise<void> => {
      this.asked += 1;
      if (this.isRefusing) throw new Error("CHANGE_REJECTED");
    };
    const client = { admin: { transferLeader } } as unknown as KVStoreClient;
    const store = {
      cluster: { metadata: key } as KVCluster,
      nodes: views,
      clients: new Map(views.map(({ pod }) => [pod, client])),
      addressesOf: () => assert.fail("no address is asked for"),
      handOvers: this.handOvers,
    };
    const why = "test";
    return await executeStoreAction(store, { type: "transferLeadership", to: "demo-1", why }).then(
      ({ type }) => type,
      (error: { code: string; message: string }) => `${error.code} ${error.message}`,
    );
  }
}

test("a leader that was asked to hand over and still leads is asked ever less often", async () => {
  const bench = new Bench();
  assert.equal(await bench.handOver(), "done");
  const askedAt: number[] = [];
  const told = new Set<string>();
  for (let second = 1; second <= 300; second += 1) {
    bench.ms = second * 1_000;
    const before = bench.asked;
    told.add(await bench.handOver());
    if (bench.asked > before) askedAt.push(second);
  }
  assert.deepEqual(askedAt, [5, 15, 35, 75, 135, 195, 255]);
  const [words = "", ...others] = told;
  assert.match(words, /^LEADER_UNCHANGED demo-0 was asked to hand over to demo-1 and still leads/);
  assert.deepEqual(others, [], "always the same words, or each would be a write of the status");
});

test("a leader that refuses is asked again as after any failure", async () => {
  const bench = new Bench();
  bench.isRefusing = true;
  for (let time = 0; time < 2; time += 1) assert.match(await bench.handOver(), /CHANGE_REJECTED/);
  bench.isRefusing = false;
  assert.equal(await bench.handOver(), "done");
});

test("another leader, a later roll and another life of the cluster begin anew", async () => {
  const bench = new Bench();
  assert.equal(await bench.handOver(), "done");
  bench.leader = "demo-1";
  assert.equal(await bench.handOver(), "done");
  bench.handOvers.forget(key);
  assert.equal(await bench.handOver(), "done");
  assert.match(await bench.handOver(), /^LEADER_UNCHANGED/);
  bench.ms += 300_001;
  assert.equal(await bench.handOver(), "done");
});
