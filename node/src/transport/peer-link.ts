/**
 * This node's own connection to one peer: dialled, kept, and dialled again with exponential
 * back-off and jitter for as long as the peer is a member. Messages to the peer leave here.
 */
import type { NodeId } from "../raft/index.ts";
import type { PeerMessage } from "../replica/index.ts";
import type { Connection } from "./connection.ts";
import type { RefusalReason } from "./handshake.ts";
import type { HandshakeOutcome, ProvedSocket, RefusedSocket } from "./handshake-socket.ts";
import {
  type HostPort,
  parseAddress,
  type TransportLimits,
  type TransportLog,
  type TransportRuntime,
} from "./options.ts";
import { Outbox } from "./outbox.ts";
import type { PeerCounters } from "./stats.ts";

export interface PeerLinkOptions {
  readonly peer: NodeId;
  readonly address: string;
  readonly limits: TransportLimits;
  readonly runtime: Pick<TransportRuntime, "after" | "monotonicMs" | "random">;
  readonly log: TransportLog;
  readonly counters: PeerCounters;
  /** Starts one attempt; the returned function gives it up (its outcome still comes). */
  dial(address: HostPort, done: (outcome: HandshakeOutcome) => void): () => void;
  /** Makes the connection of a proved socket; `onClosed` and `onDrain` come back to the link. */
  adopt(proved: ProvedSocket, link: PeerLink): Connection;
  /** Counts an attempt that failed; `repeated`: for the same reason as the one before. */
  refused(refusal: RefusedSocket, repeated: boolean): void;
  /** Once per break, and once when the first attempt after one fails. */
  unreachable(): void;
}

type State =
  | { readonly type: "waiting"; readonly cancel: () => void }
  | { readonly type: "dialling"; readonly cancel: () => void }
  | { readonly type: "connected"; readonly connection: Connection; readonly sinceMs: number }
  | { readonly type: "idle" };

export class PeerLink {
  readonly counters: PeerCounters;
  readonly #options: PeerLinkOptions;
  readonly #outbox: Outbox;
  #address: string;
  #state: State = { type: "idle" };
  #attempts = 0;
  #reported = false;
  #lastRefusal: RefusalReason | null = null;
  #retired = false;

  constructor(options: PeerLinkOptions) {
    this.#options = options;
    this.#address = options.address;
    this.counters = options.counters;
    this.#outbox = new Outbox(options);
  }

  get address(): string {
    return this.#address;
  }

  get connected(): boolean {
    return this.#state.type === "connected" && !this.#state.connection.closing;
  }

  get outbox(): Pick<Outbox, "queueMessages" | "queueBytes"> {
    return this.#outbox;
  }

  send(message: PeerMessage): void {
    this.#outbox.send(message);
  }

  /**
   * Dials now unless a connection is being made. For a new peer, and when the peer has just dialled
   * this node: if a connection to it is up, that may lead to its former life, and must answer.
   */
  wake(): void {
    if (this.#state.type === "connected") this.#state.connection.probe();
    if (this.#retired || this.#state.type === "connected" || this.#state.type === "dialling") {
      return;
    }
    if (this.#state.type === "waiting") this.#state.cancel();
    this.#dial();
  }

  /** The peer moved: leave the old address, dial the new one. */
  follow(address: string): void {
    this.#address = address;
    this.#attempts = 0;
    if (this.#state.type === "connected")
      this.#state.connection.close("the peer's address changed");
    else if (this.#state.type === "dialling") this.#state.cancel();
    else this.wake();
  }

  /** No longer a member: no new connection; the one that is up still carries what is sent. */
  retire(): void {
    this.#retired = true;
    if (this.#state.type === "waiting") this.#state.cancel();
    if (this.#state.type === "dialling") this.#state.cancel();
  }

  /** Ends everything at once. */
  close(reason: string): void {
    this.retire();
    if (this.#state.type === "connected") this.#state.connection.close(reason);
    this.#outbox.detach();
  }

  beat(nowMs: number): void {
    if (this.#state.type === "connected") this.#state.connection.beat(nowMs);
  }

  onDrain(): void {
    this.#outbox.flush();
  }

  onClosed(reason: string): void {
    const state = this.#state;
    this.counters.breaks += 1;
    this.#options.log.info({ peer: this.#options.peer, reason }, "lost the connection to a peer");
    if (state.type === "connected") {
      // A connection that lasted shows that the peer is well: dial again soon.
      const lasted = this.#options.runtime.monotonicMs() - state.sinceMs;
      if (lasted >= this.#options.limits.reconnectMsMax) this.#attempts = 0;
    }
    this.#retry();
  }

  #dial(): void {
    const address = parseAddress(this.#address);
    if (address === null) {
      this.counters.connectFailures += 1;
      const { peer, log } = this.#options;
      log.warn({ peer, address: this.#address }, "a peer's address is not host:port");
      this.#retry();
      return;
    }
    this.#outbox.hold();
    const cancel = this.#options.dial(address, (outcome) => this.#settle(outcome));
    this.#state = { type: "dialling", cancel };
  }

  #settle(outcome: HandshakeOutcome): void {
    if (outcome.type === "refused") {
      this.counters.connectFailures += 1;
      this.#options.refused(outcome, this.#lastRefusal === outcome.reason);
      this.#lastRefusal = outcome.reason;
      this.#retry();
      return;
    }
    if (this.#retired) {
      outcome.socket.destroy();
      this.#retry();
      return;
    }
    this.counters.connects += 1;
    const connection = this.#options.adopt(outcome, this);
    this.#state = {
      type: "connected",
      connection,
      sinceMs: this.#options.runtime.monotonicMs(),
    };
    this.#reported = false;
    this.#lastRefusal = null;
    this.#options.log.info(
      { peer: this.#options.peer, address: this.#address },
      "connected to a peer",
    );
    this.#outbox.attach(connection);
    connection.start(outcome.rest);
  }

  #retry(): void {
    this.#outbox.detach();
    this.#state = { type: "idle" };
    if (this.#retired) return;
    this.#state = {
      type: "waiting",
      cancel: this.#options.runtime.after(this.#backOffMs(), () => this.#dial()),
    };
    if (this.#reported) return;
    this.#reported = true;
    this.#options.unreachable();
  }

  /** Exponential, with half of it random, so that peers do not dial in step. */
  #backOffMs(): number {
    const { reconnectMsMin, reconnectMsMax } = this.#options.limits;
    const full = Math.min(reconnectMsMax, reconnectMsMin * 2 ** Math.min(this.#attempts, 30));
    this.#attempts += 1;
    return full / 2 + (full / 2) * this.#options.runtime.random();
  }
}
