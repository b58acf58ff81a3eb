/**
 * A peer that knows the secret and then breaks the rules: raw frames over a proved connection, in
 * either direction.
 */
import assert from "node:assert/strict";
import { createServer, type Socket } from "node:net";
import type { TestContext } from "node:test";
import { type Member, type NodeId, toNodeId } from "../raft/index.ts";
import type { SegmentWriter } from "./codec/segment-writer.ts";
import { encodeFrame, type FrameType, route } from "./frame.ts";
import { AcceptHandshake, type HandshakeOptions, type Purpose } from "./handshake.ts";
import { dial, type HandshakeOutcome, runHandshake } from "./handshake-socket.ts";
import { boundPort, tcpSockets } from "./options.ts";
import {
  CLUSTER,
  ManualRuntime,
  memberAt,
  SECRET,
  type TestPeer,
  until,
} from "./transport.test-kit.ts";

export const ROGUE: NodeId = toNodeId(9);
const proof = (self: NodeId): HandshakeOptions => ({ clusterId: CLUSTER, self, secret: SECRET });

/** A proved connection to a peer on which the test may write anything. */
export async function rogueSender(
  t: TestContext,
  peer: TestPeer,
  purpose: Purpose = "snapshot",
): Promise<Write> {
  const outcomes: HandshakeOutcome[] = [];
  dial(
    { address: { host: "127.0.0.1", port: peer.port }, peer: peer.id, purpose },
    {
      handshake: proof(ROGUE),
      sockets: tcpSockets,
      runtime: new ManualRuntime(),
      connectMsMax: 1_000,
    },
    (outcome) => {
      outcomes.push(outcome);
      if (outcome.type === "proved") outcome.socket.resume();
    },
  );
  await until(() => outcomes.length === 1, "proved");
  const [outcome] = outcomes;
  assert.ok(outcome?.type === "proved");
  const { socket } = outcome;
  t.after(() => socket.destroy());
  return writerOf(socket, ROGUE, peer.id);
}

export type Write = (type: FrameType, body: (out: SegmentWriter) => void) => void;

function writerOf(socket: Socket, from: NodeId, to: NodeId): Write {
  return (type, body) => {
    for (const segment of encodeFrame(type, route(CLUSTER, from, to), body).segments) {
      socket.write(segment);
    }
  };
}

/** A listener that proves itself as node 9 and then lets the test say anything. */
export async function rogueReceiver(
  t: TestContext,
  to: NodeId,
  say: (write: Write) => void,
): Promise<Member> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    runHandshake({
      socket,
      handshake: new AcceptHandshake(proof(ROGUE)),
      runtime: new ManualRuntime(),
      deadlineMs: 1_000,
      done: (outcome) => {
        if (outcome.type !== "proved" || outcome.bytes === null) return;
        socket.write(outcome.bytes);
        socket.resume();
        if (outcome.purpose === "snapshot") say(writerOf(socket, ROGUE, to));
      },
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return memberAt(ROGUE, boundPort(server));
}
