/**
 * The driver: one loop that owns the core. It drains the inbox, steps, hands writes to the store
 * without waiting, sends what may be sent, applies what is committed and settles proposals and
 * reads. It must never block, never touch the world but through its ports, and never let two steps
 * overlap.
 */
import { type Command, type CommandResult, encodeCommand } from "../kv/index.ts";
import {
  createRaft,
  type Effects,
  type LogIndex,
  type Message,
  type NodeId,
  type RaftStatus,
  type Rejection,
  type SnapshotMetadata,
  type Term,
} from "../raft/index.ts";
import { AdminRequests } from "./admin-requests.ts";
import { Applier } from "./applier.ts";
import { CoreLoop } from "./core-loop.ts";
import { Forwarding } from "./forwarding.ts";
import { Health } from "./health.ts";
import { Housekeeping } from "./housekeeping.ts";
import type { ReplicaOptions } from "./options.ts";
import { PeerIntake } from "./peer-intake.ts";
import type {
  AdminRequest,
  Applied,
  IncomingSnapshot,
  Recovered,
  ReplicaObserver,
  Runtime,
  StateReader,
  StateSummary,
  Store,
  StoreStats,
  Transport,
} from "./ports.ts";
import { ProposalTable } from "./proposals.ts";
import { ReadBarriers } from "./read-barriers.ts";
import { requestKind } from "./request-id.ts";
import type { ReplicaCounters, ReplicaService, ReplicaStatus } from "./service.ts";
import { SnapshotReceiver } from "./snapshot-receiver.ts";
import { SnapshotSender } from "./snapshot-sender.ts";
import { Standing } from "./standing.ts";

export interface ReplicaSetup {
  readonly options: ReplicaOptions;
  readonly recovered: Recovered;
  readonly store: Store;
  readonly transport: Transport;
  readonly runtime: Runtime;
  readonly observer: ReplicaObserver;
}

export class Replica implements ReplicaService {
  readonly reader: StateReader;
  readonly #setup: ReplicaSetup;
  readonly #self: NodeId;
  readonly #loop: CoreLoop;
  readonly #applier: Applier;
  readonly #proposals: ProposalTable;
  readonly #forwarding: Forwarding;
  readonly #reads: ReadBarriers;
  readonly #admin: AdminRequests;
  readonly #health: Health;
  readonly #standing: Standing;
  readonly #housekeeping: Housekeeping;
  readonly #sender: SnapshotSender;
  readonly #receiver: SnapshotReceiver;
  readonly #intake: PeerIntake;
  #leaderChanges = 0;
  #appliedTerm: Term;
  #stopTicks: () => void = () => {};

  constructor(setup: ReplicaSetup) {
    const { options, recovered, store, transport, runtime } = setup;
    this.#setup = setup;
    this.#self = recovered.identity.nodeId;
    this.reader = store.reader;
    this.#appliedTerm = recovered.summary.appliedTerm;
    this.#loop = this.#createLoop();
    this.#applier = new Applier(store, recovered.summary, (applied) => this.#applied(applied));
    this.#proposals = new ProposalTable(options);
    this.#forwarding = new Forwarding(this.#proposals, {
      origin: options.origin,
      forwardedMax: options.proposalsMax,
      forwardBytesMax: options.raft.appendBytesMax,
      send: (to, message) => transport.send(to, message),
      reaches: (peer) => transport.reaches(peer),
      wallMs: () => runtime.wallMs(),
    });
    this.#reads = new ReadBarriers(options.readsMax);
    this.#admin = new AdminRequests({
      requestsMax: options.adminRequestsMax,
      origin: options.origin,
      send: (to, message) => transport.send(to, message),
      reaches: (peer) => transport.reaches(peer),
    });
    this.#health = new Health({ ...options, learnerGapMax: options.raft.promotionGapMax });
    this.#standing = new Standing(this.#self, this.#health);
    this.#sender = this.#createSender();
    this.#receiver = this.#createReceiver();
    this.#housekeeping = this.#createHousekeeping();
    this.#intake = this.#createIntake();
  }

  /** Joins the peers and starts the clock. */
  start(): void {
    const { transport, runtime, options } = this.#setup;
    transport.start({
      onMessage: (from, message) => this.#intake.receive(from, message),
      onSnapshot: (snapshot) => this.#offered(snapshot),
      onUnreachable: (nodeId) => this.#loop.input({ type: "unreachable", nodeId }),
    });
    transport.setPeers(this.#loop.status.configuration.members);
    this.#stopTicks = runtime.every(options.tickMs, () => this.#tick());
  }

  /** Ends the loop; what waits is told. The store and the transport are closed by their owner. */
  stop(): void {
    this.#loop.stop();
    this.#standing.stop();
    this.#stopTicks();
    this.#abandon("SHUTTING_DOWN", "the node is shutting down");
  }

  propose(command: Command, deadlineMs: number): Promise<CommandResult> {
    const refusal = this.#standing.refusal();
    if (refusal !== null) return Promise.reject(refusal);
    const { options, runtime } = this.#setup;
    const result = this.#proposals.add(runtime.monotonicMs() + deadlineMs, (sequence) =>
      encodeCommand({ origin: options.origin, sequence, timestampMs: 0 }, command),
    );
    // Behind a write that is under way there is a step: what gathers until then shares its message.
    if (!this.#loop.isWriting) this.#loop.schedule();
    return result;
  }

  readBarrier(deadlineMs: number): Promise<LogIndex> {
    const refusal = this.#standing.refusal();
    if (refusal !== null) return Promise.reject(refusal);
    const barrier = this.#reads.wait(this.#setup.runtime.monotonicMs() + deadlineMs);
    this.#loop.schedule();
    return barrier;
  }

  admin(request: AdminRequest, deadlineMs: number): Promise<LogIndex> {
    const refusal = this.#standing.refusal();
    if (refusal !== null) return Promise.reject(refusal);
    const done = this.#admin.add(request, this.#setup.runtime.monotonicMs() + deadlineMs);
    this.#loop.schedule();
    return done;
  }

  /**
   * Fails readiness from now on and hands leadership over where there is someone to take it.
   * @throws ReplicaError as `admin` does; the node is draining all the same.
   */
  async drain(deadlineMs: number): Promise<void> {
    this.#standing.drain();
    const { role, configuration } = this.#loop.status;
    const voters = configuration.members.filter((member) => member.role === "voter");
    if (role !== "leader" || voters.length < 2) return;
    await this.#handOver(deadlineMs);
  }

  #handOver(deadlineMs: number): Promise<LogIndex> {
    const done = this.#admin.handOver(this.#setup.runtime.monotonicMs() + deadlineMs);
    this.#loop.schedule();
    return done;
  }

  stalenessMs(): number | null {
    return this.#health.stalenessMs(this.#setup.runtime.monotonicMs(), this.#loop.status);
  }

  storeStats(): StoreStats {
    return this.#setup.store.stats();
  }

  status(): ReplicaStatus {
    const notReadyReason = this.#standing.notReadyReason({
      nowMs: this.#setup.runtime.monotonicMs(),
      raft: this.#loop.status,
      appliedIndex: this.#applier.summary.appliedIndex,
    });
    return {
      raft: this.#loop.status,
      state: this.#applier.summary,
      counters: this.#counters(),
      ready: notReadyReason === "",
      notReadyReason,
      corrupt: this.#standing.corrupt,
      removed: this.#standing.removed,
    };
  }

  #counters(): ReplicaCounters {
    return {
      leaderChanges: this.#leaderChanges,
      proposalsAccepted: this.#proposals.settled,
      proposalsFailed: this.#proposals.failed,
      proposalsPending: this.#proposals.pending,
      readsPending: this.#reads.pending,
      entriesApplied: this.#applier.entriesApplied,
      inboxItems: this.#loop.inboxItems,
      inboxBytes: this.#loop.inboxBytes,
      snapshotsSent: this.#sender.sent,
      snapshotsInstalled: this.#receiver.installed,
    };
  }

  #createLoop(): CoreLoop {
    const { options, recovered, store, transport, runtime } = this.#setup;
    const raft = createRaft(options.raft, recovered.restore, () => runtime.random());
    const limits = { itemsMax: options.inboxItemsMax, bytesMax: options.inboxBytesMax };
    return new CoreLoop(
      { raft, store, transport, runtime, limits },
      {
        paused: () => this.#receiver.installing,
        beforeStep: () => this.#route(),
        committed: (index) => this.#applier.request(index),
        afterStep: (effects, before) => this.#settle(effects, before),
      },
    );
  }

  #createSender(): SnapshotSender {
    const { store, transport, options } = this.#setup;
    return new SnapshotSender({
      store,
      transport,
      streamsMax: options.snapshotsSentMax,
      leadingTerm: () => {
        const { role, term } = this.#loop.status;
        return role === "leader" ? term : null;
      },
      ended: (to, index, delivered) => {
        this.#loop.input({ type: "snapshotSent", to, index, delivered });
      },
    });
  }

  #createReceiver(): SnapshotReceiver {
    return new SnapshotReceiver({
      store: this.#setup.store,
      commitIndex: () => this.#loop.status.commitIndex,
      installed: (metadata, summary) => this.#installed(metadata, summary),
      resumed: () => this.#loop.schedule(),
    });
  }

  #createHousekeeping(): Housekeeping {
    const { store, options, runtime } = this.#setup;
    return new Housekeeping(options, {
      store,
      monotonicMs: () => runtime.monotonicMs(),
      status: () => this.#loop.status,
      state: () => this.#applier.summary,
      oldestWriteMs: () => this.#loop.oldestWriteMs(),
      snapshotInFlight: () => this.#sender.oldestIndex(),
      compacted: (at) => this.#loop.input({ type: "compacted", ...at }),
      propose: (command) => this.propose(command, options.hashCheckMs),
      handOver: () => this.#handOver(options.diskStallMs),
    });
  }

  #createIntake(): PeerIntake {
    return new PeerIntake({
      forwarding: this.#forwarding,
      admin: this.#admin,
      appliedIndex: () => this.#applier.summary.appliedIndex,
      offer: (message) => this.#receiveRaft(message),
      input: (input) => this.#loop.input(input),
      schedule: () => this.#loop.schedule(),
    });
  }

  /** Turns what clients wait for into inputs for the core, or into a message to the leader. */
  #route(): void {
    const { leader } = this.#loop.status;
    for (const input of this.#forwarding.route(this.#self, this.#loop.status))
      this.#loop.input(input);
    for (const input of this.#admin.route(this.#self, leader)) this.#loop.input(input);
    const barrier = this.#reads.ask();
    if (barrier !== null) this.#loop.input({ type: "readIndex", id: barrier });
  }

  #settle(effects: Effects, before: RaftStatus): void {
    const { appliedIndex } = this.#applier.summary;
    this.#forwarding.accepted(effects.accepted);
    this.#admin.accepted(effects.accepted);
    if (effects.rejected.length > 0) this.#rejected(effects.rejected);
    this.#admin.transferred(effects.transferred, appliedIndex);
    this.#reads.granted(effects.reads, appliedIndex);
    this.#sender.request(effects.snapshotsToSend);
    this.#follow(before);
  }

  #rejected(rejections: readonly Rejection[]): void {
    this.#forwarding.rejected(rejections);
    this.#admin.rejected(rejections);
    for (const { id } of rejections) if (requestKind(id) === "read") this.#reads.dropped(id);
  }

  /** Tells the outside what changed in the core's view of it. */
  #follow(before: RaftStatus): void {
    const { configuration, leader } = this.#loop.status;
    if (configuration !== before.configuration) {
      this.#setup.transport.setPeers(configuration.members);
      this.#setup.observer.onConfiguration(configuration);
    }
    if (this.#standing.noteConfiguration(this.#loop.status)) this.#setup.observer.onRemoved();
    if (!this.#health.noteLeader(leader)) return;
    this.#health.hasten();
    if (leader !== null) {
      this.#leaderChanges += 1;
      this.#loop.schedule();
    }
  }

  #applied({ summary, settled, divergence }: Applied): void {
    if (divergence !== null) {
      this.#standing.diverge();
      this.#abandon("CORRUPT", `state differs from the leader's at index ${divergence.index}`);
    }
    this.#proposals.settle(settled);
    if (summary.appliedTerm > this.#appliedTerm) {
      this.#appliedTerm = summary.appliedTerm;
      this.#proposals.revive(summary.appliedTerm);
    }
    this.#reads.applied(summary.appliedIndex);
    this.#admin.applied(summary.appliedIndex, ({ index, term }) => {
      return this.#loop.holds(index, term);
    });
    this.#loop.input({ type: "applied", index: summary.appliedIndex });
  }

  #installed(snapshot: SnapshotMetadata, summary: StateSummary): void {
    this.#applier.restart(summary);
    this.#appliedTerm = summary.appliedTerm;
    this.#proposals.doubt();
    this.#reads.applied(summary.appliedIndex);
    this.#loop.inputFirst({ type: "snapshotInstalled", snapshot });
  }

  #receiveRaft(message: Message): void {
    if (message.from === this.#loop.status.leader) {
      this.#health.heardFromLeader(this.#setup.runtime.monotonicMs());
    }
    this.#loop.offer(message);
  }

  /** The core hears of a snapshot as of any word of a leader, then decides whether it is wanted. */
  #offered(incoming: IncomingSnapshot): void {
    const { from, term, metadata } = incoming;
    if (this.#loop.stopped || this.#receiver.installing) {
      incoming.reject();
      return;
    }
    const to = this.#self;
    this.#loop.input({
      type: "message",
      message: { type: "installSnapshot", from, to, term, snapshot: metadata },
    });
    this.#loop.step();
    const { leader, commitIndex, term: current } = this.#loop.status;
    const wanted = leader === from && current === term && metadata.index > commitIndex;
    if (wanted) this.#receiver.begin(incoming);
    else incoming.reject();
  }

  #tick(): void {
    const now = this.#setup.runtime.monotonicMs();
    this.#proposals.expire(now);
    this.#reads.tick(now);
    this.#admin.expire(now);
    this.#forwarding.tick();
    if (this.#standing.refusal() === null && this.#health.due(now)) this.#probe();
    this.#housekeeping.tick();
    this.#loop.input({ type: "tick" });
  }

  #probe(): void {
    const { options, runtime } = this.#setup;
    this.readBarrier(options.healthTimeoutMs).then(
      () => this.#health.succeeded(runtime.monotonicMs()),
      // A probe that fails is what makes the node not ready: there is nothing else to do.
      () => this.#health.hasten(),
    );
  }

  #abandon(code: "SHUTTING_DOWN" | "CORRUPT", detail: string): void {
    this.#proposals.abandon(code, detail);
    this.#reads.abandon(code, detail);
    this.#admin.abandon(code, detail);
  }
}
