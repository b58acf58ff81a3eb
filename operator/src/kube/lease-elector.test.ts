import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { type ElectionEnd, LeaseElector } from "./lease-elector.ts";
import { type Exchange, ManualClock, ScriptedApiServer } from "./scripted-api-server.test-kit.ts";

const LEASE = "/apis/coordination.k8s.io/v1/namespaces/kv/leases/operator";
/** One jittered try of somebody who waits: 2 s and a tenth of it. */
const WAIT_MS = 2200;

interface Candidate {
  readonly server: ScriptedApiServer;
  readonly clock: ManualClock;
  readonly elector: LeaseElector;
  readonly stop: AbortController;
  readonly end: Promise<ElectionEnd>;
  readonly failures: string[];
  /** The signal given to the work, once it leads. */
  readonly leading: Promise<AbortSignal>;
  /** … and the one that aborts only when the Lease is lost. */
  readonly holding: Promise<AbortSignal>;
  /** Lets the work end; it ends by itself only when told. */
  readonly finish: () => void;
}

async function start(t: TestContext): Promise<Candidate> {
  const server = await ScriptedApiServer.start(t);
  const clock = new ManualClock();
  const failures: string[] = [];
  const elector = new LeaseElector({
    ...{ connection: server.connect(clock), clock, random: () => 0.5 },
    lease: { namespace: "kv", name: "operator" },
    identity: "me",
    onFailure: (error) => failures.push(error.code),
  });
  const leading = Promise.withResolvers<AbortSignal>();
  const holding = Promise.withResolvers<AbortSignal>();
  const work = Promise.withResolvers<void>();
  const stop = new AbortController();
  const end = elector.run(stop.signal, async (signal, held) => {
    leading.resolve(signal);
    holding.resolve(held);
    await work.promise;
  });
  t.after(() => {
    stop.abort();
    work.resolve();
  });
  const parts = { server, clock, elector, stop, end, failures };
  return { ...parts, leading: leading.promise, holding: holding.promise, finish: work.resolve };
}

const leaseOf = (holder: string, version: string, more: object = {}): object => ({
  metadata: { namespace: "kv", name: "operator", uid: "u", resourceVersion: version },
  spec: { holderIdentity: holder, leaseDurationSeconds: 15, leaseTransitions: 3, ...more },
});

/** Answers a look and the write that follows; the write is returned. */
async function exchange(
  server: ScriptedApiServer,
  live: object,
  version: string,
): Promise<Exchange> {
  const look = await server.next();
  assert.deepEqual([look.method, look.path], ["GET", LEASE]);
  look.reply(200, live);
  const write = await server.next();
  assert.deepEqual([write.method, write.path], ["PUT", LEASE]);
  write.reply(200, leaseOf("me", version));
  return write;
}

/** As leader whose renewals have begun; version 2. */
async function startLeading(t: TestContext): Promise<Candidate & { readonly work: AbortSignal }> {
  const candidate = await start(t);
  await exchange(candidate.server, leaseOf("", "1"), "2");
  const work = await candidate.leading;
  await candidate.clock.timer(2000);
  return { ...candidate, work };
}

test("a missing Lease is created with micro times and makes a leader", async (t) => {
  const { server, elector, leading } = await start(t);
  (await server.next()).refuse(404, "NotFound");
  const create = await server.next();
  assert.equal(create.method, "POST");
  assert.deepEqual(create.json()["spec"], {
    holderIdentity: "me",
    leaseDurationSeconds: 15,
    acquireTime: "1970-01-01T00:16:40.000000Z",
    renewTime: "1970-01-01T00:16:40.000000Z",
    leaseTransitions: 0,
  });
  create.reply(201, leaseOf("me", "1"));
  await leading;
  assert.equal(elector.isLeader, true);
});

test("a released Lease is taken at once, on the version that was read", async (t) => {
  const { server, leading } = await start(t);
  const write = await exchange(server, leaseOf("", "41", { strategy: "kept" }), "42");
  const { metadata, spec } = write.json() as Record<string, Record<string, unknown>>;
  assert.equal(metadata?.["resourceVersion"], "41");
  assert.deepEqual(
    [spec?.["holderIdentity"], spec?.["leaseTransitions"], spec?.["strategy"]],
    ["me", 4, "kept"],
  );
  await leading;
});

test("a Lease that another renews is left alone, whatever its times say", async (t) => {
  const { server, clock, elector } = await start(t);
  for (let version = 1; version <= 12; version++) {
    const stale = { renewTime: "1970-01-01T00:00:00.000000Z" };
    (await server.next()).reply(200, leaseOf("other", `${version}`, stale));
    await clock.timer(WAIT_MS);
    clock.advance(WAIT_MS);
  }
  assert.equal(elector.isLeader, false);
});

test("a Lease that is not renewed for 15 s since it was first seen is taken", async (t) => {
  const { server, clock, leading } = await start(t);
  for (let ms = 0; ms <= 15_000; ms += WAIT_MS) {
    (await server.next()).reply(200, leaseOf("other", "7", { renewTime: "2999-01-01T00:00:00Z" }));
    await clock.timer(WAIT_MS);
    clock.advance(WAIT_MS);
  }
  await exchange(server, leaseOf("other", "7"), "8");
  await leading;
});

test("of two that take it at once the API server's version lets one through", async (t) => {
  const { server, clock, elector, failures } = await start(t);
  (await server.next()).reply(200, leaseOf("", "1"));
  (await server.next()).refuse(409, "Conflict");
  await clock.timer(WAIT_MS);
  assert.equal(elector.isLeader, false);
  clock.advance(WAIT_MS);
  (await server.next()).reply(200, leaseOf("other", "2"));
  await clock.timer(WAIT_MS);
  assert.deepEqual([elector.isLeader, failures], [false, []]);
});

test("a leader renews every 2 s and keeps its acquire time and its transitions", async (t) => {
  const { server, clock, work } = await startLeading(t);
  for (let version = 2; version < 10; version++) {
    clock.advance(2000);
    const live = leaseOf("me", `${version}`, { acquireTime: "2020-01-01T00:00:00.000000Z" });
    const write = await exchange(server, live, `${version + 1}`);
    const spec = Object(write.json()["spec"]);
    assert.deepEqual([spec.acquireTime, spec.leaseTransitions], ["2020-01-01T00:00:00.000000Z", 3]);
    await clock.timer(2000);
  }
  assert.equal(work.aborted, false);
});

test("renewals may fail for 10 s, then the work is aborted and the Lease lost", async (t) => {
  const { server, clock, work, end, finish, failures, elector } = await startLeading(t);
  for (let ms = 2000; ms < 10_000; ms += 2000) {
    clock.advance(2000);
    (await server.next()).refuse(500, "InternalError");
    await clock.timer(2000);
  }
  assert.equal(work.aborted, false);
  clock.advance(2000);
  assert.equal(work.aborted, true, "10 s after the last renewal was sent");
  assert.equal(elector.isLeader, false, "although the work has not ended");
  finish();
  assert.equal(await end, "lost");
  assert.equal(elector.isLeader, false);
  assert.equal(failures.length, 4);
});

test("a renewal counts from when it was sent, not from when it was answered", async (t) => {
  const { server, clock, work, end, finish } = await startLeading(t);
  clock.advance(2000);
  (await server.next()).reply(200, leaseOf("me", "2"));
  const write = await server.next();
  clock.advance(3000);
  write.reply(200, leaseOf("me", "3"));
  await clock.timer(7000);
  await clock.timer(2000);
  for (let ms = 0; ms < 6000; ms += 2000) {
    clock.advance(2000);
    (await server.next()).refuse(500, "InternalError");
    await clock.timer(2000);
  }
  assert.equal(work.aborted, false);
  clock.advance(1000);
  assert.equal(work.aborted, true);
  finish();
  clock.advance(1000);
  assert.equal(await end, "lost");
});

test("a renewal that hangs does not prolong leadership", async (t) => {
  const { server, clock, work, end, finish } = await startLeading(t);
  clock.advance(2000);
  const first = await server.next();
  clock.advance(4000);
  await first.closed();
  await clock.timer(2000);
  clock.advance(2000);
  await server.next();
  clock.advance(2000);
  assert.equal(work.aborted, true);
  finish();
  assert.equal(await end, "lost");
});

test("another holder ends leadership at once, and its Lease is not released", async (t) => {
  const { server, clock, work, end, finish } = await startLeading(t);
  clock.advance(2000);
  (await server.next()).reply(200, leaseOf("other", "9"));
  await clock.timer(0);
  clock.advance(0);
  assert.equal(work.aborted, true);
  finish();
  assert.equal(await end, "lost");
  assert.equal(server.count, 3);
});

test("when stopped it renews until the work has ended, then gives the Lease back", async (t) => {
  const { server, clock, stop, work, end, finish } = await startLeading(t);
  stop.abort();
  assert.equal(work.aborted, true);
  clock.advance(2000);
  await exchange(server, leaseOf("me", "2"), "3");
  finish();
  const release = await exchange(server, leaseOf("me", "3"), "4");
  const spec = Object(release.json()["spec"]);
  assert.deepEqual([spec.holderIdentity, spec.leaseDurationSeconds], ["", 1]);
  assert.equal(await end, "stopped");
  assert.deepEqual(clock.waiting, []);
});

test("a Lease that is lost while the work comes to its end is told", async (t) => {
  const { server, clock, elector, stop, end, finish, holding } = await startLeading(t);
  const held = await holding;
  stop.abort();
  assert.equal(elector.isLeader, true, "it still holds the Lease");
  assert.equal(held.aborted, false, "requests under way may end");
  clock.advance(2000);
  (await server.next()).reply(200, leaseOf("other", "9"));
  await clock.timer(0);
  clock.advance(0);
  assert.equal(elector.isLeader, false);
  assert.equal(held.aborted, true);
  finish();
  assert.equal(await end, "lost");
});

test("stopped while it waits, it never leads", async (t) => {
  const { server, clock, stop, end } = await start(t);
  (await server.next()).reply(200, leaseOf("other", "1"));
  await clock.timer(WAIT_MS);
  stop.abort();
  assert.equal(await end, "stopped");
  assert.equal(server.count, 1);
});

test("work that fails gives the Lease back and says why", async (t) => {
  const server = await ScriptedApiServer.start(t);
  const clock = new ManualClock();
  const elector = new LeaseElector({
    ...{ connection: server.connect(clock), clock, random: () => 0.5 },
    lease: { namespace: "kv", name: "operator" },
    identity: "me",
  });
  const end = elector.run(new AbortController().signal, () => Promise.reject(new Error("broken")));
  const failed = assert.rejects(end, /broken/);
  await exchange(server, leaseOf("", "1"), "2");
  const release = await exchange(server, leaseOf("me", "2"), "3");
  assert.equal(Object(release.json()["spec"]).holderIdentity, "");
  await failed;
});
