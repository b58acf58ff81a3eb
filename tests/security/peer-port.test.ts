/**
 * The port for other nodes, as a stranger finds it, as somebody who recorded traffic, and as a peer
 * that knows the secret and sends what it must not.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { before, type TestContext, test } from "node:test";
import { encodeCommand } from "../../node/src/kv/index.ts";
import {
  type ClusterId,
  type NodeId,
  toClusterId,
  toNodeId,
  toTerm,
} from "../../node/src/raft/index.ts";
import { writePeerMessage } from "../../node/src/transport/codec/peer-message.ts";
import { encodeFrame, route } from "../../node/src/transport/frame.ts";
import { DialHandshake, HELLO_BYTES } from "../../node/src/transport/handshake.ts";
import { eventually } from "../cluster/polling.test-kit.ts";
import { DEADLINE, quick, startTarget, type Target } from "./target.test-kit.ts";

const STRANGER = toNodeId(9);
const SELF = toNodeId(1);
const NONCE_BYTES = 32;
const PROOF_BYTES = 32;

let target: Target;
let clusterId: ClusterId;
let secret: Buffer;

before(async () => {
  target = await startTarget({
    ...quick,
    peers: { connectTimeoutMs: 500, frameBytesMax: 8_388_608 },
  });
  const status = (await (await target.send("/v1/cluster")).json()) as {
    readonly clusterId: string;
  };
  clusterId = toClusterId(status.clusterId);
  secret = Buffer.from(readFileSync(target.cluster.secrets.peerSecret, "utf8").trimEnd());
});

class PeerConnection {
  readonly socket: Socket;
  received: Buffer = Buffer.alloc(0);
  #isClosed = false;

  constructor(t: TestContext) {
    const [host, port] = target.node.peerAddress.split(":");
    this.socket = connect(Number(port), host);
    t.after(() => this.socket.destroy());
    this.socket.on("data", (chunk: Buffer) => {
      this.received = Buffer.concat([this.received, chunk]);
    });
    this.socket.on("error", () => undefined);
    this.socket.on("close", () => {
      this.#isClosed = true;
    });
  }

  /** @returns all that came before the node closed */
  async closed(): Promise<Buffer> {
    if (!this.#isClosed) await once(this.socket, "close");
    return this.received;
  }

  /** At least so many bytes. */
  async gets(bytes: number): Promise<Buffer> {
    while (this.received.length < bytes) {
      assert.ok(!this.#isClosed, `closed after ${this.received.length} bytes`);
      await Promise.race([once(this.socket, "data"), once(this.socket, "close")]);
    }
    return this.received;
  }
}

interface Caller {
  readonly clusterId?: ClusterId;
  readonly self?: NodeId;
  readonly peer?: NodeId;
  readonly secret?: Uint8Array;
}

const handshakeOf = (caller: Caller = {}): DialHandshake =>
  new DialHandshake(
    {
      clusterId: caller.clusterId ?? clusterId,
      self: caller.self ?? STRANGER,
      secret: caller.secret ?? secret,
    },
    caller.peer ?? SELF,
    "messages",
  );

/** The whole handshake. @returns the connection, and what this side sent */
async function prove(
  t: TestContext,
  handshake: DialHandshake = handshakeOf(),
): Promise<{ readonly connection: PeerConnection; readonly sent: Buffer }> {
  const connection = new PeerConnection(t);
  connection.socket.write(handshake.hello);
  const step = handshake.push(await connection.gets(NONCE_BYTES));
  assert.equal(step.type, "send");
  const proof = step.type === "send" ? step.bytes : new Uint8Array(0);
  connection.socket.write(proof);
  return { connection, sent: Buffer.concat([handshake.hello, proof]) };
}

async function proved(t: TestContext): Promise<PeerConnection> {
  const { connection } = await prove(t);
  await connection.gets(NONCE_BYTES + PROOF_BYTES);
  return connection;
}

test("who does not know the secret gets nothing made with it", DEADLINE, async (t) => {
  const ping = Buffer.concat(
    encodeFrame("ping", route(clusterId, STRANGER, SELF), (out) => out.fields.u64(1)).segments.map(
      (segment) => Buffer.from(segment),
    ),
  );
  const openings: Readonly<Record<string, Uint8Array>> = {
    HTTP: Buffer.from(`GET / HTTP/1.1\r\nHost: x\r\n\r\n${" ".repeat(HELLO_BYTES)}`),
    zeros: Buffer.alloc(HELLO_BYTES),
    "a frame instead of a handshake": Buffer.concat([ping, Buffer.alloc(HELLO_BYTES)]),
    "a hello with a frame behind it": Buffer.concat([handshakeOf().hello, ping]),
    "another cluster": handshakeOf({ clusterId: toClusterId(`${"0".repeat(31)}1`) }).hello,
    "another node": handshakeOf({ peer: toNodeId(2) }).hello,
    "the node's own id": handshakeOf({ self: SELF }).hello,
  };
  for (const [what, bytes] of Object.entries(openings)) {
    const connection = new PeerConnection(t);
    connection.socket.write(bytes);
    assert.equal((await connection.closed()).length, 0, what);
  }
  const { connection } = await prove(t, handshakeOf({ secret: Buffer.alloc(64, "guess") }));
  assert.equal((await connection.closed()).length, NONCE_BYTES, "a nonce, and no proof");
  await target.isUnharmed();
});

test("a recorded handshake and a reflected one prove nothing", DEADLINE, async (t) => {
  const { connection: first, sent } = await prove(t);
  await first.gets(NONCE_BYTES + PROOF_BYTES);
  const answers = first.received;
  const replayed = new PeerConnection(t);
  replayed.socket.write(sent.subarray(0, HELLO_BYTES));
  await replayed.gets(NONCE_BYTES);
  replayed.socket.write(sent.subarray(HELLO_BYTES));
  assert.equal((await replayed.closed()).length, NONCE_BYTES, "replayed");
  for (const reflection of ["nonce", "proof"] as const) {
    const reflected = new PeerConnection(t);
    reflected.socket.write(handshakeOf().hello);
    const nonce = await reflected.gets(NONCE_BYTES);
    assert.notDeepEqual(nonce, answers.subarray(0, NONCE_BYTES), "nonces are fresh");
    reflected.socket.write(reflection === "nonce" ? nonce : answers.subarray(NONCE_BYTES, 64));
    assert.equal((await reflected.closed()).length, NONCE_BYTES, `reflected ${reflection}`);
  }
});

test(
  "slow and idle handshakes end at their deadline, and keep no member out",
  DEADLINE,
  async (t) => {
    const idle = Array.from({ length: 300 }, () => new PeerConnection(t));
    const slow = new PeerConnection(t);
    slow.socket.write(handshakeOf().hello.subarray(0, 10));
    const member = await proved(t);
    assert.ok(!member.socket.destroyed);
    for (const connection of [...idle, slow]) assert.equal((await connection.closed()).length, 0);
    await target.isUnharmed();
  },
);

test(
  "a proved peer that breaks the protocol is cut off, and nothing of it is taken",
  DEADLINE,
  async (t) => {
    const way = route(clusterId, STRANGER, SELF);
    const ping = (): Buffer => {
      const { segments } = encodeFrame("ping", way, (out) => out.fields.u64(1));
      return Buffer.concat(segments.map((segment) => Buffer.from(segment)));
    };
    const changed = (at: number): Buffer => {
      const bytes = ping();
      bytes[at] = (bytes[at] ?? 0) ^ 1;
      return bytes;
    };
    const length = (value: number): Buffer => {
      const bytes = Buffer.alloc(4);
      bytes.writeUInt32BE(value);
      return bytes;
    };
    const wrongWay = encodeFrame("ping", route(clusterId, SELF, STRANGER), (out) =>
      out.fields.u64(1),
    );
    const violations: Readonly<Record<string, Buffer>> = {
      garbage: Buffer.alloc(64, 0x5a),
      "a frame of 4 GiB": length(0xffff_ffff),
      "a frame above peers.frameBytesMax": length(8_388_608),
      "a frame shorter than its header": length(3),
      "a wrong checksum": changed(4),
      "another version": changed(8),
      "another sender": changed(33),
      "a changed body": changed(ping().length - 1),
      "its own frames reflected": Buffer.concat(wrongWay.segments.map((one) => Buffer.from(one))),
      HTTP: Buffer.from("GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
    };
    for (const [what, bytes] of Object.entries(violations)) {
      const connection = await proved(t);
      connection.socket.write(bytes);
      const answered = await connection.closed();
      assert.equal(answered.length, NONCE_BYTES + PROOF_BYTES, what);
    }
    await target.isUnharmed();
  },
);

test("a forwarded command that does not decode is never appended", DEADLINE, async (t) => {
  const command = {
    type: "put",
    key: Buffer.from("forwarded"),
    value: Buffer.from("x"),
    condition: { type: "none" },
  } as const;
  const good = encodeCommand({ origin: 7, sequence: 0, timestampMs: 0 }, command);
  const with1 = (at: number, value: number): Uint8Array => {
    const bytes = good.slice();
    bytes[at] = value;
    return bytes;
  };
  const damaged: Readonly<Record<string, Uint8Array>> = {
    "a newer format": with1(0, 2),
    "a newer command": with1(1, 200),
    "damaged inside": with1(22, 0xff),
    "cut off": good.subarray(0, good.length - 1),
    "of another origin": with1(9, 8),
    empty: new Uint8Array(0),
  };
  const term = toTerm(((await (await target.send("/v1/cluster")).json()) as Cluster).node.term);
  const send = (connection: PeerConnection, data: Uint8Array): void => {
    const proposals = [{ sequence: 0, data }];
    const frame = encodeFrame("forward", route(clusterId, STRANGER, SELF), (out) =>
      writePeerMessage(out, { type: "forward", origin: 7, term, proposals }),
    );
    for (const segment of frame.segments) connection.socket.write(segment);
  };
  for (const [what, data] of Object.entries(damaged)) {
    const connection = await proved(t);
    send(connection, data);
    await connection.closed();
    assert.equal((await target.send("/v1/kv/forwarded")).status, 404, what);
    await target.isUnharmed();
  }
  send(await proved(t), good);
  await eventually(
    "a whole one is",
    async () =>
      // It was not sealed by a node: it is there, and does not open.
      (await target.send("/v1/kv/forwarded")).status === 500,
  );
  await target.isUnharmed();
});

interface Cluster {
  readonly node: { readonly term: number };
}
