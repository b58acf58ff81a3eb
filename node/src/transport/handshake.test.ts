import assert from "node:assert/strict";
import { connect, type Socket } from "node:net";
import { test } from "node:test";
import { toClusterId, toNodeId } from "../raft/index.ts";
import { AcceptHandshake, DialHandshake, type HandshakeStep, HELLO_BYTES } from "./handshake.ts";
import { defaultTransportLimits } from "./options.ts";
import { TcpTransport } from "./tcp-transport.ts";
import {
  CLUSTER,
  ManualRuntime,
  SECRET,
  startPeer,
  type TestPeer,
  until,
} from "./transport.test-kit.ts";

const options = (self: number, secret: Uint8Array = SECRET) => ({
  clusterId: CLUSTER,
  self: toNodeId(self),
  secret,
});

function sent(step: HandshakeStep): Uint8Array {
  assert.ok(step.type === "send" || step.type === "proved", step.type);
  assert.ok(step.bytes !== null);
  return step.bytes;
}

/** Runs both sides against each other; gives every message and how each side ended. */
function converse(dialler: DialHandshake, acceptor: AcceptHandshake) {
  const nonce = sent(acceptor.push(dialler.hello));
  const dialProof = sent(dialler.push(nonce));
  const accepted = acceptor.push(dialProof);
  if (accepted.type !== "proved") return { nonce, dialProof, accepted, dialled: null };
  return { nonce, dialProof, accepted, dialled: dialler.push(sent(accepted)) };
}

test("both sides prove the secret and learn who the other is", () => {
  const dialler = new DialHandshake(options(1), toNodeId(2), "snapshot");
  const { accepted, dialled } = converse(dialler, new AcceptHandshake(options(2)));
  assert.ok(accepted.type === "proved" && dialled?.type === "proved");
  assert.equal(accepted.peer, 1);
  assert.equal(accepted.purpose, "snapshot");
  assert.equal(dialled.peer, 2);
});

test("the secret is never on the wire, nor anything equal in two handshakes", () => {
  const first = converse(
    new DialHandshake(options(1), toNodeId(2), "messages"),
    new AcceptHandshake(options(2)),
  );
  const second = converse(
    new DialHandshake(options(1), toNodeId(2), "messages"),
    new AcceptHandshake(options(2)),
  );
  assert.notDeepEqual(first.nonce, second.nonce);
  assert.notDeepEqual(first.dialProof, second.dialProof);
  const wire = Buffer.concat([first.nonce, first.dialProof, sent(first.accepted)]);
  assert.equal(wire.includes(SECRET), false);
});

test("a wrong secret is refused by the acceptor before it gives anything made with its own", () => {
  const wrong = new DialHandshake(options(1, new Uint8Array(32).fill(8)), toNodeId(2), "messages");
  const { accepted } = converse(wrong, new AcceptHandshake(options(2)));
  assert.deepEqual(accepted, { type: "refused", reason: "wrongProof" });
});

test("a wrong secret of the acceptor is refused by the dialler", () => {
  const dialler = new DialHandshake(options(1), toNodeId(2), "messages");
  assert.equal(dialler.push(new Uint8Array(32)).type, "send");
  assert.deepEqual(dialler.push(new Uint8Array(32)), { type: "refused", reason: "wrongProof" });
});

test("a recorded handshake cannot be replayed to either side", () => {
  const recorded = new DialHandshake(options(1), toNodeId(2), "messages");
  const old = converse(recorded, new AcceptHandshake(options(2)));
  const acceptor = new AcceptHandshake(options(2));
  acceptor.push(recorded.hello);
  assert.deepEqual(acceptor.push(old.dialProof), { type: "refused", reason: "wrongProof" });
  const dialler = new DialHandshake(options(1), toNodeId(2), "messages");
  dialler.push(old.nonce);
  assert.deepEqual(dialler.push(sent(old.accepted)), { type: "refused", reason: "wrongProof" });
});

test("a dialler's proof reflected to it does not prove the acceptor", () => {
  const dialler = new DialHandshake(options(1), toNodeId(2), "messages");
  const own = sent(dialler.push(new Uint8Array(32)));
  assert.deepEqual(dialler.push(own), { type: "refused", reason: "wrongProof" });
});

test("a proof made for one peer or purpose proves nothing to another", () => {
  const nonce = new Uint8Array(32).fill(3);
  const fixed = { nonce: () => nonce };
  const make = (from: number, to: number, purpose: "messages" | "snapshot") => {
    const dialler = new DialHandshake({ ...options(from), ...fixed }, toNodeId(to), purpose);
    return { hello: dialler.hello, proof: sent(dialler.push(nonce)) };
  };
  const right = make(1, 2, "messages");
  const others = [make(3, 2, "messages"), make(1, 4, "messages"), make(1, 2, "snapshot")];
  for (const other of others) assert.notDeepEqual(other.proof, right.proof);
  const acceptor = new AcceptHandshake({ ...options(2), ...fixed });
  acceptor.push(right.hello);
  for (const other of others) {
    const attempt = new AcceptHandshake({ ...options(2), ...fixed });
    attempt.push(right.hello);
    assert.equal(attempt.push(other.proof).type, "refused");
  }
  assert.equal(acceptor.push(right.proof).type, "proved");
});

test("every step survives being cut anywhere and refuses one byte too many", () => {
  const dialler = new DialHandshake(options(1), toNodeId(2), "messages");
  const acceptor = new AcceptHandshake(options(2));
  for (const byte of dialler.hello.subarray(0, -1)) {
    assert.equal(acceptor.push(Uint8Array.of(byte)).type, "wait");
  }
  assert.equal(acceptor.push(dialler.hello.subarray(-1)).type, "send");
  assert.deepEqual(
    new AcceptHandshake(options(2)).push(Buffer.concat([dialler.hello, Buffer.of(0)])),
    { type: "refused", reason: "unexpectedBytes" },
  );
  assert.deepEqual(dialler.push(new Uint8Array(33)), {
    type: "refused",
    reason: "unexpectedBytes",
  });
});

test("each flipped bit of a hello is refused at once or at the proof", () => {
  for (let bit = 0; bit < HELLO_BYTES * 8; bit += 1) {
    const dialler = new DialHandshake(options(1), toNodeId(2), "messages");
    const hello = Uint8Array.from(dialler.hello);
    hello[bit >> 3] = (hello[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    const acceptor = new AcceptHandshake(options(2));
    const step = acceptor.push(hello);
    if (step.type === "refused") continue;
    const end = acceptor.push(sent(dialler.push(sent(step))));
    assert.deepEqual(end, { type: "refused", reason: "wrongProof" }, `bit ${bit}`);
  }
});

const refusedFor = (peer: TestPeer, reason: string): boolean =>
  [...peer.transport.stats().refused].some(([name, count]) => name === reason && count > 0);

test("wrong secret, cluster, node and own id: refused, counted and told", async (t) => {
  const a = await startPeer(t, 1);
  const secret = new Uint8Array(32).fill(9);
  const clusterId = toClusterId("ff".repeat(16));
  const cases = [
    { reason: "wrongProof", peer: await startPeer(t, 2, { secret }), member: a.member() },
    { reason: "wrongCluster", peer: await startPeer(t, 2, { clusterId }), member: a.member() },
    {
      reason: "wrongNode",
      peer: await startPeer(t, 2),
      member: { ...a.member(), id: toNodeId(5) },
    },
    {
      reason: "ownId",
      peer: await startPeer(t, 3),
      member: { ...a.member(), id: toNodeId(3) },
    },
  ];
  for (const { reason, peer, member } of cases) {
    if (reason === "ownId") {
      // A copy of node 1's data folder, told to talk to node 1.
      const hello = new DialHandshake(options(1), toNodeId(1), "messages").hello;
      await exchange(t, a, (socket) => socket.write(hello));
    } else {
      peer.transport.setPeers([member]);
    }
    await until(() => refusedFor(a, reason), reason);
    assert.ok(
      a.logs.some((line) => line.includes(`"reason":"${reason}"`)),
      `${reason} is told`,
    );
  }
  assert.equal(a.transport.stats().inboundConnections, 0);
  assert.equal(a.received.length, 0);
});

/** Connects raw, does something, and waits until the other side has closed. */
async function exchange(
  t: { after(task: () => void): void },
  peer: TestPeer,
  act: (socket: Socket) => void,
): Promise<Buffer> {
  const socket = connect(peer.port, "127.0.0.1");
  t.after(() => socket.destroy());
  const chunks: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => chunks.push(chunk));
  socket.on("error", () => undefined);
  socket.on("connect", () => act(socket));
  await new Promise<void>((resolve) => socket.on("close", () => resolve()));
  return Buffer.concat(chunks);
}

test("garbage, and more of it than a hello, is closed without an answer", async (t) => {
  const a = await startPeer(t, 1);
  const answer = await exchange(t, a, (socket) => socket.write(Buffer.alloc(100_000, "GET / ")));
  assert.equal(answer.length, 0);
  assert.equal(a.transport.stats().pendingHandshakes, 0);
});

test("a connection that proves itself too slowly is closed at its deadline", async (t) => {
  const a = await startPeer(t, 1);
  const { hello } = new DialHandshake(options(2), toNodeId(1), "messages");
  const closed = exchange(t, a, (socket) => socket.write(hello.subarray(0, 10)));
  await until(() => a.transport.stats().pendingHandshakes === 1, "it is pending");
  a.runtime.advance(defaultTransportLimits.handshakeMsMax - 1);
  assert.equal(a.transport.stats().pendingHandshakes, 1);
  a.runtime.advance(1);
  await closed;
  assert.ok(refusedFor(a, "deadline"));
});

test("a dialled peer that never answers is given up at the deadline", async (t) => {
  const silent = await startPeer(t, 2);
  const a = await startPeer(t, 1);
  // A listener that accepts and says nothing.
  const { createServer } = await import("node:net");
  const mute = createServer(() => undefined);
  await new Promise<void>((resolve) => mute.listen(0, "127.0.0.1", resolve));
  t.after(() => mute.close());
  const address = mute.address();
  assert.ok(address !== null && typeof address === "object");
  a.transport.setPeers([{ ...silent.member(), peerAddress: `127.0.0.1:${address.port}` }]);
  a.runtime.advance(defaultTransportLimits.connectMsMax);
  await until(() => a.unreachable.length === 1, "given up");
  assert.ok(refusedFor(a, "deadline"));
});

test("unproved connections are limited and the oldest gives way to a member", async (t) => {
  const a = await startPeer(t, 1, { limits: { pendingHandshakesMax: 5 } });
  const idlers = Array.from({ length: 12 }, () => exchange(t, a, () => undefined));
  await until(() => (a.transport.stats().refused.get("crowded") ?? 0) === 7, "the oldest go");
  assert.equal(a.transport.stats().pendingHandshakes, 5);
  const b = await startPeer(t, 2);
  b.transport.setPeers([a.member()]);
  await until(() => a.transport.stats().inboundConnections === 1, "the member gets in");
  await a.transport.close();
  await Promise.all(idlers);
});

test("connections that proved nothing give way, and then no more are taken", async (t) => {
  const a = await startPeer(t, 1, { limits: { connectionsMax: 3 } });
  const [b, c] = [await startPeer(t, 2), await startPeer(t, 3)];
  const idlers = Array.from({ length: 5 }, () => exchange(t, a, () => undefined));
  const crowded = (): number => a.transport.stats().refused.get("crowded") ?? 0;
  await until(() => crowded() === 2, "no more than three");
  for (const peer of [b, c]) peer.transport.setPeers([a.member()]);
  await until(() => a.transport.stats().inboundConnections === 2, "members get in");
  assert.equal(a.transport.stats().pendingHandshakes, 1);
  const d = await startPeer(t, 4);
  d.transport.setPeers([a.member()]);
  await until(() => a.transport.stats().inboundConnections === 3, "the last idler gives way");
  const e = await startPeer(t, 5);
  const before = crowded();
  e.transport.setPeers([a.member()]);
  await until(() => crowded() > before, "a fourth is refused");
  assert.equal(a.transport.stats().inboundConnections, 3);
  assert.equal(a.transport.stats().pendingHandshakes, 0);
  await a.transport.close();
  await Promise.all(idlers);
});

test("nothing is let in before the driver has started", async (t) => {
  const runtime = new ManualRuntime();
  const early = new TcpTransport({
    ...options(1),
    listen: { host: "127.0.0.1", port: 0 },
    limits: defaultTransportLimits,
    runtime,
    log: { info: () => undefined, warn: () => undefined },
  });
  t.after(() => early.close());
  const port = await early.listen();
  const b = await startPeer(t, 2);
  b.transport.setPeers([{ ...b.member(), id: toNodeId(1), peerAddress: `127.0.0.1:${port}` }]);
  await until(() => early.stats().refused.get("notReady") === 1, "refused");
});

test("a secret that could be guessed is refused at start", () => {
  const short = { ...options(1, new Uint8Array(31)), listen: { host: "127.0.0.1", port: 0 } };
  assert.throws(
    () =>
      new TcpTransport({
        ...short,
        limits: defaultTransportLimits,
        runtime: new ManualRuntime(),
        log: { info: () => undefined, warn: () => undefined },
      }),
    { name: "RangeError", message: "the peer secret has 31 bytes, it needs at least 32" },
  );
});
