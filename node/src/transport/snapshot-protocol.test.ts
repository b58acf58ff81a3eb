// What the two ends of a snapshot do when the other end, though it knows the secret, breaks the
// rules: a rogue end speaks raw frames here.
import assert from "node:assert/strict";
import { test } from "node:test";
import { toRevision } from "../kv/index.ts";
import { toLogIndex, toTerm } from "../raft/index.ts";
import type { SnapshotSource } from "../replica/index.ts";
import type { SegmentWriter } from "./codec/segment-writer.ts";
import { ROGUE, rogueReceiver, rogueSender, type Write } from "./rogue-peer.test-kit.ts";
import { writeCount, writeResult, writeSnapshotBegin } from "./snapshot-frames.ts";
import { memberAt, startPeer, type TestPeer, turns, until } from "./transport.test-kit.ts";

const metadata = {
  index: toLogIndex(90),
  term: toTerm(6),
  configurationIndex: toLogIndex(80),
  configuration: { members: [memberAt(1, 5101)] },
};

const begin: Parameters<Write> = [
  "snapshotBegin",
  (out) => writeSnapshotBegin(out, { term: toTerm(7), metadata }),
];
const chunk: Parameters<Write> = ["snapshotChunk", (out) => out.rest(new Uint8Array(100))];

async function isCutOff(peer: TestPeer, message: string): Promise<void> {
  await until(() => peer.transport.stats().protocolErrors === 1, "it is cut off");
  assert.ok(
    peer.logs.some((line) => line.includes(message)),
    peer.logs.join("\n"),
  );
  await until(() => peer.transport.stats().snapshotsReceiving === 0, "nothing is left");
}

const rules: readonly [string, string, readonly Parameters<Write>[]][] = [
  ["more chunks than the window", "window", [begin, chunk, chunk, chunk, chunk, chunk]],
  ["an end with another count", "2 chunks, 1 came", [begin, chunk, ["snapshotEnd", count(2)]]],
  ["a chunk after the end", "after the end", [begin, ["snapshotEnd", count(0)], chunk]],
  ["a chunk before the beginning", "must begin", [chunk]],
  ["a second beginning", "from the sender", [begin, begin]],
  ["a message", "must begin", [["raft", (out) => out.fields.u8(1)]]],
  ["an answer", "from the sender", [begin, ["snapshotResult", (out) => writeResult(out, true)]]],
];

function count(chunks: number): (out: SegmentWriter) => void {
  return (out) => writeCount(out, chunks);
}

for (const [what, message, frames] of rules) {
  test(`a sender is cut off that sends ${what}`, async (t) => {
    const peer = await startPeer(t, 1);
    const write = await rogueSender(t, peer);
    for (const frame of frames) write(...frame);
    await isCutOff(peer, message);
    for (const snapshot of peer.snapshots) {
      let failed = false;
      snapshot.read(
        () => assert.fail("nothing of it reaches the driver"),
        () => {
          failed = true;
        },
      );
      await until(() => failed, "the driver is told of the break");
    }
  });
}

test("a snapshot's frame on a connection for messages is cut off", async (t) => {
  const peer = await startPeer(t, 1);
  const write = await rogueSender(t, peer, "messages");
  write(...chunk);
  await until(() => peer.transport.stats().protocolErrors === 1, "it is cut off");
});

test("a sender that stops in the middle is given up, though it answers pings", async (t) => {
  const peer = await startPeer(t, 1, { limits: { snapshotStallMsMax: 5_000 } });
  const write = await rogueSender(t, peer);
  write(...begin);
  write(...chunk);
  await until(() => peer.snapshots.length === 1, "offered");
  let chunks = 0;
  let failed = false;
  peer.snapshots[0]?.read(
    (_chunk, next) => {
      chunks += 1;
      next();
    },
    () => {
      failed = true;
    },
  );
  await until(() => chunks === 1, "the chunk arrives");
  for (let second = 0; second < 7 && !failed; second += 1) {
    write("ping", (out) => out.fields.u64(0));
    await turns(50);
    peer.runtime.advance(1_000);
  }
  await until(() => failed, "given up");
  assert.ok(
    peer.logs.some((line) => line.includes("made no progress")),
    peer.logs.join("\n"),
  );
});

function sourceOf(next: SnapshotSource["next"]): SnapshotSource {
  return { metadata, revision: toRevision(1), next, close: () => undefined };
}

const answers: readonly [string, Parameters<Write>][] = [
  ["acknowledges what was never sent", ["snapshotAck", count(1_000)]],
  ["answers with a chunk", chunk],
  ["answers with nonsense", ["snapshotResult", (out) => out.fields.u8(7)]],
];

for (const [what, frame] of answers) {
  test(`a receiver is cut off that ${what}`, async (t) => {
    const peer = await startPeer(t, 1);
    const rogue = await rogueReceiver(t, peer.id, (write) => write(...frame));
    peer.transport.setPeers([rogue]);
    const outcomes: boolean[] = [];
    const source = sourceOf((done) => setImmediate(done, new Uint8Array(10)));
    peer.transport.sendSnapshot(ROGUE, toTerm(7), source, (done) => outcomes.push(done));
    await until(() => outcomes.length === 1, "ended");
    assert.deepEqual(outcomes, [false]);
    assert.equal(peer.transport.stats().protocolErrors, 1);
  });
}

test("the end is not told while the source is being read", async (t) => {
  const peer = await startPeer(t, 1);
  const rogue = await rogueReceiver(t, peer.id, (write) => {
    write("snapshotResult", (out) => writeResult(out, false));
  });
  peer.transport.setPeers([rogue]);
  const pending: ((chunk: Uint8Array | null) => void)[] = [];
  const outcomes: boolean[] = [];
  const source = sourceOf((done) => pending.push(done));
  peer.transport.sendSnapshot(ROGUE, toTerm(7), source, (done) => outcomes.push(done));
  await until(() => pending.length === 1, "the source is being read");
  await until(() => peer.logs.some((line) => line.includes("snapshot sent")), "it has ended");
  for (let turn = 0; turn < 20; turn += 1) await new Promise((done) => setImmediate(done));
  assert.deepEqual(outcomes, []);
  pending[0]?.(new Uint8Array(10));
  await until(() => outcomes.length === 1, "told now");
  assert.deepEqual(outcomes, [false]);
  assert.equal(pending.length, 1, "and not read again");
});
