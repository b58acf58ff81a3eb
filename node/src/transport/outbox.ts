/**
 * Messages on their way to one peer: straight to the connection while it has room, else into a
 * queue bounded by count and bytes. Full, or no connection in sight: dropped and counted, because
 * Raft repeats what matters and a blocked loop would stop everything.
 */
import type { NodeId } from "../raft/index.ts";
import type { PeerMessage } from "../replica/index.ts";
import { queuedBytes, writePeerMessage } from "./codec/peer-message.ts";
import type { Connection } from "./connection.ts";
import type { TransportLimits, TransportLog } from "./options.ts";
import type { PeerCounters } from "./stats.ts";

export interface OutboxOptions {
  readonly peer: NodeId;
  readonly limits: TransportLimits;
  readonly counters: PeerCounters;
  readonly log: TransportLog;
}

interface Queued {
  readonly message: PeerMessage;
  readonly bytes: number;
}

export class Outbox {
  readonly #options: OutboxOptions;
  #queue: Queued[] = [];
  /** Index of the first message in the queue that was not sent. */
  #head = 0;
  #queueBytes = 0;
  #connection: Connection | null = null;
  #holding = false;

  constructor(options: OutboxOptions) {
    this.#options = options;
  }

  get queueMessages(): number {
    return this.#queue.length - this.#head;
  }

  get queueBytes(): number {
    return this.#queueBytes;
  }

  send(message: PeerMessage): void {
    if (this.#connection !== null && this.queueMessages === 0 && this.#connection.room) {
      this.#transmit(this.#connection, message);
    } else if (this.#connection !== null || this.#holding) {
      this.#enqueue(message);
    } else {
      this.#options.counters.messagesDropped += 1;
    }
  }

  /** A connection is being made: messages wait for it. */
  hold(): void {
    this.#holding = true;
  }

  /** Messages go here from now on, the waiting ones first. */
  attach(connection: Connection): void {
    this.#connection = connection;
    this.#holding = false;
    this.flush();
  }

  /** There is no connection, nor one to wait for; what waits is dropped. */
  detach(): void {
    this.#connection = null;
    this.#holding = false;
    this.#options.counters.messagesDropped += this.queueMessages;
    this.#queue = [];
    this.#head = 0;
    this.#queueBytes = 0;
  }

  /** Moves waiting messages to the connection as far as it has room. */
  flush(): void {
    const connection = this.#connection;
    if (connection === null) return;
    while (connection.room) {
      const next = this.#queue[this.#head];
      if (next === undefined) break;
      this.#head += 1;
      this.#queueBytes -= next.bytes;
      this.#transmit(connection, next.message);
    }
    this.#trim();
  }

  #enqueue(message: PeerMessage): void {
    const { queueMessagesMax, queueBytesMax } = this.#options.limits;
    const bytes = queuedBytes(message);
    if (this.queueMessages >= queueMessagesMax || this.#queueBytes + bytes > queueBytesMax) {
      this.#options.counters.messagesDropped += 1;
      return;
    }
    this.#queue.push({ message, bytes });
    this.#queueBytes += bytes;
  }

  /** Lets go of sent messages, in steps so that it costs a constant per message. */
  #trim(): void {
    if (this.#head * 2 < this.#queue.length) return;
    this.#queue = this.#queue.slice(this.#head);
    this.#head = 0;
  }

  #transmit(connection: Connection, message: PeerMessage): void {
    const { counters, limits, log, peer } = this.#options;
    const frame = connection.encode(message.type, (out) => writePeerMessage(out, message));
    if (frame.bytes > limits.frameBytesMax) {
      counters.messagesDropped += 1;
      log.warn(
        { peer, type: message.type, bytes: frame.bytes, frameBytesMax: limits.frameBytesMax },
        "dropped a message that is larger than a frame may be",
      );
      return;
    }
    counters.messagesSent += 1;
    connection.write(frame);
  }
}
