import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { ObjectStore } from "./object-store.ts";
import { Reflector, type ReflectorHooks } from "./reflector.ts";
import { resources } from "./resources.ts";
import {
  type Exchange,
  ManualClock,
  ScriptedApiServer,
  wireObject,
} from "./scripted-api-server.test-kit.ts";

interface Bench {
  readonly server: ScriptedApiServer;
  readonly clock: ManualClock;
  readonly reflector: Reflector;
  readonly store: ObjectStore;
  /** Names of objects that changed, in order. */
  readonly changes: string[];
  readonly log: string[];
  readonly stop: AbortController;
  readonly ended: Promise<void>;
}

async function start(t: TestContext, jitter = 0.5): Promise<Bench> {
  const server = await ScriptedApiServer.start(t);
  const clock = new ManualClock();
  const changes: string[] = [];
  const log: string[] = [];
  const store = new ObjectStore(({ metadata }) => changes.push(metadata.name));
  const hooks: ReflectorHooks = {
    onListed: (_, reason, objects) => log.push(`listed ${objects}: ${reason}`),
    onWatch: (_, isOpen) => log.push(isOpen ? "watch opened" : "watch closed"),
    onFailure: (_, error, retryMs) => log.push(`${error.code}, again in ${retryMs}`),
  };
  const scope = { resource: resources.configMap, namespace: null, labelSelector: "a=b" };
  const connection = server.connect(clock);
  const reflector = new Reflector({
    ...{ connection, clock, scope, store, hooks },
    random: () => jitter,
  });
  const stop = new AbortController();
  const ended = reflector.run(stop.signal);
  t.after(async () => {
    stop.abort();
    await ended;
  });
  return { server, clock, reflector, store, changes, log, stop, ended };
}

function replyList(exchange: Exchange, version: string, ...items: readonly object[]): void {
  assert.equal(exchange.query("watch"), null, "a list was expected");
  exchange.reply(200, { metadata: { resourceVersion: version }, items });
}

/** Past list and watch, with object `one` at version 5. */
async function startWatching(t: TestContext): Promise<Bench & { readonly watch: Exchange }> {
  const bench = await start(t);
  replyList(await bench.server.next(), "5", wireObject("one", "5"));
  const watch = await bench.server.next();
  watch.open();
  return { ...bench, watch };
}

/** Lets what is on its way arrive: the next change of the store, seen through a marker object. */
async function settle(bench: Bench, watch: Exchange, version: string): Promise<void> {
  watch.send("ADDED", wireObject(`marker-${version}`, version));
  while (!bench.changes.includes(`marker-${version}`)) {
    await new Promise((resolve) => setImmediate(resolve));
  }
}

const namesIn = (store: ObjectStore): readonly string[] =>
  store
    .all()
    .map(({ metadata }) => metadata.name)
    .sort();

test("it lists in pages, then watches from the list's version with bookmarks", async (t) => {
  const bench = await start(t);
  const first = await bench.server.next();
  assert.equal(first.path, "/api/v1/configmaps");
  assert.deepEqual(
    ["limit", "labelSelector", "continue", "resourceVersion"].map((name) => first.query(name)),
    ["500", "a=b", null, null],
  );
  first.reply(200, {
    metadata: { resourceVersion: "7", continue: "page-2" },
    items: [wireObject("one", "3")],
  });
  const second = await bench.server.next();
  assert.equal(second.query("continue"), "page-2");
  assert.equal(bench.reflector.hasSynced, false, "half a list is no state");
  assert.deepEqual(namesIn(bench.store), []);
  replyList(second, "8", wireObject("two", "4"));
  const watch = await bench.server.next();
  assert.equal(bench.reflector.hasSynced, true);
  assert.deepEqual(namesIn(bench.store), ["one", "two"]);
  assert.deepEqual(
    ["watch", "allowWatchBookmarks", "resourceVersion", "timeoutSeconds", "labelSelector"].map(
      (name) => watch.query(name),
    ),
    ["true", "true", "8", "270", "a=b"],
  );
});

test("watched changes reach the store; a clean end goes on from the last version", async (t) => {
  const bench = await startWatching(t);
  bench.watch.send("ADDED", wireObject("two", "6"));
  bench.watch.send("MODIFIED", wireObject("one", "7"));
  bench.watch.send("DELETED", wireObject("two", "8"));
  bench.watch.end();
  const again = await bench.server.next();
  assert.equal(again.query("resourceVersion"), "8");
  assert.deepEqual(namesIn(bench.store), ["one"]);
  assert.deepEqual(bench.changes, ["one", "two", "one", "one", "two"]);
});

test("a bookmark moves the version on and changes nothing", async (t) => {
  const bench = await startWatching(t);
  bench.watch.send("BOOKMARK", { metadata: { resourceVersion: "90" } });
  bench.watch.end();
  assert.equal((await bench.server.next()).query("resourceVersion"), "90");
  assert.deepEqual(bench.changes, ["one"]);
});

test("cached objects are frozen JSON of the right kind, without managedFields", async (t) => {
  const bench = await start(t);
  const metadata = { ...Object(wireObject("one", "5")).metadata, managedFields: [{ a: 1 }] };
  replyList(await bench.server.next(), "5", { metadata, data: { a: { b: "c" } } });
  await bench.server.next();
  const [object] = bench.store.all();
  assert.equal(object?.kind, "ConfigMap");
  assert.equal(object.apiVersion, "v1");
  assert.equal("managedFields" in object.metadata, false);
  assert.ok(Object.isFrozen(Object(object["data"]).a));
});

test("lists that fail are tried again with growing delays, for ever", async (t) => {
  const bench = await start(t, 0.25);
  const delays: number[] = [600, 1200, 2400, 4800, 9600, 19_200, 22_500, 22_500];
  for (const delay of delays) {
    (await bench.server.next()).refuse(500, "InternalError");
    await bench.clock.timer(delay);
    assert.equal(bench.reflector.hasSynced, false);
    bench.clock.advance(delay);
  }
  replyList(await bench.server.next(), "5");
  assert.equal((await bench.server.next()).query("resourceVersion"), "5");
  assert.equal(bench.log.at(-1), "listed 0: start");
});

test("a server that is too busy is asked again when it says", async (t) => {
  const bench = await start(t);
  const busy = { "retry-after": "7" };
  (await bench.server.next()).refuse(429, "TooManyRequests", busy);
  await bench.clock.timer(7000);
  bench.clock.advance(7000);
  replyList(await bench.server.next(), "5");
});

test("a list that hangs is given up after 30 s and asked again", async (t) => {
  const bench = await start(t);
  const hung = await bench.server.next();
  bench.clock.advance(30_000);
  await hung.closed();
  await bench.clock.timer(800);
  bench.clock.advance(800);
  replyList(await bench.server.next(), "5");
  await bench.server.next();
  assert.deepEqual(bench.log, ["timeout, again in 800", "listed 0: start"]);
});

test("a refused watch is opened again from where it was, without a list", async (t) => {
  const bench = await start(t);
  replyList(await bench.server.next(), "5");
  (await bench.server.next()).refuse(503, "ServiceUnavailable");
  await bench.clock.timer(800);
  bench.clock.advance(800);
  const watch = await bench.server.next();
  assert.deepEqual([watch.query("watch"), watch.query("resourceVersion")], ["true", "5"]);
});

test("a connection reset in the middle of a watch loses nothing", async (t) => {
  const bench = await startWatching(t);
  await settle(bench, bench.watch, "6");
  bench.watch.reset();
  await bench.clock.timer(800);
  bench.clock.advance(800);
  const again = await bench.server.next();
  assert.equal(again.query("resourceVersion"), "6");
  again.open();
  again.send("DELETED", wireObject("one", "7"));
  await settle(bench, again, "8");
  assert.deepEqual(namesIn(bench.store), ["marker-6", "marker-8"]);
});

test("an event shows that the server is well again: delays begin anew", async (t) => {
  const bench = await start(t);
  for (const delay of [800, 1600]) {
    (await bench.server.next()).refuse(500, "InternalError");
    await bench.clock.timer(delay);
    bench.clock.advance(delay);
  }
  replyList(await bench.server.next(), "5");
  const watch = await bench.server.next();
  watch.open();
  await settle(bench, watch, "6");
  watch.reset();
  await bench.clock.timer(800);
});

test("410 within a watch lists anew, and what went meanwhile is noticed", async (t) => {
  const bench = await startWatching(t);
  bench.watch.send("ERROR", { kind: "Status", code: 410, reason: "Expired", message: "too old" });
  await bench.watch.closed();
  replyList(await bench.server.next(), "50", wireObject("new", "40"));
  assert.equal((await bench.server.next()).query("resourceVersion"), "50");
  assert.deepEqual(namesIn(bench.store), ["new"]);
  assert.deepEqual(bench.changes, ["one", "one", "new"]);
  assert.equal(bench.log.at(-1), "listed 1: gone");
});

test("410 over and over is not hammered", async (t) => {
  const bench = await start(t);
  replyList(await bench.server.next(), "5");
  (await bench.server.next()).refuse(410, "Expired");
  replyList(await bench.server.next(), "6");
  (await bench.server.next()).refuse(410, "Expired");
  await bench.clock.timer(1600);
  assert.equal(bench.server.count, 4);
  bench.clock.advance(1600);
  replyList(await bench.server.next(), "7");
});

test("a list whose continuation expired begins from its first page", async (t) => {
  const bench = await start(t);
  const first = await bench.server.next();
  first.reply(200, { metadata: { resourceVersion: "7", continue: "page-2" }, items: [] });
  (await bench.server.next()).refuse(410, "Expired");
  const again = await bench.server.next();
  assert.equal(again.query("continue"), null);
  replyList(again, "9");
  assert.equal((await bench.server.next()).query("resourceVersion"), "9");
});

test("a watch that is silent for 150 s is dropped and opened again", async (t) => {
  const bench = await startWatching(t);
  await settle(bench, bench.watch, "6");
  bench.clock.advance(149_999);
  await settle(bench, bench.watch, "7");
  bench.clock.advance(150_000);
  await bench.watch.closed();
  await bench.clock.timer(800);
  bench.clock.advance(800);
  assert.equal((await bench.server.next()).query("resourceVersion"), "7");
  assert.equal(bench.log.at(-1), "timeout, again in 800");
});

test("a server that closes watches at once is not hammered", async (t) => {
  const bench = await startWatching(t);
  bench.watch.end();
  await bench.clock.timer(800);
  bench.clock.advance(800);
  const again = await bench.server.next();
  again.open();
  again.end();
  await bench.clock.timer(1600);
});

test("stopping during the delay before a retry leaves no request behind", async (t) => {
  const bench = await start(t);
  (await bench.server.next()).refuse(500, "InternalError");
  await bench.clock.timer(800);
  bench.stop.abort();
  await bench.ended;
  bench.clock.advance(60_000);
  assert.equal(bench.server.count, 1);
  assert.deepEqual(bench.clock.waiting, []);
});

test("stopping ends an open watch and leaves no timer", async (t) => {
  const bench = await startWatching(t);
  await settle(bench, bench.watch, "6");
  bench.stop.abort();
  await bench.watch.closed();
  await bench.ended;
  assert.deepEqual(bench.clock.waiting, []);
});

test("everything is listed again every ten minutes, only differences are changes", async (t) => {
  const bench = await startWatching(t);
  const silence = 149_000;
  for (let version = 6; version < 10; version++) {
    await settle(bench, bench.watch, `${version}`);
    bench.clock.advance(silence);
  }
  bench.watch.end();
  const short = await bench.server.next();
  assert.equal(short.query("timeoutSeconds"), "4", "the server ends it in time for the list");
  short.open();
  await settle(bench, short, "10");
  bench.clock.advance(4000);
  short.end();
  const count = bench.changes.length;
  replyList(await bench.server.next(), "20", wireObject("one", "5"), wireObject("two", "15"));
  await bench.server.next();
  assert.equal(bench.log.at(-1), "listed 2: periodic");
  const markers = ["marker-6", "marker-7", "marker-8", "marker-9", "marker-10"];
  assert.deepEqual(bench.changes.slice(count).sort(), [...markers, "two"].sort());
});

test("what makes no sense is a failure like others, and everything is listed anew", async (t) => {
  const bench = await startWatching(t);
  bench.watch.send("ADDED", { metadata: { name: "nameless" } });
  await bench.clock.timer(800);
  bench.clock.advance(800);
  replyList(await bench.server.next(), "9");
  await bench.server.next();
  assert.equal(bench.log.at(-2), "malformed, again in 800");
});
