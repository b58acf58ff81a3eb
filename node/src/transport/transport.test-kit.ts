/**
 * What the transport's tests share: a runtime whose time moves only when a test says so, and
 * transports on real loopback sockets that remember what they received.
 */
import type { TestContext } from "node:test";
import {
  type ClusterId,
  type Member,
  type NodeId,
  toClusterId,
  toLogIndex,
  toNodeId,
  toTerm,
} from "../raft/index.ts";
import type { IncomingSnapshot, PeerMessage } from "../replica/index.ts";
import {
  defaultTransportLimits,
  type TransportLimits,
  type TransportOptions,
  type TransportRuntime,
} from "./options.ts";
import { TcpTransport } from "./tcp-transport.ts";

export const CLUSTER: ClusterId = toClusterId("00112233445566778899aabbccddeeff");
export const SECRET: Uint8Array = new Uint8Array(32).fill(7);

interface Timer {
  dueMs: number;
  readonly everyMs: number | null;
  readonly task: () => void;
}

/** Timers fire only in `advance`; `defer` is the real setImmediate. */
export class ManualRuntime implements TransportRuntime {
  #nowMs = 1_000;
  readonly #timers = new Set<Timer>();

  get timers(): number {
    return this.#timers.size;
  }

  defer(task: () => void): void {
    setImmediate(task);
  }
  every(ms: number, task: () => void): () => void {
    return this.#add({ dueMs: this.#nowMs + ms, everyMs: ms, task });
  }
  after(ms: number, task: () => void): () => void {
    return this.#add({ dueMs: this.#nowMs + ms, everyMs: null, task });
  }
  monotonicMs(): number {
    return this.#nowMs;
  }
  random(): number {
    return 0.5;
  }
  fatal(error: Error): never {
    throw error;
  }

  /** Moves time on, in order of due times. */
  advance(ms: number): void {
    const endMs = this.#nowMs + ms;
    for (;;) {
      const due = [...this.#timers].filter((timer) => timer.dueMs <= endMs);
      const next = due.sort((a, b) => a.dueMs - b.dueMs)[0];
      if (next === undefined) break;
      this.#nowMs = Math.max(this.#nowMs, next.dueMs);
      if (next.everyMs === null) this.#timers.delete(next);
      else next.dueMs += next.everyMs;
      next.task();
    }
    this.#nowMs = endMs;
  }

  #add(timer: Timer): () => void {
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }
}

/** Resolves when `condition` holds, looking again after each turn of the loop. */
export async function until(condition: () => boolean, what: string): Promise<void> {
  const deadline = performance.now() + 20_000;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`never happened: ${what}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Lets sockets do what is already under way. */
export async function turns(count: number = 20): Promise<void> {
  for (let at = 0; at < count; at += 1) await new Promise((resolve) => setImmediate(resolve));
}

export interface Received {
  readonly from: NodeId;
  readonly message: PeerMessage;
}

export interface TestPeer {
  readonly id: NodeId;
  readonly transport: TcpTransport;
  readonly runtime: ManualRuntime;
  readonly received: Received[];
  readonly snapshots: IncomingSnapshot[];
  readonly unreachable: NodeId[];
  readonly logs: string[];
  readonly port: number;
  member(): Member;
}

type Passed = "secret" | "clusterId" | "sockets";

export interface TestPeerOptions extends Partial<Pick<TransportOptions, Passed>> {
  readonly limits?: Partial<TransportLimits>;
  readonly port?: number;
}

/** A started transport that listens; closed when the test ends. */
export async function startPeer(
  t: TestContext,
  id: number,
  options: TestPeerOptions = {},
): Promise<TestPeer> {
  const runtime = new ManualRuntime();
  const logs: string[] = [];
  const log = (fields: object, message: string): void => {
    logs.push(`${message} ${JSON.stringify(fields)}`);
  };
  const transport = new TcpTransport({
    clusterId: options.clusterId ?? CLUSTER,
    self: toNodeId(id),
    listen: { host: "127.0.0.1", port: options.port ?? 0 },
    secret: options.secret ?? SECRET,
    limits: { ...defaultTransportLimits, ...options.limits },
    runtime,
    log: { info: log, warn: log },
    ...(options.sockets === undefined ? {} : { sockets: options.sockets }),
  });
  t.after(() => transport.close());
  const received: Received[] = [];
  const snapshots: IncomingSnapshot[] = [];
  const unreachable: NodeId[] = [];
  transport.start({
    onMessage: (from, message) => received.push({ from, message }),
    onSnapshot: (snapshot) => snapshots.push(snapshot),
    onUnreachable: (peer) => unreachable.push(peer),
  });
  const port = await transport.listen();
  const member = (): Member => memberAt(id, port);
  return {
    id: toNodeId(id),
    transport,
    runtime,
    received,
    snapshots,
    unreachable,
    logs,
    port,
    member,
  };
}

export function memberAt(id: number, port: number): Member {
  return {
    id: toNodeId(id),
    name: `n${id}`,
    peerAddress: `127.0.0.1:${port}`,
    clientAddress: `http://127.0.0.1:${5000 + id}`,
    role: "voter",
  };
}

export function isConnected(peer: TestPeer, to: number): boolean {
  return peer.transport.stats().peers.some((stats) => stats.peer === to && stats.connected);
}

/** Makes them members of each other and waits until all links are up. */
export async function connectAll(...peers: readonly TestPeer[]): Promise<void> {
  const members = peers.map((peer) => peer.member());
  for (const peer of peers) peer.transport.setPeers(members);
  await until(
    () => peers.every((a) => peers.every((b) => a === b || isConnected(a, b.id))),
    "all links are up",
  );
}

export function heartbeat(from: number, to: number, readSequence: number): PeerMessage {
  return {
    type: "raft",
    message: {
      type: "heartbeat",
      from: toNodeId(from),
      to: toNodeId(to),
      term: toTerm(3),
      leaderCommit: toLogIndex(5),
      readSequence,
    },
  };
}
