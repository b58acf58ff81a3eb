/**
 * A deterministic cluster in memory: real cores, a network whose links can be cut, held, reordered
 * and duplicated, disks whose writes can be held. Every step is checked against the invariants and
 * told to `trace`. It decides nothing: what a script does not ask for does not happen.
 */
import {
  ClusterInvariants,
  createRaft,
  type Effects,
  type Entry,
  type Input,
  type Member,
  type Message,
  type Raft,
  type RaftOptions,
  type RaftRestore,
  type RaftStatus,
  toLogIndex,
  toNodeId,
  toTerm,
} from "./index.ts";
import { TestDisk, type TestSnapshot } from "./test-disk.test-kit.ts";
import { formatEntries, formatMessage } from "./test-format.test-kit.ts";

export const defaultOptions: RaftOptions = {
  electionTimeoutTicks: 10,
  heartbeatTicks: 1,
  appendBytesMax: 1024 * 1024,
  appendsAheadMax: 64,
  inflightMessagesMax: 64,
  inflightBytesMax: 4 * 1024 * 1024,
  uncommittedBytesMax: 16 * 1024 * 1024,
  cacheBytesMax: 16 * 1024 * 1024,
  promotionGapMax: 10,
  promotionTicks: 0,
  pendingReadsMax: 1000,
};

/** Something on a link: a message, or the stream of a snapshot. */
export type Packet =
  | { readonly type: "message"; readonly message: Message }
  | {
      readonly type: "snapshot";
      readonly from: number;
      readonly to: number;
      readonly term: number;
      readonly snapshot: TestSnapshot;
    };

export interface TestNode {
  readonly id: number;
  raft: Raft | null;
  disk: TestDisk;
  /** The election timeout that it will draw, as a fraction of the way from T to 2T. */
  random: number;
  holdsWrites: boolean;
  holdsApplies: boolean;
}

/** What a driver would have told its clients. */
export interface Outcome {
  readonly id: number;
  readonly node: number;
  readonly text: string;
}

const encoder = new TextEncoder();

export const testMember = (id: number, role: Member["role"] = "voter"): Member => ({
  id: toNodeId(id),
  name: `n${id}`,
  peerAddress: `n${id}:5100`,
  clientAddress: `http://n${id}:5000`,
  role,
});

export class TestCluster {
  options: RaftOptions = defaultOptions;
  readonly nodes: Map<number, TestNode> = new Map();
  packets: Packet[] = [];
  /** Links `a->b` on which packets are lost, and those on which they wait. */
  readonly cut: Set<string> = new Set();
  readonly held: Set<string> = new Set();
  /** Every message that was sent, lost ones included. */
  readonly sent: Message[] = [];
  readonly outcomes: Outcome[] = [];
  readonly #invariants = new ClusterInvariants();
  readonly #trace: (line: string) => void;
  #requests = 0;

  constructor(trace: (line: string) => void = () => {}) {
    this.#trace = trace;
  }

  /** A cluster whose log begins with a configuration of members 1 to `voters + learners`. */
  addNodes(voters: number, learners: number = 0): void {
    const count = voters + learners;
    const members = Array.from({ length: count }, (_, at) =>
      testMember(at + 1, at < voters ? "voter" : "learner"),
    );
    for (const { id } of members) {
      // Compacted at the highest id: the id of a new member is the index of its entry.
      this.addNode(id, { members, compacted: count, entryTerms: [] });
    }
  }

  /** One member with a log of its own making: one command per term listed. */
  addNode(
    id: number,
    start: {
      readonly members: readonly Member[];
      readonly compacted: number;
      readonly entryTerms: readonly number[];
      readonly term?: number;
    },
  ): void {
    const { members, compacted, entryTerms } = start;
    const compactedTerm = compacted === 0 ? 0 : 1;
    const entries: Entry[] = entryTerms.map((term, at) => ({
      index: toLogIndex(compacted + at + 1),
      term: toTerm(term),
      type: "command",
      data: encoder.encode(`${compacted + at + 1}/${term}`),
    }));
    const restore: RaftRestore = {
      id: toNodeId(id),
      hardState: {
        currentTerm: toTerm(start.term ?? entryTerms.at(-1) ?? compactedTerm),
        votedFor: null,
      },
      compactedIndex: toLogIndex(compacted),
      compactedTerm: toTerm(compactedTerm),
      termRuns: [],
      lastIndex: toLogIndex(compacted),
      appliedIndex: toLogIndex(compacted),
      configuration: { members },
      configurationIndex: toLogIndex(compacted),
      configurationEntries: [],
    };
    this.nodes.set(id, {
      id,
      raft: null,
      disk: new TestDisk(restore, entries),
      random: 0,
      holdsWrites: false,
      holdsApplies: false,
    });
    this.start(id);
  }

  node(id: number): TestNode {
    const node = this.nodes.get(id);
    if (node === undefined) throw new Error(`there is no node ${id}`);
    return node;
  }

  raft(id: number): Raft {
    const { raft } = this.node(id);
    if (raft === null) throw new Error(`node ${id} is down`);
    return raft;
  }

  status(id: number): RaftStatus {
    return this.raft(id).status();
  }

  /** (Re)starts a member from its disk. */
  start(id: number): void {
    const node = this.node(id);
    node.raft = createRaft(this.options, node.disk.restore(id), () => node.random);
    this.#invariants.observe(node.raft);
  }

  /** The process dies: all that is not durable is gone. */
  crash(id: number): void {
    const node = this.node(id);
    node.raft = null;
    node.disk.crash();
    this.#invariants.forget(toNodeId(id));
  }

  /** The next number of a request; outcomes carry it. */
  nextRequest(): number {
    this.#requests += 1;
    return this.#requests;
  }

  /** One step of one member, and everything that its driver would do at once. */
  step(id: number, inputs: readonly Input[]): Effects {
    const raft = this.raft(id);
    const before = raft.status();
    const effects = raft.step(inputs);
    this.#invariants.observe(raft);
    this.#traceRole(before, raft.status());
    this.#record(id, effects);
    const { write } = effects;
    if (write !== null) {
      const vote = write.hardState;
      const hard = vote === null ? "" : ` term=${vote.currentTerm} vote=${vote.votedFor ?? "none"}`;
      const log = write.entries.length === 0 ? "" : ` ${formatEntries(write.entries)}`;
      this.#trace(`  ${id} writes${hard}${log}`);
    }
    for (const message of effects.messages) this.send(message);
    const node = this.node(id);
    const { messagesAfterWrite: messages } = effects;
    if (write !== null || messages.length > 0) node.disk.issued.push({ write, messages });
    this.#serveReads(id, effects);
    if (before.commitIndex < effects.commitIndex) {
      this.#trace(`  ${id} commits up to ${effects.commitIndex}`);
    }
    if (!node.holdsApplies) this.apply(id);
    return effects;
  }

  /** Puts a message on its link. */
  send(message: Message): void {
    this.sent.push(message);
    const isLost = this.cut.has(`${message.from}->${message.to}`);
    this.#trace(`  ${formatMessage(message)}${isLost ? " (lost)" : ""}`);
    if (!isLost) this.packets.push({ type: "message", message });
  }

  /** Ends the oldest write of a member. */
  persist(id: number): void {
    const node = this.node(id);
    const issued = node.disk.complete();
    if (issued === undefined) throw new Error(`node ${id} has no write under way`);
    const last = issued.write?.entries.at(-1);
    if (issued.write !== null) {
      this.#trace(`${id} persisted${last === undefined ? "" : ` ${last.index}/${last.term}`}`);
    }
    for (const message of issued.messages) this.send(message);
    if (last === undefined) {
      if (!node.holdsApplies) this.apply(id);
      return;
    }
    this.step(id, [{ type: "persisted", index: last.index, term: last.term }]);
  }

  /** Applies what is committed and durable. */
  apply(id: number): void {
    const node = this.node(id);
    const { commitIndex } = this.status(id);
    const from = node.disk.applied.metadata.index;
    const to = Math.min(commitIndex, node.disk.lastIndex);
    // An entry on disk that a write under way replaces is not the committed one.
    const isReplaced = node.disk.issued.some(
      ({ write }) => (write?.entries[0]?.index ?? to + 1) <= to,
    );
    if (from >= to || isReplaced) return;
    for (let index = from + 1; index <= to; index += 1) {
      this.#invariants.applied(toNodeId(id), node.disk.apply(index));
    }
    this.#trace(`  ${id} applies up to ${to}`);
    this.step(id, [{ type: "applied", index: toLogIndex(to) }]);
  }

  /** Takes the packet at `at` from the network and hands it over. */
  deliver(at: number): void {
    const [packet] = this.packets.splice(at, 1);
    if (packet === undefined) throw new Error(`there is no packet ${at}`);
    if (packet.type === "snapshot") {
      this.#deliverSnapshot(packet);
      return;
    }
    const { message } = packet;
    const raft = this.nodes.get(message.to)?.raft ?? null;
    const link = `${message.from}->${message.to}`;
    if (raft === null) {
      this.#trace(`${link} ${message.type} finds nobody`);
      return;
    }
    this.#trace(`${message.to} receives ${message.type} from ${message.from}`);
    this.step(message.to, [{ type: "message", message }]);
  }

  /** Drops the packet at `at`. */
  drop(at: number): void {
    const [packet] = this.packets.splice(at, 1);
    if (packet?.type === "snapshot") {
      this.#trace(`${packet.from}->${packet.to} snapshot lost`);
      this.#reportSnapshot(packet, false);
    } else if (packet !== undefined) {
      const { from, to, type } = packet.message;
      this.#trace(`${from}->${to} ${type} lost`);
    }
  }

  linkOf(packet: Packet): string {
    const { from, to } = packet.type === "message" ? packet.message : packet;
    return `${from}->${to}`;
  }

  /** Writes end and packets arrive until nothing moves but what is held. */
  stabilize(): void {
    for (let rounds = 0; ; rounds += 1) {
      if (rounds > 10_000) throw new Error("the cluster does not come to rest");
      const writer = [...this.nodes.values()].find(
        (node) => !node.holdsWrites && node.raft !== null && node.disk.issued.length > 0,
      );
      if (writer !== undefined) {
        this.persist(writer.id);
        continue;
      }
      const at = this.packets.findIndex((packet) => !this.held.has(this.linkOf(packet)));
      if (at < 0) return;
      this.deliver(at);
    }
  }

  #deliverSnapshot(packet: Packet & { readonly type: "snapshot" }): void {
    const { from, to, snapshot } = packet;
    const target = this.nodes.get(to);
    if (target?.raft === undefined || target.raft === null) {
      this.#trace(`${from}->${to} snapshot finds nobody`);
      this.#reportSnapshot(packet, false);
      return;
    }
    const { metadata } = snapshot;
    const message: Message = {
      type: "installSnapshot",
      from: toNodeId(from),
      to: toNodeId(to),
      term: toTerm(packet.term),
      snapshot: metadata,
    };
    this.sent.push(message);
    this.#trace(`${to} receives ${formatMessage(message)}`);
    this.step(to, [{ type: "message", message }]);
    const { term, commitIndex } = target.raft.status();
    const isWanted = term === packet.term && commitIndex < metadata.index;
    if (isWanted) {
      while (target.disk.issued.length > 0) this.persist(to);
      target.disk.install(snapshot);
      this.#trace(`${to} installed the snapshot up to ${metadata.index}`);
      this.step(to, [{ type: "snapshotInstalled", snapshot: metadata }]);
    }
    this.#reportSnapshot(packet, isWanted);
  }

  #reportSnapshot(packet: Packet & { readonly type: "snapshot" }, delivered: boolean): void {
    const { from, to, snapshot } = packet;
    if ((this.nodes.get(from)?.raft ?? null) === null) return;
    const { index } = snapshot.metadata;
    this.#trace(`${from} is told: snapshot for ${to} ${delivered ? "delivered" : "not delivered"}`);
    this.step(from, [{ type: "snapshotSent", to: toNodeId(to), index, delivered }]);
  }

  #serveReads(id: number, effects: Effects): void {
    const node = this.node(id);
    for (const to of effects.snapshotsToSend) {
      const { term } = this.status(id);
      const snapshot = node.disk.applied;
      this.#trace(`  ${id}->${to} snapshot up to ${snapshot.metadata.index}`);
      const packet: Packet = { type: "snapshot", from: id, to, term, snapshot };
      this.packets.push(packet);
      if (this.cut.has(`${id}->${to}`)) this.drop(this.packets.indexOf(packet));
    }
    for (const { to, from, toIndex, bytesMax } of effects.entriesToRead) {
      this.#trace(`  ${id} reads entries ${from} to ${toIndex} from its disk for ${to}`);
      const entries = node.disk.read(from, toIndex, bytesMax);
      this.step(id, [{ type: "entriesRead", to, entries }]);
    }
  }

  #record(id: number, effects: Effects): void {
    for (const { id: request, index, term } of effects.accepted) {
      this.#outcome(request, id, `accepted at ${index}/${term}`);
    }
    for (const { id: request, reason, detail } of effects.rejected) {
      this.#outcome(request, id, `rejected ${reason}: ${detail}`);
    }
    for (const { id: request, index } of effects.reads) {
      this.#outcome(request, id, `may read at ${index}`);
    }
    for (const request of effects.transferred) this.#outcome(request, id, "transferred");
  }

  #outcome(request: number, node: number, text: string): void {
    this.outcomes.push({ id: request, node, text });
    this.#trace(`  request ${request} at ${node}: ${text}`);
  }

  #traceRole(before: RaftStatus, after: RaftStatus): void {
    const isSame = before.role === after.role && before.term === after.term;
    if (!isSame) this.#trace(`  ${after.id} is ${after.role} in term ${after.term}`);
  }
}
