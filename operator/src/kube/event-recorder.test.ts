import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import type { EventIntent } from "../model/index.ts";
import { EventRecorder } from "./event-recorder.ts";
import { clusterUid, clusterWith } from "./kube-fixtures.test-kit.ts";
import {
  type Exchange,
  ManualClock,
  ScriptedApiServer,
  wireObject,
} from "./scripted-api-server.test-kit.ts";

const EVENTS = "/apis/events.k8s.io/v1/namespaces/shop/events";
const cluster = clusterWith();

interface Bench {
  readonly server: ScriptedApiServer;
  readonly clock: ManualClock;
  readonly record: (note: string, type?: EventIntent["type"]) => Promise<void>;
  readonly dropped: string[];
}

async function start(t: TestContext): Promise<Bench> {
  const server = await ScriptedApiServer.start(t);
  const clock = new ManualClock();
  const dropped: string[] = [];
  const recorder = new EventRecorder({
    ...{ connection: server.connect(clock), clock },
    instance: "operator-0",
    onDropped: (_, { note }) => dropped.push(note),
  });
  const record = (note: string, type: EventIntent["type"] = "Normal"): Promise<void> => {
    const event: EventIntent = { type, reason: "MemberAdded", note };
    return recorder.record(cluster, event);
  };
  return { server, clock, record, dropped };
}

async function created(bench: Bench, note: string): Promise<Exchange> {
  const done = bench.record(note);
  const create = await bench.server.next();
  assert.deepEqual([create.method, create.path], ["POST", EVENTS]);
  create.reply(201, wireObject("e", "1"));
  await done;
  return create;
}

test("an event says what of which object, under a name that follows from it", async (t) => {
  const bench = await start(t);
  const event = (await created(bench, "member store-2 of 3")).json();
  const { metadata, regarding, ...rest } = event;
  assert.match(Object(metadata).name, /^store\.[0-9a-f]{16}$/);
  assert.equal(Object(regarding).uid, clusterUid);
  assert.deepEqual(rest, {
    apiVersion: "events.k8s.io/v1",
    kind: "Event",
    eventTime: "1970-01-01T00:16:40.000000Z",
    reportingController: "kvcluster.io/operator",
    reportingInstance: "operator-0",
    action: "Reconcile",
    reason: "MemberAdded",
    type: "Normal",
    note: "member store-2 of 3",
  });
});

test("the same again is counted, and written at most every five minutes", async (t) => {
  const bench = await start(t);
  const name = String(Object((await created(bench, "a")).json()["metadata"]).name);
  for (let i = 0; i < 5; i++) await bench.record("a");
  assert.equal(bench.server.count, 1);
  bench.clock.advance(300_000);
  const done = bench.record("a");
  const patch = await bench.server.next();
  assert.deepEqual([patch.method, patch.path], ["PATCH", `${EVENTS}/${name}`]);
  assert.equal(Object(patch.json()["series"]).count, 7);
  patch.reply(200, {});
  await done;
});

test("another note is another event", async (t) => {
  const bench = await start(t);
  const first = await created(bench, "a");
  const second = await created(bench, "b");
  const nameOf = (exchange: Exchange): unknown => Object(exchange.json()["metadata"]).name;
  assert.notEqual(nameOf(first), nameOf(second));
});

test("after an hour, when the API server forgets it, the same is news", async (t) => {
  const bench = await start(t);
  await created(bench, "a");
  bench.clock.advance(3_600_000);
  await created(bench, "a");
});

test("what an earlier process told is counted, not told again", async (t) => {
  const bench = await start(t);
  const done = bench.record("a");
  (await bench.server.next()).refuse(409, "AlreadyExists");
  const patch = await bench.server.next();
  assert.equal(patch.method, "PATCH");
  patch.reply(200, {});
  await done;
});

test("an event that the API server let go is made anew the next time", async (t) => {
  const bench = await start(t);
  await created(bench, "a");
  bench.clock.advance(300_000);
  const done = bench.record("a");
  (await bench.server.next()).refuse(404, "NotFound");
  await done;
  await created(bench, "a");
});

test("one object has 100 Events at once and one more each ten seconds", async (t) => {
  const bench = await start(t);
  for (let i = 0; i < 100; i++) await created(bench, `${i} entries behind`);
  await bench.record("one too many");
  assert.deepEqual([bench.server.count, bench.dropped], [100, ["one too many"]]);
  bench.clock.advance(10_000);
  await created(bench, "after ten seconds");
  await bench.record("again one too many");
  assert.equal(bench.server.count, 101);
});

test("chatter is not in the way of a warning", async (t) => {
  const bench = await start(t);
  for (let i = 0; i < 100; i++) await created(bench, `${i} entries behind`);
  const warned = bench.record("quorum lost", "Warning");
  (await bench.server.next()).reply(201, wireObject("w", "1"));
  await warned;
  assert.deepEqual(bench.dropped, []);
});

test("a note is cut to what the API server takes, between characters", async (t) => {
  const bench = await start(t);
  const note = String((await created(bench, "ü😀".repeat(400))).json()["note"]);
  assert.ok(Buffer.byteLength(note) <= 1024 && Buffer.byteLength(note) > 900);
  assert.match(note, /^(ü😀)+ü?…$/);
});
