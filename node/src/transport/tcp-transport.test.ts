import assert from "node:assert/strict";
import { createServer, type Socket } from "node:net";
import { test } from "node:test";
import { toLogIndex, toNodeId, toTerm } from "../raft/index.ts";
import type { PeerMessage } from "../replica/index.ts";
import { boundPort } from "./options.ts";
import { ROGUE, rogueReceiver } from "./rogue-peer.test-kit.ts";
import {
  connectAll,
  heartbeat,
  isConnected,
  memberAt,
  startPeer,
  turns,
  until,
} from "./transport.test-kit.ts";

function append(from: number, to: number, sizes: readonly number[]): PeerMessage {
  return {
    type: "raft",
    message: {
      type: "appendEntries",
      from: toNodeId(from),
      to: toNodeId(to),
      term: toTerm(3),
      prevLogIndex: toLogIndex(10),
      prevLogTerm: toTerm(2),
      leaderCommit: toLogIndex(9),
      entries: sizes.map((size, at) => ({
        index: toLogIndex(11 + at),
        term: toTerm(3),
        type: "command",
        data: new Uint8Array(size).fill(at + 1),
      })),
    },
  };
}

test("messages of all sizes arrive unchanged and in order", async (t) => {
  const a = await startPeer(t, 1);
  const b = await startPeer(t, 2);
  await connectAll(a, b);
  const sent = [
    heartbeat(1, 2, 1),
    append(1, 2, [0, 1, 300, 4096, 4097, 200_000]),
    heartbeat(1, 2, 2),
    append(1, 2, []),
    append(1, 2, [3_000_000]),
    heartbeat(1, 2, 3),
  ];
  for (const message of sent) a.transport.send(b.id, message);
  await until(() => b.received.length === sent.length, "all messages arrive");
  assert.deepEqual(
    b.received.map((received) => received.message),
    sent,
  );
  assert.ok(b.received.every((received) => received.from === a.id));
  for (const { message } of b.received) {
    if (message.type !== "raft" || message.message.type !== "appendEntries") continue;
    assert.ok(message.message.entries.every(({ data }) => !Buffer.isBuffer(data)));
  }
});

test("messages sent in one turn of the loop leave in one write", async (t) => {
  const a = await startPeer(t, 1);
  const chunks: number[] = [];
  const b = await startPeer(t, 2);
  // A relay between them sees what one read of the socket holds.
  const relay = createServer((near: Socket) => {
    const far = new (near.constructor as typeof Socket)();
    far.connect(b.port, "127.0.0.1");
    near.on("data", (chunk) => {
      chunks.push(chunk.length);
      far.write(chunk);
    });
    far.on("data", (chunk) => near.write(chunk));
    near.on("close", () => far.destroy());
    far.on("close", () => near.destroy());
  });
  await new Promise<void>((resolve) => relay.listen(0, "127.0.0.1", resolve));
  t.after(() => relay.close());
  a.transport.setPeers([memberAt(2, boundPort(relay))]);
  await until(() => isConnected(a, 2), "connected through the relay");
  await turns();
  chunks.length = 0;
  for (let at = 0; at < 50; at += 1) a.transport.send(b.id, heartbeat(1, 2, at));
  await until(() => b.received.length === 50, "all arrive");
  assert.equal(chunks.length, 1);
});

test("a peer that restarts on its port is connected again after the back-off", async (t) => {
  const a = await startPeer(t, 1);
  const b = await startPeer(t, 2);
  a.transport.setPeers([b.member()]);
  await until(() => isConnected(a, 2), "first connection");
  await b.transport.close();
  await until(() => a.unreachable.length === 1, "the break is told");
  assert.equal(isConnected(a, 2), false);
  a.transport.send(b.id, heartbeat(1, 2, 1));
  assert.equal(a.transport.stats().peers[0]?.messagesDropped, 1);
  for (let at = 0; at < 5; at += 1) {
    a.runtime.advance(2_000);
    await turns();
  }
  assert.deepEqual(a.unreachable, [b.id], "one break is told once, however often dialling fails");
  const again = await startPeer(t, 2, { port: b.port });
  await until(() => {
    a.runtime.advance(100);
    return isConnected(a, 2);
  }, "second connection");
  a.transport.send(b.id, heartbeat(1, 2, 2));
  await until(() => again.received.length === 1, "messages flow again");
  const [stats] = a.transport.stats().peers;
  assert.equal(stats?.connects, 2);
  assert.equal(stats?.breaks, 1);
});

test("pauses between attempts double up to their limit", async (t) => {
  const a = await startPeer(t, 1, { limits: { reconnectMsMin: 100, reconnectMsMax: 800 } });
  const closed = await startPeer(t, 2);
  await closed.transport.close();
  a.transport.setPeers([closed.member()]);
  const failures = (): number => a.transport.stats().peers[0]?.connectFailures ?? 0;
  await until(() => failures() === 1, "first attempt fails");
  // random() is 0.5: three quarters of the full pause.
  for (const [at, pauseMs] of [75, 150, 300, 600, 600].entries()) {
    a.runtime.advance(pauseMs - 1);
    await turns();
    assert.equal(failures(), at + 1, `not before ${pauseMs} ms`);
    a.runtime.advance(1);
    await until(() => failures() === at + 2, `an attempt after ${pauseMs} ms`);
  }
});

test("a connection that lasted starts the pauses anew, a short one does not", async (t) => {
  const limits = { reconnectMsMin: 100, reconnectMsMax: 10_000, silenceMsMax: 60_000 };
  const a = await startPeer(t, 1, { limits });
  let b = await startPeer(t, 2);
  a.transport.setPeers([b.member()]);
  // random() is 0.5: three quarters of the full pause, which doubles from 100 ms.
  for (const [lastsMs, pauseMs] of [
    [0, 75],
    [0, 150],
    [0, 300],
    [10_000, 75],
    [9_000, 150],
  ] as const) {
    await until(() => isConnected(a, 2), "connected");
    a.runtime.advance(lastsMs);
    const breaks = a.unreachable.length;
    await b.transport.close();
    await until(() => a.unreachable.length > breaks, "broken");
    b = await startPeer(t, 2, { port: b.port });
    a.runtime.advance(pauseMs - 1);
    await turns();
    assert.equal(isConnected(a, 2), false, `not before ${pauseMs} ms`);
    a.runtime.advance(1);
  }
});

test("a peer that connects to us is dialled at once, not after the back-off", async (t) => {
  const a = await startPeer(t, 1);
  const gone = await startPeer(t, 2);
  await gone.transport.close();
  a.transport.setPeers([gone.member()]);
  await until(() => a.unreachable.length === 1, "the first attempt fails");
  const b = await startPeer(t, 2, { port: gone.port });
  b.transport.setPeers([a.member()]);
  await until(() => isConnected(a, 2), "no timer of a was advanced");
});

test("a connection to a peer's former life is found dead once the peer dials anew", async (t) => {
  const a = await startPeer(t, 1);
  // It proves itself and then never says a word: a host that vanished without a farewell.
  a.transport.setPeers([await rogueReceiver(t, a.id, () => undefined)]);
  await until(() => isConnected(a, ROGUE), "connected to the former life");
  const elsewhere = await startPeer(t, ROGUE);
  elsewhere.transport.setPeers([a.member()]);
  await until(() => a.transport.stats().inboundConnections === 1, "the new life dials");
  a.runtime.advance(499);
  await turns();
  assert.equal(isConnected(a, ROGUE), true);
  a.runtime.advance(1);
  await until(() => a.unreachable.length === 1, "found dead");
});

test("a peer that dials anew and answers on the old connection keeps it", async (t) => {
  const a = await startPeer(t, 1);
  const b = await startPeer(t, 2);
  a.transport.setPeers([b.member()]);
  await until(() => isConnected(a, 2), "connected");
  b.transport.setPeers([a.member()]);
  await until(() => a.transport.stats().inboundConnections === 1, "b dials too");
  await turns();
  a.runtime.advance(500);
  await turns();
  assert.equal(isConnected(a, 2), true);
  assert.equal(a.transport.stats().peers[0]?.connects, 1);
});

test("a full queue drops and counts, by messages and by bytes, and never blocks", async (t) => {
  const limits = { queueMessagesMax: 10, queueBytesMax: 100_000, socketBytesMax: 1 };
  const a = await startPeer(t, 1, { limits });
  const b = await startPeer(t, 2);
  a.transport.setPeers([b.member()]);
  // Still dialling: everything waits for the connection.
  for (let at = 0; at < 25; at += 1) a.transport.send(b.id, heartbeat(1, 2, at));
  assert.equal(a.transport.stats().peers[0]?.queueMessages, 10);
  assert.equal(a.transport.stats().peers[0]?.messagesDropped, 15);
  await until(() => b.received.length === 10, "the ten that fitted arrive");
  // Connected: the first goes to the socket, what exceeds the bytes of the queue is dropped.
  for (let at = 0; at < 4; at += 1) a.transport.send(b.id, append(1, 2, [40_000]));
  assert.equal(a.transport.stats().peers[0]?.queueMessages, 2);
  assert.equal(a.transport.stats().peers[0]?.messagesDropped, 16);
  await until(() => b.received.length === 13, "the queue drains");
  assert.equal(a.transport.stats().peers[0]?.queueBytes, 0);
});

test("a message larger than a frame is dropped and told", async (t) => {
  const limits = { frameBytesMax: 10_000 };
  const a = await startPeer(t, 1, { limits });
  const b = await startPeer(t, 2, { limits });
  await connectAll(a, b);
  a.transport.send(b.id, append(1, 2, [10_000]));
  a.transport.send(b.id, heartbeat(1, 2, 1));
  await until(() => b.received.length === 1, "the next one arrives");
  assert.equal(a.transport.stats().peers[0]?.messagesDropped, 1);
  assert.ok(a.logs.some((line) => line.includes("larger than a frame")));
});

test("a frame above the receiver's limit closes the connection", async (t) => {
  const a = await startPeer(t, 1);
  const b = await startPeer(t, 2, { limits: { frameBytesMax: 10_000 } });
  await connectAll(a, b);
  a.transport.send(b.id, append(1, 2, [10_000]));
  await until(() => a.unreachable.length === 1, "the sender sees the break");
  assert.equal(b.transport.stats().protocolErrors, 1);
  assert.equal(b.received.length, 0);
});

test("a silent connection is found dead and made again", async (t) => {
  const a = await startPeer(t, 1);
  const b = await startPeer(t, 2);
  a.transport.setPeers([b.member()]);
  await until(() => isConnected(a, 2), "connected");
  // b answers pings: the round trip is known and the connection stays for as long as it does.
  for (let second = 0; second < 10; second += 1) {
    a.runtime.advance(1_000);
    b.runtime.advance(1_000);
    await turns();
  }
  assert.equal(isConnected(a, 2), true);
  assert.ok(a.transport.stats().peers[0]?.roundTripMs !== null);
  // Now time passes for a in steps while nothing comes back: b's process never gets a turn.
  for (let beat = 0; beat < 6; beat += 1) a.runtime.advance(1_000);
  await until(() => a.unreachable.length === 1, "the break is told");
});

test("after a pause of this very process connections are not judged dead", async (t) => {
  const a = await startPeer(t, 1);
  const b = await startPeer(t, 2);
  await connectAll(a, b);
  a.runtime.every(60_000, () => undefined);
  Object.defineProperty(a.runtime, "monotonicMs", { value: () => 500_000 });
  a.runtime.advance(1_000);
  await turns();
  assert.equal(isConnected(a, 2), true);
  assert.deepEqual(a.unreachable, []);
});

test("a node that knows no members answers on the connection of whoever dialled it", async (t) => {
  const leader = await startPeer(t, 1);
  const joining = await startPeer(t, 2);
  leader.transport.setPeers([joining.member()]);
  await until(() => isConnected(leader, 2), "the leader dials");
  joining.transport.send(leader.id, heartbeat(2, 1, 9));
  await until(() => leader.received.length === 1, "the answer arrives");
  joining.transport.send(toNodeId(77), heartbeat(2, 77, 1));
  assert.equal(joining.transport.stats().messagesUnroutable, 1);
});

test("connections of nodes that are not members are limited", async (t) => {
  const a = await startPeer(t, 1, { limits: { strangersMax: 2 } });
  const strangers = [await startPeer(t, 2), await startPeer(t, 3), await startPeer(t, 4)];
  for (const stranger of strangers.slice(0, 2)) {
    stranger.transport.setPeers([a.member()]);
    await until(() => isConnected(stranger, 1), "a stranger within the limit");
  }
  strangers[2]?.transport.setPeers([a.member()]);
  await until(() => a.transport.stats().refused.get("tooManyStrangers") === 1, "refused");
  // A member is always let in.
  const member = await startPeer(t, 9);
  a.transport.setPeers([member.member()]);
  member.transport.setPeers([a.member()]);
  await until(() => isConnected(member, 1), "the member connects");
});

test("a removed member still gets what it was sent, then its connections close", async (t) => {
  const a = await startPeer(t, 1);
  const b = await startPeer(t, 2);
  await connectAll(a, b);
  a.transport.setPeers([a.member()]);
  a.transport.send(b.id, heartbeat(1, 2, 1));
  await until(() => b.received.length === 1, "the last message arrives");
  a.runtime.advance(2_000);
  await until(() => b.unreachable.length === 1, "both connections are closed");
  assert.equal(a.transport.stats().peers.length, 0);
  assert.deepEqual(a.unreachable, [], "nobody is told that a non-member is unreachable");
});

test("a member that moves is followed to its new address", async (t) => {
  const a = await startPeer(t, 1);
  const old = await startPeer(t, 2);
  const moved = await startPeer(t, 2);
  a.transport.setPeers([old.member()]);
  await until(() => isConnected(a, 2), "connected to the old address");
  a.transport.setPeers([moved.member()]);
  await until(() => {
    a.runtime.advance(10);
    return isConnected(a, 2);
  }, "connected to the new address");
  a.transport.send(moved.id, heartbeat(1, 2, 1));
  await until(() => moved.received.length === 1, "messages go to the new address");
  assert.equal(old.received.length, 0);
});

test("a second connection of the same peer replaces the first", async (t) => {
  const a = await startPeer(t, 1);
  const first = await startPeer(t, 2);
  first.transport.setPeers([a.member()]);
  await until(() => isConnected(first, 1), "first life");
  const second = await startPeer(t, 2);
  second.transport.setPeers([a.member()]);
  await until(() => first.unreachable.length === 1, "the first is closed");
  assert.equal(a.transport.stats().inboundConnections, 1);
  assert.equal(isConnected(second, 1), true);
});

test("an address that is none is told and tried again, never thrown", async (t) => {
  const a = await startPeer(t, 1);
  a.transport.setPeers([{ ...memberAt(2, 1), peerAddress: "nowhere" }]);
  await until(() => a.unreachable.length === 1, "unreachable");
  assert.ok(a.logs.some((line) => line.includes("nowhere")));
});

test("two nodes on one port: the second refuses to start and names the address", async (t) => {
  const a = await startPeer(t, 1);
  await assert.rejects(startPeer(t, 2, { port: a.port }), {
    message: new RegExp(`cannot listen for peers on 127\\.0\\.0\\.1:${a.port}`),
  });
});

test("closing leaves no timer and no socket behind", async (t) => {
  const a = await startPeer(t, 1);
  const b = await startPeer(t, 2);
  const absent = await startPeer(t, 3);
  await absent.transport.close();
  await connectAll(a, b);
  a.transport.setPeers([b.member(), absent.member()]);
  await until(() => a.unreachable.length === 1, "one link waits for its next attempt");
  await a.transport.close();
  assert.equal(a.runtime.timers, 0);
  await until(() => b.unreachable.length === 1, "the other side sees the end");
  a.transport.send(b.id, heartbeat(1, 2, 1));
  await a.transport.close();
});

test("a message addressed to another than it is sent to is an impossible state", async (t) => {
  const a = await startPeer(t, 1);
  const b = await startPeer(t, 2);
  await connectAll(a, b);
  assert.throws(
    () => a.transport.send(b.id, heartbeat(1, 3, 1)),
    /heartbeat from 1 to 3 sent by 1/,
  );
  assert.throws(
    () => a.transport.send(b.id, heartbeat(3, 2, 1)),
    /heartbeat from 3 to 2 sent by 1/,
  );
});
