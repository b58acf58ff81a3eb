import assert from "node:assert/strict";
import { test } from "node:test";
import { defaultPickerSettings, Picker } from "./picker.ts";

const a = "http://a:1";
const b = "http://b:1";
const c = "http://c:1";

interface Bench {
  readonly picker: Picker;
  readonly clock: { now: number };
}

/** mulberry32: the same seed gives the same choices. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

function createPicker(urls: readonly string[] = [a, b, c], seed = 1): Bench {
  const clock = { now: 1_000 };
  const random = seeded(seed);
  const picker = new Picker(urls, defaultPickerSettings, { nowMs: () => clock.now, random });
  return { picker, clock };
}

function countPicks(bench: Bench, count: number, preferLeader = false): Map<string, number> {
  const counts = new Map<string, number>();
  for (let i = 0; i < count; i += 1) {
    const picked = bench.picker.pick({ preferLeader });
    picked.settle({ type: "abandoned" });
    counts.set(picked.url, (counts.get(picked.url) ?? 0) + 1);
  }
  return counts;
}

test("equal endpoints are chosen about equally often", () => {
  const counts = countPicks(createPicker(), 3_000);
  for (const url of [a, b, c]) {
    const share = counts.get(url) ?? 0;
    assert.ok(share > 800 && share < 1_200, `${url} ${share}`);
  }
});

test("a loaded endpoint never wins against an idle one of the same latency", () => {
  const bench = createPicker([a, b]);
  const held = bench.picker.pick({ preferLeader: false });
  const other = held.url === a ? b : a;
  assert.deepEqual([...countPicks(bench, 100)], [[other, 100]]);
  held.settle({ type: "abandoned" });
});

test("requests in flight spread over all endpoints", () => {
  const { picker } = createPicker();
  const held = Array.from({ length: 90 }, () => picker.pick({ preferLeader: false }));
  for (const view of picker.view()) assert.ok(view.inFlight >= 25, JSON.stringify(view));
  for (const picked of held) picked.settle({ type: "abandoned" });
  assert.ok(picker.view().every((view) => view.inFlight === 0));
});

test("an endpoint where requests wait without an answer is not given more", () => {
  const bench = createPicker([a, b]);
  for (const url of [a, b]) {
    bench.picker
      .pick({ preferLeader: false, avoid: new Set([url]) })
      .settle({ type: "answered", latencyMs: 1 });
  }
  const stuck = bench.picker.pick({ preferLeader: false, avoid: new Set([b]) });
  const busy = Array.from({ length: 3 }, () => {
    return bench.picker.pick({ preferLeader: false, avoid: new Set([a]) });
  });
  assert.equal(bench.picker.pick({ preferLeader: false }).url, a, "shorter queue");
  bench.clock.now += 100;
  busy.pop()?.settle({ type: "answered", latencyMs: 2 });
  assert.deepEqual([...countPicks(bench, 20)], [[b, 20]], "the one that makes progress");
  stuck.settle({ type: "abandoned" });
});

test("a slow answer moves traffic away at once, and the memory of it fades", () => {
  const bench = createPicker([a, b]);
  bench.picker.pick({ preferLeader: false, avoid: new Set([b]) }).settle({
    type: "answered",
    latencyMs: 100,
  });
  assert.deepEqual([...countPicks(bench, 50)], [[b, 50]]);
  bench.clock.now += 60_000;
  assert.ok((countPicks(bench, 50).get(a) ?? 0) > 0);
});

test("a write goes to the leader as long as that is not far dearer than another node", () => {
  const bench = createPicker();
  bench.picker.setLeader(b);
  assert.deepEqual([...countPicks(bench, 50, true)], [[b, 50]]);
  const held = Array.from({ length: 200 }, () => bench.picker.pick({ preferLeader: true }));
  const atLeader = held.filter((picked) => picked.url === b).length;
  assert.ok(atLeader > 100, `${atLeader} of 200 at the leader`);
  assert.ok(atLeader < 195, "a long queue at the leader lets the others help");
});

test("reads do not care who leads", () => {
  const bench = createPicker();
  bench.picker.setLeader(b);
  assert.equal(countPicks(bench, 300).size, 3);
});

test("an unhealthy or already tried leader is not preferred", () => {
  const bench = createPicker();
  bench.picker.setLeader(b);
  const avoided = bench.picker.pick({ preferLeader: true, avoid: new Set([b]) });
  assert.notEqual(avoided.url, b);
  bench.picker.report(b, "unready", "no quorum");
  assert.equal(countPicks(bench, 50, true).get(b), undefined);
});

test("a leader that is not among the endpoints is as good as none", () => {
  const bench = createPicker();
  bench.picker.setLeader("http://elsewhere:1");
  assert.equal(bench.picker.leaderUrl, null);
});

test("a failed endpoint is left alone, longer each time, and comes back by itself", () => {
  const bench = createPicker([a, b]);
  const fail = (): void => {
    bench.picker
      .pick({ preferLeader: false, avoid: new Set([b]) })
      .settle({ type: "failed", reason: "refused" });
  };
  fail();
  assert.equal(countPicks(bench, 50).get(a), undefined);
  bench.clock.now += defaultPickerSettings.ejectionBaseMs;
  assert.ok((countPicks(bench, 50).get(a) ?? 0) > 0);
  fail();
  bench.clock.now += defaultPickerSettings.ejectionBaseMs;
  assert.equal(countPicks(bench, 50).get(a), undefined, "the second ejection is longer");
  for (let i = 0; i < 100; i += 1) fail();
  bench.clock.now += defaultPickerSettings.ejectionMaxMs;
  assert.ok((countPicks(bench, 50).get(a) ?? 0) > 0, "no ejection is longer than the maximum");
});

test("unready endpoints are used before unreachable ones, and only for want of ready ones", () => {
  const bench = createPicker();
  bench.picker.report(a, "unready", "starting");
  bench.picker.report(b, "unreachable", "refused");
  assert.deepEqual([...countPicks(bench, 20)], [[c, 20]]);
  bench.picker.report(c, "unreachable", "refused");
  assert.deepEqual([...countPicks(bench, 20)], [[a, 20]]);
  bench.picker.report(a, "unreachable", "refused");
  assert.equal(bench.picker.bestHealth(), "unreachable");
  assert.equal(bench.picker.pick({ preferLeader: false }).health, "unreachable");
});

test("a positive check ends a passive ejection", () => {
  const bench = createPicker([a, b]);
  bench.picker
    .pick({ preferLeader: false, avoid: new Set([b]) })
    .settle({ type: "failed", reason: "reset" });
  assert.equal(bench.picker.countOthers(new Set()), 1);
  bench.picker.report(a, "ready", "");
  assert.equal(bench.picker.countOthers(new Set()), 2);
});

test("when every endpoint was tried, the next attempt may repeat one", () => {
  const { picker } = createPicker([a, b]);
  assert.equal(picker.countOthers(new Set([a, b])), 0);
  assert.ok([a, b].includes(picker.pick({ preferLeader: false, avoid: new Set([a, b]) }).url));
});

test("settling twice is a programming error", () => {
  const picked = createPicker().picker.pick({ preferLeader: false });
  picked.settle({ type: "abandoned" });
  assert.throws(() => picked.settle({ type: "abandoned" }), /settled twice/);
});

test("no endpoint, too many and twice the same are refused", () => {
  assert.throws(() => createPicker([]), /at least one/);
  assert.throws(() => createPicker([a, a]), /twice/);
  const many = Array.from({ length: 65 }, (_, i) => `http://n${i}:1`);
  assert.throws(() => createPicker(many), /65 endpoints, at most 64/);
});
