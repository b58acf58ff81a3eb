/**
 * Random runs of a cluster of cores from one seed: first any fault, checked for safety after every
 * step, then a healed network in which progress is required. A failing seed replays exactly.
 */
import assert from "node:assert/strict";
import type { Input, MembershipChange } from "./index.ts";
import { toLogIndex, toNodeId, toTerm } from "./index.ts";
import { defaultOptions, TestCluster } from "./test-cluster.test-kit.ts";
import { formatStatus } from "./test-format.test-kit.ts";

/** A small generator (mulberry32): numbers in [0, 1). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export interface RunFigures {
  readonly steps: number;
  readonly commands: number;
  readonly leaders: number;
  readonly snapshots: number;
  readonly changes: number;
  readonly reads: number;
}

const encoder = new TextEncoder();

class RandomRun {
  readonly #cluster: TestCluster;
  readonly #random: () => number;
  #proposals = 0;
  #steps = 0;

  constructor(seed: number, trace: (line: string) => void) {
    this.#random = seededRandom(seed);
    this.#cluster = new TestCluster(trace);
    this.#cluster.options = {
      ...defaultOptions,
      appendsAheadMax: 2,
      inflightMessagesMax: 4,
      appendBytesMax: 64,
      cacheBytesMax: 128,
      promotionTicks: this.#below(2) * 20,
    };
    this.#cluster.addNodes(1 + this.#below(5), this.#below(2));
    for (const node of this.#cluster.nodes.values()) node.random = this.#random();
  }

  /** Any fault; the cluster checks itself after every step. */
  disturb(actions: number): void {
    for (let n = 0; n < actions; n += 1) {
      this.#steps += 1;
      this.#act();
    }
  }

  /** Heals everything; a proposal must then be applied by every voter. */
  recover(): void {
    const cluster = this.#cluster;
    cluster.cut.clear();
    for (const node of cluster.nodes.values()) {
      node.holdsWrites = false;
      if (node.raft === null) cluster.start(node.id);
    }
    const goal = `goal ${this.#proposals}`;
    for (let ticks = 0; ticks < 400; ticks += 1) {
      for (const node of cluster.nodes.values()) {
        node.random = this.#random();
        cluster.step(node.id, [{ type: "tick" }]);
        this.#assertReadsAreFresh();
      }
      cluster.stabilize();
      const leader = this.#leader();
      if (leader === null) continue;
      const { configuration } = cluster.status(leader);
      const appliers = configuration.members.filter(({ id }) => cluster.nodes.has(id));
      const isApplied = (id: number): boolean =>
        cluster.node(id).disk.applied.commands.includes(goal);
      if (appliers.every(({ id }) => isApplied(id))) return;
      if (!isApplied(leader) && ticks % 20 === 0) this.#propose(leader, goal);
    }
    const statuses = [...cluster.nodes.keys()].map((id) => formatStatus(cluster.status(id)));
    assert.fail(`no progress:\n${statuses.join("\n")}`);
  }

  figures(): RunFigures {
    const { sent, outcomes, nodes } = this.#cluster;
    const commands = [...nodes.values()].map((node) => node.disk.applied.commands.length);
    return {
      steps: this.#steps,
      commands: Math.max(...commands),
      leaders: new Set(sent.flatMap((m) => (m.type === "appendEntries" ? [m.term] : []))).size,
      snapshots: sent.filter((message) => message.type === "installSnapshot").length,
      changes: Math.max(
        ...[...nodes.values()].map((n) => n.disk.applied.metadata.configurationIndex),
      ),
      reads: outcomes.filter(({ text }) => text.startsWith("may read")).length,
    };
  }

  #act(): void {
    const cluster = this.#cluster;
    const dice = this.#random();
    const id = this.#anyNode();
    const node = cluster.node(id);
    if (dice < 0.45) this.#movePacket();
    else if (dice < 0.65) this.#persistSome();
    else if (node.raft === null) {
      if (this.#random() < 0.3) cluster.start(id);
    } else if (dice < 0.83) this.#tick(id);
    else if (dice < 0.92) this.#propose(id, this.#nextText());
    else this.#disturbNode(id);
    this.#assertReadsAreFresh();
  }

  #disturbNode(id: number): void {
    const cluster = this.#cluster;
    const dice = this.#random();
    if (dice < 0.25) this.#read(id);
    else if (dice < 0.4) this.#change(id);
    else if (dice < 0.5)
      this.#request(id, (request) => ({
        type: "transferLeadership",
        id: request,
        target: this.#random() < 0.5 ? null : toNodeId(this.#anyNode()),
      }));
    else if (dice < 0.65) this.#compact(id);
    else if (dice < 0.75) cluster.crash(id);
    else if (dice < 0.85)
      cluster.step(id, [{ type: "unreachable", nodeId: toNodeId(this.#anyNode()) }]);
    else if (dice < 0.93) cluster.cut.add(`${this.#anyNode()}->${this.#anyNode()}`);
    else cluster.cut.clear();
  }

  #tick(id: number): void {
    const node = this.#cluster.node(id);
    node.random = this.#random();
    // Some members' clocks run ahead, so that elections happen though leaders live.
    const count = this.#random() < 0.1 ? 12 : 1;
    const ticks: Input[] = Array.from({ length: count }, () => ({ type: "tick" }));
    this.#cluster.step(id, ticks);
  }

  #movePacket(): void {
    const { packets } = this.#cluster;
    if (packets.length === 0) return;
    // Mostly in order, sometimes not; a long queue is thinned out.
    const at = this.#random() < 0.7 ? 0 : this.#below(packets.length);
    const packet = packets[at];
    const dice = this.#random();
    if (dice < 0.06 || packets.length > 200) this.#cluster.drop(at);
    else {
      if (dice < 0.12 && packet?.type === "message") packets.push(packet);
      this.#cluster.deliver(at);
    }
  }

  #persistSome(): void {
    const id = this.#anyNode();
    const { raft, disk } = this.#cluster.node(id);
    if (raft === null) return;
    for (let n = this.#below(4); n > 0 && disk.issued.length > 0; n -= 1) this.#cluster.persist(id);
  }

  #nextText(): string {
    this.#proposals += 1;
    return `${this.#proposals}`;
  }

  #propose(id: number, text: string): void {
    this.#request(id, (request) => ({ type: "propose", id: request, data: encoder.encode(text) }));
  }

  #readsAsked = new Map<number, number>();

  /** Notes what was applied anywhere when the read was asked for. */
  #read(id: number): void {
    const applied = [...this.#cluster.nodes.values()].map((n) => n.disk.applied.metadata.index);
    this.#request(id, (request) => {
      this.#readsAsked.set(request, Math.max(...applied));
      return { type: "readIndex", id: request };
    });
  }

  #outcomesSeen = 0;

  /** Linearizable: a read sees at least what anybody had applied when it was asked for. */
  #assertReadsAreFresh(): void {
    const { outcomes } = this.#cluster;
    for (; this.#outcomesSeen < outcomes.length; this.#outcomesSeen += 1) {
      const { id = 0, text = "" } = outcomes[this.#outcomesSeen] ?? {};
      const asked = this.#readsAsked.get(id);
      const granted = /^may read at (\d+)$/.exec(text)?.[1];
      if (asked === undefined || granted === undefined) continue;
      assert.ok(Number(granted) >= asked, `read ${id} at ${granted}, ${asked} was applied before`);
    }
  }

  #change(id: number): void {
    const cluster = this.#cluster;
    const subject = toNodeId(this.#anyNode());
    const kinds = ["addLearner", "promote", "demote", "remove"] as const;
    const type = kinds[this.#below(kinds.length)] ?? "remove";
    if (type === "addLearner" && cluster.nodes.size >= 8) return;
    const name = `m${cluster.nextRequest()}`;
    const change: MembershipChange =
      type === "addLearner"
        ? { type, name, peerAddress: "p:1", clientAddress: "c" }
        : { type, nodeId: subject };
    const request = cluster.nextRequest();
    const { accepted } = cluster.step(id, [{ type: "changeMembership", id: request, change }]);
    const index = accepted[0]?.index;
    if (type !== "addLearner" || index === undefined || cluster.nodes.has(index)) return;
    cluster.addNode(index, { members: [], compacted: 0, entryTerms: [] });
  }

  #compact(id: number): void {
    const { disk } = this.#cluster.node(id);
    const { index } = disk.applied.metadata;
    if (index <= disk.compacted.index || disk.issued.length > 0) return;
    disk.compact(index);
    const term = toTerm(disk.compacted.term);
    this.#cluster.step(id, [{ type: "compacted", index: toLogIndex(index), term }]);
  }

  #request(id: number, make: (request: number) => Input): void {
    this.#cluster.step(id, [make(this.#cluster.nextRequest())]);
  }

  #leader(): number | null {
    let best: { id: number; term: number } | null = null;
    for (const { id, raft } of this.#cluster.nodes.values()) {
      const status = raft?.status();
      if (status?.role === "leader" && status.term > (best?.term ?? 0))
        best = { id, term: status.term };
    }
    return best?.id ?? null;
  }

  #anyNode(): number {
    const ids = [...this.#cluster.nodes.keys()];
    return ids[this.#below(ids.length)] ?? 1;
  }

  #below(count: number): number {
    return Math.floor(this.#random() * count);
  }
}

/** One whole run. @throws on any breach of safety or lack of progress. */
export function runRandomly(
  seed: number,
  actions: number,
  trace: (line: string) => void = () => {},
): RunFigures {
  const run = new RandomRun(seed, trace);
  run.disturb(actions);
  run.recover();
  return run.figures();
}
