import assert from "node:assert/strict";
import { test } from "node:test";
import type { Measured } from "./run-load.ts";
import type { RunningSystem } from "./running-system.ts";
import { inTurns, medianTurn } from "./turns.ts";

const measured = (perSecond: number): Measured => ({
  ...{ perSecond, seconds: 1, p50: 1, p99: 1, max: 1, errors: 0, firstError: "" },
  ...{ generatorCpuSeconds: 0, memberCpuMicros: 0, residentBytes: 0 },
});
const byRate = ({ perSecond }: Measured): number => perSecond;

const system = (name: "kvcluster" | "etcd"): RunningSystem => ({
  target: { system: name, endpoints: ["a", "b", "c"], token: "" },
  pids: () => [],
  leader: () => Promise.resolve(null),
  kill: () => undefined,
  revive: () => undefined,
  readyUrl: () => "",
  stop: () => Promise.resolve(),
});

test("the median turn is the middle one by what is asked for", () => {
  assert.equal(medianTurn([measured(3), measured(9), measured(5)], byRate).perSecond, 5);
  assert.throws(() => medianTurn([], byRate), /no turn/);
});

test("turns alternate, and neither system always comes first", async () => {
  const order: string[] = [];
  const both = await inTurns(
    { kvcluster: system("kvcluster"), etcd: system("etcd") },
    {
      turns: 3,
      by: byRate,
      measure: ({ target }) => {
        order.push(target.system);
        return Promise.resolve(measured(order.length));
      },
    },
  );
  assert.deepEqual(order, ["kvcluster", "etcd", "etcd", "kvcluster", "kvcluster", "etcd"]);
  assert.deepEqual([both.kvcluster.perSecond, both.etcd?.perSecond], [4, 3]);
});

test("each turn begins at another member, for both alike", async () => {
  const firsts: string[] = [];
  await inTurns(
    { kvcluster: system("kvcluster"), etcd: system("etcd") },
    {
      turns: 4,
      by: byRate,
      measure: ({ target }) => {
        firsts.push(target.endpoints.join(""));
        return Promise.resolve(measured(1));
      },
    },
  );
  assert.deepEqual(firsts, ["abc", "abc", "bca", "bca", "cab", "cab", "abc", "abc"]);
});

test("without etcd all turns are ours", async () => {
  let turns = 0;
  const both = await inTurns(
    { kvcluster: system("kvcluster"), etcd: null },
    { turns: 2, by: byRate, measure: () => Promise.resolve(measured(++turns)) },
  );
  assert.deepEqual([both.kvcluster.perSecond, both.etcd, turns], [1, null, 2]);
});
