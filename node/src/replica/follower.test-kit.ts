/** A follower whose store, network and clock do what a test says, step by step. */
import assert from "node:assert/strict";
import type { CommandResult } from "../kv/index.ts";
import type { Entry, Message, SnapshotMetadata } from "../raft/index.ts";
import type { ReplicaOptions } from "./options.ts";
import type {
  IncomingSnapshot,
  Recovered,
  Runtime,
  SnapshotSink,
  Store,
  Transport,
  TransportHandlers,
} from "./ports.ts";
import { at, node, summaryAt, term } from "./replica.test-kit.ts";
import { Replica } from "./replica.ts";

const LEADER = node(2);
const members = [1, 2, 3].map((id) => ({
  id: node(id),
  name: `n${id}`,
  peerAddress: `n${id}:5100`,
  clientAddress: `http://n${id}:5000`,
  role: "voter" as const,
}));

const options: ReplicaOptions = {
  raft: {
    electionTimeoutTicks: 10,
    heartbeatTicks: 1,
    appendBytesMax: 1024,
    appendsAheadMax: 2,
    inflightMessagesMax: 4,
    inflightBytesMax: 1024,
    uncommittedBytesMax: 1024,
    cacheBytesMax: 1024,
    promotionGapMax: 10,
    promotionTicks: 0,
    pendingReadsMax: 10,
  },
  tickMs: 20,
  origin: 7,
  inboxItemsMax: 100,
  inboxBytesMax: 10_000,
  proposalsMax: 10,
  proposalBytesMax: 1000,
  readsMax: 10,
  adminRequestsMax: 4,
  logEntriesKept: 100,
  logEntriesKeptMax: 100,
  logTrimEntries: 100,
  snapshotsSentMax: 1,
  healthCheckMs: 1000,
  healthTimeoutMs: 3000,
  hashCheckMs: 0,
  diskStallMs: 1000,
  historyKeptRevisions: 0,
  historyCheckMs: 1000,
};

const SNAPSHOT: SnapshotMetadata = {
  index: at(10),
  term: term(1),
  configuration: { members },
  configurationIndex: at(3),
};

/** A follower whose log ends at 5, with a store and a network that do what the test says. */
export class Follower {
  readonly events: string[] = [];
  readonly sent: Message[] = [];
  /** Sequences of each message of proposals to the leader. */
  readonly forwarded: number[][] = [];
  handlers: TransportHandlers | null = null;
  /** The store has switched to the snapshot; the driver learns of it when this is called. */
  endInstall: () => void = () => {};
  #tick: () => void = () => {};
  #deferred: (() => void)[] = [];
  readonly #written: (() => void)[] = [];
  readonly #replica: Replica;

  constructor() {
    this.#replica = new Replica({
      options,
      recovered: this.#recovered(),
      store: this.#store(),
      transport: this.#transport(),
      runtime: this.#runtime(),
      observer: { onConfiguration: () => {}, onRemoved: () => {} },
    });
    this.#replica.start();
  }

  propose(): Promise<CommandResult> {
    const key = Uint8Array.of(1);
    return this.#replica.propose({ type: "delete", key, condition: { type: "none" } }, 60_000);
  }

  tick(): void {
    this.#tick();
  }

  /** All that waits runs; what is written does not become durable. */
  run(): void {
    while (this.#deferred.length > 0) {
      const tasks = this.#deferred;
      this.#deferred = [];
      for (const task of tasks) task();
    }
  }

  /** All that waits runs, and all that is written becomes durable. */
  settle(): void {
    while (this.#deferred.length > 0 || this.#written.length > 0) {
      const tasks = [...this.#deferred, ...this.#written.splice(0)];
      this.#deferred = [];
      for (const task of tasks) task();
    }
  }

  append(from: number, to: number): void {
    const entries = Array.from({ length: to - from + 1 }, (_, n): Entry => {
      return { index: at(from + n), term: term(1), type: "noop", data: new Uint8Array(0) };
    });
    const message = {
      type: "appendEntries",
      from: LEADER,
      to: node(1),
      term: term(1),
      prevLogIndex: at(from - 1),
      prevLogTerm: term(1),
      entries,
      leaderCommit: at(5),
    } as const;
    this.handlers?.onMessage(LEADER, { type: "raft", message });
  }

  offerSnapshot(): void {
    const incoming: IncomingSnapshot = {
      from: LEADER,
      term: term(1),
      metadata: SNAPSHOT,
      read: (onChunk) => onChunk(null, () => {}),
      reject: () => this.events.push("reject"),
      accept: () => this.events.push("accept"),
    };
    this.handlers?.onSnapshot(incoming);
  }

  #recovered(): Recovered {
    return {
      identity: { clusterId: "00" as never, nodeId: node(1), name: "n1" },
      restore: {
        id: node(1),
        hardState: { currentTerm: term(1), votedFor: null },
        compactedIndex: at(3),
        compactedTerm: term(1),
        termRuns: [{ index: at(4), term: term(1) }],
        lastIndex: at(5),
        appliedIndex: at(3),
        configuration: { members },
        configurationIndex: at(3),
        configurationEntries: [],
      },
      summary: summaryAt(3),
    };
  }

  #store(): Store {
    const sink: SnapshotSink = {
      write: (_, done) => done(true),
      install: (done) => {
        this.events.push("switch");
        this.endInstall = () => done({ summary: summaryAt(10) });
      },
      abort: () => this.events.push("abort"),
    };
    return {
      reader: null as never,
      append: ({ entries }, done) => {
        this.events.push(`write ${entries.map(({ index }) => index).join(" ")}`);
        this.#written.push(done);
      },
      apply: (index, done) => {
        this.#deferred.push(() =>
          done({ summary: summaryAt(index), settled: [], divergence: null }),
        );
      },
      readEntries: () => assert.fail("nobody reads"),
      compactLog: () => assert.fail("nothing is trimmed"),
      openSnapshot: () => assert.fail("nothing is sent"),
      beginInstall: (_, done) => done(sink),
      stats: () => ({ logBytes: 0, stateBytes: 0 }),
    };
  }

  #transport(): Transport {
    return {
      start: (handlers) => {
        this.handlers = handlers;
      },
      setPeers: () => {},
      send: (_, message) => {
        if (message.type === "raft") this.sent.push(message.message);
        if (message.type !== "forward") return;
        this.forwarded.push(message.proposals.map(({ sequence }) => sequence));
      },
      reaches: () => true,
      sendSnapshot: () => assert.fail("nothing is sent"),
    };
  }

  #runtime(): Runtime {
    return {
      defer: (task) => this.#deferred.push(task),
      every: (_, task) => {
        this.#tick = task;
        return () => {};
      },
      after: () => () => {},
      monotonicMs: () => 0,
      wallMs: () => 0,
      random: () => 0,
      fatal: (error) => assert.fail(error),
    };
  }
}
