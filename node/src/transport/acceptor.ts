/**
 * The peer listener: takes connections, makes each prove itself within a deadline, and hands over
 * only those that did. The unproved are few: when one too many comes, the oldest gives way, so that
 * idle sockets of a stranger cannot keep members out.
 */
import type { Server, Socket } from "node:net";
import type { NodeId } from "../raft/index.ts";
import {
  AcceptHandshake,
  type HandshakeOptions,
  type Purpose,
  type RefusalReason,
} from "./handshake.ts";
import { type ProvedSocket, type RefusedSocket, runHandshake } from "./handshake-socket.ts";
import {
  boundPort,
  type HostPort,
  type SocketFactory,
  type TransportLimits,
  type TransportRuntime,
} from "./options.ts";

export interface AcceptorOptions {
  readonly sockets: SocketFactory;
  readonly handshake: HandshakeOptions;
  readonly limits: TransportLimits;
  readonly runtime: Pick<TransportRuntime, "after">;
  /** Whether a proved peer may come in; null: yes. Asked before it gets our own proof. */
  admit(peer: NodeId, purpose: Purpose): RefusalReason | null;
  /** Accepted connections that are proved and open. */
  proved(): number;
  /** Takes the socket over; must give it its data listener before it returns. */
  adopt(proved: ProvedSocket): void;
  refused(refusal: RefusedSocket, remoteAddress: string): void;
  /** A connection could not be taken (no file descriptor left); the listener goes on. */
  failed(error: Error): void;
}

export class Acceptor {
  readonly #options: AcceptorOptions;
  readonly #server: Server;
  /** In order of arrival; the value gives the handshake up. */
  readonly #pending = new Map<Socket, (reason: RefusalReason) => void>();

  constructor(options: AcceptorOptions) {
    this.#options = options;
    this.#server = options.sockets.createServer((socket) => this.#accept(socket));
  }

  get pendingHandshakes(): number {
    return this.#pending.size;
  }

  /** @returns the port. @throws Error naming the address when it cannot be listened on. */
  listen({ host, port }: HostPort): Promise<number> {
    return new Promise((resolve, reject) => {
      const onError = (cause: Error): void => {
        const message = `cannot listen for peers on ${host}:${port}: ${cause.message}`;
        reject(new Error(message, { cause }));
      };
      this.#server.once("error", onError);
      this.#server.listen({ host, port }, () => {
        this.#server.off("error", onError);
        this.#server.on("error", (error) => this.#options.failed(error));
        resolve(boundPort(this.#server));
      });
    });
  }

  /** Stops listening and drops whoever has not proved itself. */
  close(): Promise<void> {
    for (const refuse of [...this.#pending.values()]) refuse("closed");
    if (!this.#server.listening) return Promise.resolve();
    return new Promise((resolve, reject) => {
      this.#server.close((error) => (error === undefined ? resolve() : reject(error)));
    });
  }

  #accept(socket: Socket): void {
    const { limits, handshake, runtime } = this.#options;
    const remoteAddress = socket.remoteAddress ?? "unknown";
    if (this.#isCrowded()) {
      const [oldest] = this.#pending.values();
      oldest?.("crowded");
    }
    if (this.#isCrowded()) {
      // Only proved connections are left, and they stay.
      socket.on("error", () => undefined).destroy();
      this.#options.refused({ type: "refused", reason: "crowded", detail: "" }, remoteAddress);
      return;
    }
    const refuse = runHandshake({
      socket,
      handshake: new AcceptHandshake(handshake),
      runtime,
      deadlineMs: limits.handshakeMsMax,
      done: (outcome) => {
        this.#pending.delete(socket);
        if (outcome.type === "refused") this.#options.refused(outcome, remoteAddress);
        else this.#admit(outcome, remoteAddress);
      },
    });
    this.#pending.set(socket, refuse);
  }

  /** There is no room for one more. */
  #isCrowded(): boolean {
    const { limits, proved } = this.#options;
    const pending = this.#pending.size;
    return pending >= limits.pendingHandshakesMax || pending + proved() >= limits.connectionsMax;
  }

  #admit(proved: ProvedSocket, remoteAddress: string): void {
    const reason = this.#options.admit(proved.peer, proved.purpose);
    if (reason !== null) {
      proved.socket.destroy();
      this.#options.refused({ type: "refused", reason, detail: "" }, remoteAddress);
      return;
    }
    if (proved.bytes !== null) proved.socket.write(proved.bytes);
    this.#options.adopt(proved);
  }
}
