/**
 * A cluster in simulated time: the driver, the core, the store and the frames that ship, over the
 * model's network, disk and clock. All members are voters from the first entry on.
 */
import {
  type Configuration,
  encodeConfiguration,
  type Member,
  type NodeId,
  toClusterId,
  toLogIndex,
  toNodeId,
  toTerm,
} from "../../node/src/raft/index.ts";
import { Replica, type Runtime } from "../../node/src/replica/index.ts";
import { createMember } from "../../node/src/storage/member-files.ts";
import { SIMULATED_ROOT, SimulatedDisk } from "../../node/src/storage/simulated-disk.ts";
import { type Model, STORAGE, seeded, TURN_US } from "./model.ts";
import { VirtualNetwork } from "./virtual-network.ts";
import { openVirtualStore } from "./virtual-store.ts";
import { VirtualTime } from "./virtual-time.ts";

const CLUSTER_ID = toClusterId("0123456789abcdef0123456789abcdef");
/** Wall clocks begin here: what they show does not matter. */
const EPOCH_MS = 1_800_000_000_000;
const ELECTION_US_MAX = 120_000_000;
const ORIGIN_MAX = 2 ** 48 - 1;
/** Long enough that nothing here fails for want of time. */
const DEADLINE_MS = 120_000;

interface Node {
  readonly id: NodeId;
  readonly replica: Replica;
  isUp: boolean;
}

export class VirtualCluster {
  readonly time: VirtualTime = new VirtualTime();
  readonly network: VirtualNetwork;
  readonly #model: Model;
  readonly #random: () => number;
  readonly #nodes: readonly Node[];
  #syncs = 0;

  constructor(model: Model) {
    this.#model = model;
    this.#random = seeded(model.seed);
    this.network = new VirtualNetwork({
      time: this.time,
      roundTripUs: model.roundTripUs,
      random: this.#random,
      clusterId: CLUSTER_ID,
    });
    const ids = Array.from({ length: model.nodes }, (_, at) => toNodeId(at + 1));
    const configuration: Configuration = { members: ids.map(memberOf) };
    this.#nodes = ids.map((id) => this.#start(id, configuration));
    for (const { replica } of this.#nodes) replica.start();
  }

  /** Syncs of all logs since the start. */
  get syncs(): number {
    return this.#syncs;
  }

  /** Random numbers in [0, 1) of this run. */
  get random(): () => number {
    return this.#random;
  }

  get living(): readonly number[] {
    return this.#nodes.flatMap(({ isUp }, at) => (isUp ? [at] : []));
  }

  /** Position of the node that leads in the latest term, if one does. */
  leader(): number | null {
    let best: { readonly at: number; readonly term: number } | null = null;
    for (const [at, { isUp, replica }] of this.#nodes.entries()) {
      const { raft } = replica.status();
      const isLater = best === null || raft.term > best.term;
      if (isUp && raft.role === "leader" && isLater) best = { at, term: raft.term };
    }
    return best?.at ?? null;
  }

  /** The latest term of any node that is up. */
  term(): number {
    return Math.max(...this.living.map((at) => this.#nodes[at]?.replica.status().raft.term ?? 0));
  }

  /** Waits until there is a leader whom all follow. @returns its position */
  async elect(): Promise<number> {
    await this.time.runUntil(() => {
      const leader = this.leader();
      if (leader === null) return false;
      const id = this.#nodes[leader]?.id;
      return this.#nodes.every(({ isUp, replica }) => {
        const { raft, state } = replica.status();
        return !isUp || (raft.leader === id && state.appliedIndex === raft.commitIndex);
      });
    }, ELECTION_US_MAX);
    const leader = this.leader();
    if (leader === null) throw new Error("nobody leads");
    return leader;
  }

  /** Puts a value at a node; settles once that node has applied it. */
  async put(at: number, key: string, value: Uint8Array): Promise<void> {
    const replica = this.#nodes[at]?.replica;
    if (replica === undefined) throw new RangeError(`there is no node ${at}`);
    const result = await replica.propose(
      { type: "put", key: Buffer.from(key), value, condition: { type: "none" } },
      DEADLINE_MS,
    );
    if (result.type !== "put") throw new Error(`a put came to ${result.type}`);
  }

  /** Ends a node for good. @param isNoticed as for VirtualNetwork.end */
  kill(at: number, isNoticed: boolean): void {
    const node = this.#nodes[at];
    if (node === undefined) throw new RangeError(`there is no node ${at}`);
    node.isUp = false;
    node.replica.stop();
    this.network.end(node.id, isNoticed);
  }

  #start(id: NodeId, configuration: Configuration): Node {
    const random = seeded(this.#model.seed * 1000 + id);
    const disk = new SimulatedDisk(random, STORAGE);
    createMember(disk.files, SIMULATED_ROOT, {
      identity: { clusterId: CLUSTER_ID, nodeId: id, name: nameOf(id) },
      provisional: { members: [] },
      hardState: { currentTerm: toTerm(1), votedFor: null },
      entries: [
        {
          index: toLogIndex(1),
          term: toTerm(1),
          type: "configuration",
          data: encodeConfiguration(configuration),
        },
      ],
      log: { ...STORAGE, random, onNotice: () => undefined },
    });
    const origin = Math.floor(random() * ORIGIN_MAX);
    const synced = (): void => {
      this.#syncs += 1;
    };
    const { store, recovered } = openVirtualStore({ time: this.time, disk, origin, synced });
    const replica = new Replica({
      options: { ...this.#model.options, origin },
      recovered,
      store,
      transport: this.network.plugIn(id),
      runtime: this.#runtime(random),
      observer: { onConfiguration: () => undefined, onRemoved: () => undefined },
    });
    return { id, replica, isUp: true };
  }

  #runtime(random: () => number): Runtime {
    const { time } = this;
    // Ticks of the nodes are not in step.
    const phaseMs = random() * this.#model.options.tickMs;
    return {
      defer: (task) => void time.after(TURN_US, task),
      after: (ms, task) => time.after(ms * 1000, task),
      every: (ms, task) => {
        let cancel = (): void => undefined;
        const arm = (delayMs: number): void => {
          cancel = time.after(delayMs * 1000, () => {
            arm(ms);
            task();
          });
        };
        arm(phaseMs + ms);
        return () => cancel();
      },
      monotonicMs: () => time.nowUs / 1000,
      wallMs: () => EPOCH_MS + Math.floor(time.nowUs / 1000),
      random,
      fatal: (error) => {
        throw error;
      },
    };
  }
}

const nameOf = (id: NodeId): string => `node-${id}`;

const memberOf = (id: NodeId): Member => ({
  id,
  name: nameOf(id),
  peerAddress: `${nameOf(id)}:5100`,
  clientAddress: `http://${nameOf(id)}:5000`,
  role: "voter",
});
