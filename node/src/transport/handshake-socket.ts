/**
 * Runs one side of the handshake on a socket, within a deadline. Hands the socket over proved, or
 * destroyed; it never touches it again afterwards.
 */
import type { Socket } from "node:net";
import type { NodeId } from "../raft/index.ts";
import {
  DialHandshake,
  type Handshake,
  type HandshakeOptions,
  type Purpose,
  type RefusalReason,
} from "./handshake.ts";
import type { HostPort, SocketFactory, TransportRuntime } from "./options.ts";

export interface ProvedSocket {
  readonly type: "proved";
  readonly socket: Socket;
  readonly peer: NodeId;
  readonly purpose: Purpose;
  /** The acceptor's proof, to be sent first; null on the dialling side. */
  readonly bytes: Uint8Array | null;
  /** Frames that came with the last message of the handshake. */
  readonly rest: Uint8Array;
}

export interface RefusedSocket {
  readonly type: "refused";
  readonly reason: RefusalReason;
  /** The socket's error, for the log; empty without one. */
  readonly detail: string;
}

export type HandshakeOutcome = ProvedSocket | RefusedSocket;

interface Run {
  readonly socket: Socket;
  readonly handshake: Handshake;
  readonly runtime: Pick<TransportRuntime, "after">;
  readonly deadlineMs: number;
  /** Called once, later; a proved socket must get its data listener before it returns. */
  readonly done: (outcome: HandshakeOutcome) => void;
}

/** Starts to listen for the other side. Returns how to give up with a reason. */
export function runHandshake(run: Run): (reason: RefusalReason) => void {
  const { socket } = run;
  let detail = "";
  let over = false;
  const finish = (outcome: HandshakeOutcome): void => {
    if (over) return;
    over = true;
    cancelDeadline();
    socket.off("data", onData).off("close", onClose);
    if (outcome.type === "refused") socket.destroy();
    run.done(outcome);
  };
  const refuse = (reason: RefusalReason): void => finish({ type: "refused", reason, detail });
  const onData = (chunk: Buffer): void => {
    const step = run.handshake.push(chunk);
    if (step.type === "send") socket.write(step.bytes);
    if (step.type === "refused") refuse(step.reason);
    if (step.type === "proved") finish({ ...step, socket });
  };
  const onClose = (): void => refuse("closed");
  // `close` always follows `error` and settles it.
  socket.on("error", (error) => {
    detail = error.message;
  });
  socket.on("data", onData).on("close", onClose);
  const cancelDeadline = run.runtime.after(run.deadlineMs, () => refuse("deadline"));
  return refuse;
}

export interface DialRequest {
  readonly address: HostPort;
  readonly peer: NodeId;
  readonly purpose: Purpose;
}

export interface DialOptions {
  readonly handshake: HandshakeOptions;
  readonly sockets: SocketFactory;
  readonly runtime: Pick<TransportRuntime, "after">;
  readonly connectMsMax: number;
}

/** Connects and proves. Returns how to give up; `done` is called in any case. */
export function dial(
  request: DialRequest,
  options: DialOptions,
  done: (outcome: HandshakeOutcome) => void,
): () => void {
  const socket = options.sockets.connect(request.address);
  const handshake = new DialHandshake(options.handshake, request.peer, request.purpose);
  socket.once(options.sockets.connectedEvent, () => socket.write(handshake.hello));
  const refuse = runHandshake({
    socket,
    handshake,
    runtime: options.runtime,
    deadlineMs: options.connectMsMax,
    done,
  });
  return () => refuse("closed");
}
