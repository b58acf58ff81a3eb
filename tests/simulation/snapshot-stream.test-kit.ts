/**
 * One snapshot on its way: chunks one at a time, each after a delay; the stream breaks with the
 * network, with either process, or by chance, and both ends learn of it as the transport promises.
 */
import type { NodeId, Term } from "../../node/src/raft/index.ts";
import type { IncomingSnapshot, SnapshotSource } from "../../node/src/replica/index.ts";
import type { Network, Plug } from "./network.test-kit.ts";

export interface SnapshotShipment {
  readonly to: { readonly host: string; readonly nodeId: NodeId };
  readonly term: Term;
  readonly source: SnapshotSource;
  readonly done: (delivered: boolean) => void;
}

const CONNECT_FAILS_AFTER_US = 100_000;
/** A stream that does not move is given up, as by the real transport. */
const STALL_US = 5_000_000;

export class SnapshotStream {
  readonly #network: Network;
  readonly #from: Plug;
  readonly #shipment: SnapshotShipment;
  #to: Plug | null = null;
  #onChunk: ((chunk: Uint8Array | null, next: () => void) => void) | null = null;
  #onFailed: () => void = () => {};
  #ended = false;
  #movedAtUs = 0;

  constructor(network: Network, from: Plug, shipment: SnapshotShipment) {
    this.#network = network;
    this.#from = from;
    this.#shipment = shipment;
    network.queue.schedule(network.delayUs(), () => this.#connect());
  }

  #connect(): void {
    const { to, term, source } = this.#shipment;
    const receiver = this.#network.find(to.host, to.nodeId);
    if (receiver === null || !this.#isConnected()) {
      this.#network.queue.schedule(CONNECT_FAILS_AFTER_US, () => this.#end(false));
      return;
    }
    this.#to = receiver;
    this.#from.station.onEnd(() => this.#break());
    receiver.station.onEnd(() => this.#break());
    this.#watchForStall();
    const incoming: IncomingSnapshot = {
      from: this.#from.station.nodeId,
      term,
      metadata: source.metadata,
      read: (onChunk, onFailed) => {
        this.#onChunk = onChunk;
        this.#onFailed = onFailed;
        this.#pull();
      },
      reject: () => this.#answer(false),
      accept: () => this.#answer(true),
    };
    receiver.station.run(() => receiver.handlers?.onSnapshot(incoming));
  }

  /** The sender's process reads the next chunk and puts it on the wire. */
  #pull(): void {
    this.#after(() => {
      this.#from.station.run(() => {
        if (this.#ended) return;
        this.#shipment.source.next((chunk) => this.#carry(chunk));
      });
    });
  }

  #carry(chunk: Uint8Array | null): void {
    const { random, weather, coverage } = this.#network;
    if (random.chance(weather.streamBreak)) {
      coverage.count("snapshot streams broken");
      this.#break();
      return;
    }
    let arriving = chunk;
    if (chunk !== null && chunk.length > 0 && random.chance(weather.chunkDamage)) {
      coverage.count("snapshot chunks damaged");
      arriving = chunk.slice();
      const at = random.integer(0, chunk.length - 1);
      arriving[at] = (arriving[at] ?? 0) ^ (1 << random.integer(0, 7));
    }
    this.#after(() => {
      this.#to?.station.run(() => {
        if (this.#ended) return;
        this.#movedAtUs = this.#network.queue.nowUs;
        this.#onChunk?.(arriving, () => this.#pull());
      });
    });
  }

  #answer(delivered: boolean): void {
    this.#after(() => this.#end(delivered));
  }

  #after(task: () => void): void {
    this.#network.queue.schedule(this.#network.delayUs(), () => {
      if (this.#ended) return;
      if (this.#isConnected()) task();
      else this.#break();
    });
  }

  #isConnected(): boolean {
    const from = this.#from.station.host;
    const { host } = this.#shipment.to;
    return !this.#network.isBlocked(from, host) && !this.#network.isBlocked(host, from);
  }

  #watchForStall(): void {
    this.#movedAtUs = this.#network.queue.nowUs;
    const look = (): void => {
      if (this.#ended) return;
      if (this.#network.queue.nowUs - this.#movedAtUs >= STALL_US) this.#break();
      else this.#network.queue.schedule(STALL_US, look);
    };
    this.#network.queue.schedule(STALL_US, look);
  }

  #break(): void {
    if (this.#ended) return;
    const onFailed = this.#onFailed;
    this.#to?.station.run(onFailed);
    this.#end(false);
  }

  #end(delivered: boolean): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#from.station.run(() => this.#shipment.done(delivered));
  }
}
