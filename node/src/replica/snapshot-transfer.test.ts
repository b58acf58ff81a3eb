import assert from "node:assert/strict";
import { test } from "node:test";
import type { SnapshotMetadata, Term } from "../raft/index.ts";
import type { IncomingSnapshot, SnapshotSink, SnapshotSource, StateSummary } from "./ports.ts";
import { at, node, summaryAt, term } from "./replica.test-kit.ts";
import { SnapshotReceiver } from "./snapshot-receiver.ts";
import { SnapshotSender } from "./snapshot-sender.ts";

const metadata = (index: number): SnapshotMetadata => ({
  index: at(index),
  term: term(1),
  configuration: { members: [] },
  configurationIndex: at(1),
});

/** The receiving side with a store and a stream that do what the test says. */
class Reception {
  readonly events: string[] = [];
  commitIndex = 0;
  isChunkGood = true;
  endInstall: (outcome: { readonly summary: StateSummary } | null) => void = () => {};
  onChunk: (chunk: Uint8Array | null, next: () => void) => void = () => {};
  onFailed: () => void = () => {};
  readonly receiver = new SnapshotReceiver({
    store: { beginInstall: (_, done) => done(this.#sink()) },
    commitIndex: () => at(this.commitIndex),
    installed: (snapshot) => this.events.push(`installed ${snapshot.index}`),
    resumed: () => this.events.push("resumed"),
  });

  offer(index: number): void {
    const incoming: IncomingSnapshot = {
      from: node(2),
      term: term(1),
      metadata: metadata(index),
      read: (onChunk, onFailed) => {
        this.onChunk = onChunk;
        this.onFailed = onFailed;
      },
      reject: () => this.events.push(`reject ${index}`),
      accept: () => this.events.push(`accept ${index}`),
    };
    this.receiver.begin(incoming);
  }

  chunk(): void {
    this.onChunk(Uint8Array.of(1), () => this.events.push("next"));
  }

  end(): void {
    this.onChunk(null, () => {});
  }

  #sink(): SnapshotSink {
    return {
      write: (_, done) => done(this.isChunkGood),
      install: (done) => {
        this.endInstall = done;
      },
      abort: () => this.events.push("abort"),
    };
  }
}

test("a snapshot is written chunk by chunk and the loop stands still while it is installed", () => {
  const reception = new Reception();
  reception.offer(10);
  reception.chunk();
  assert.ok(!reception.receiver.installing);
  reception.end();
  assert.ok(reception.receiver.installing);
  reception.endInstall({ summary: summaryAt(10) });
  assert.ok(!reception.receiver.installing);
  assert.deepEqual(reception.events, ["next", "installed 10", "accept 10", "resumed"]);
  assert.equal(reception.receiver.installed, 1);
});

test("a damaged chunk, a broken stream and a failed install leave the state as it was", () => {
  const damaged = new Reception();
  damaged.offer(10);
  damaged.isChunkGood = false;
  damaged.chunk();
  assert.deepEqual(damaged.events, ["abort", "reject 10"]);
  const broken = new Reception();
  broken.offer(10);
  broken.onFailed();
  assert.deepEqual(broken.events, ["abort", "reject 10"]);
  const failed = new Reception();
  failed.offer(10);
  failed.end();
  failed.endInstall(null);
  assert.deepEqual(failed.events, ["abort", "reject 10", "resumed"]);
});

test("a connection that breaks after the last chunk changes nothing", () => {
  const reception = new Reception();
  reception.offer(10);
  reception.end();
  reception.onFailed();
  reception.endInstall({ summary: summaryAt(10) });
  assert.deepEqual(reception.events, ["installed 10", "accept 10", "resumed"]);
});

test("a snapshot that the log has overtaken is dropped before it is installed", () => {
  const reception = new Reception();
  reception.offer(10);
  reception.commitIndex = 10;
  reception.end();
  assert.deepEqual(reception.events, ["abort", "reject 10"]);
});

test("a newer snapshot takes the place of one under way, but not of one being installed", () => {
  const reception = new Reception();
  reception.offer(10);
  reception.offer(20);
  assert.deepEqual(reception.events, ["abort", "reject 10"]);
  reception.end();
  reception.offer(30);
  assert.deepEqual(reception.events, ["abort", "reject 10", "reject 30"]);
});

const createSender = (streamsMax: number) => {
  const events: string[] = [];
  const leads = { term: term(3) as Term | null };
  const opening: (() => void)[] = [];
  const ends: ((delivered: boolean) => void)[] = [];
  let index = 9;
  const source = (): SnapshotSource => {
    index += 1;
    return {
      metadata: metadata(index),
      revision: 1 as never,
      next: (done) => done(null),
      close: () => events.push("close"),
    };
  };
  const sender = new SnapshotSender({
    store: { openSnapshot: (done) => opening.push(() => done(source())) },
    transport: {
      sendSnapshot: (...[to, inTerm, , done]) => {
        events.push(`send to ${to} in ${inTerm}`);
        ends.push(done);
      },
    },
    streamsMax,
    leadingTerm: () => leads.term,
    ended: (to, at, delivered) => events.push(`ended ${to} at ${at} ${delivered}`),
  });
  const open = (): void => {
    for (const each of opening.splice(0)) each();
  };
  return { sender, events, leads, open, end: (delivered: boolean) => ends.shift()?.(delivered) };
};

test("snapshots are streamed a bounded number at a time, one for each follower", () => {
  const { sender, events, open, end } = createSender(1);
  sender.request([node(2), node(3)]);
  sender.request([node(2), node(3)]);
  open();
  assert.deepEqual(events, ["send to 2 in 3"]);
  assert.equal(sender.oldestIndex(), 10);
  end(true);
  open();
  assert.deepEqual(events, ["send to 2 in 3", "close", "ended 2 at 10 true", "send to 3 in 3"]);
  assert.equal(sender.oldestIndex(), 11);
  end(false);
  assert.equal(sender.sent, 1);
  assert.equal(sender.oldestIndex(), null);
});

test("the log is kept for the oldest snapshot in flight", () => {
  const { sender, open, end } = createSender(2);
  sender.request([node(2), node(3)]);
  open();
  assert.equal(sender.oldestIndex(), 10);
  end(true);
  assert.equal(sender.oldestIndex(), 11);
});

test("a snapshot that was opened too late for its leader never leaves (seed 5095)", () => {
  for (const later of [term(4), null]) {
    const { sender, events, leads, open } = createSender(1);
    sender.request([node(2)]);
    leads.term = later;
    open();
    assert.deepEqual(events, ["close", "ended 2 at 10 false"]);
  }
  const { sender, events, leads, open } = createSender(1);
  leads.term = null;
  sender.request([node(2)]);
  open();
  assert.deepEqual(events, []);
});
