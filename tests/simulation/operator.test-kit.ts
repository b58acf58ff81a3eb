/**
 * Plays the administrator: reads the members from a node, and moves the cluster towards as many
 * voters as are wanted, one step at a time, through the public admin API. It keeps no plan: killed
 * between two steps it would go on from what it sees. It also makes changes for the sake of change.
 */
import type { Member, MembershipChange, NodeId, RaftStatus } from "../../node/src/raft/index.ts";
import type { AdminRequest } from "../../node/src/replica/index.ts";
import type { Coverage } from "./coverage.test-kit.ts";
import type { EventQueue } from "./event-queue.test-kit.ts";
import type { Machine } from "./machine.test-kit.ts";
import type { Random } from "./random.test-kit.ts";

export interface OperatorSetup {
  readonly queue: EventQueue;
  readonly random: Random;
  readonly coverage: Coverage;
  readonly machines: readonly Machine[];
  readonly votersWanted: number;
  readonly churnEveryUs: number;
  readonly transferEveryUs: number;
  readonly failed: (error: unknown) => void;
}

const LOOK_EVERY_US = 150_000;
const DEADLINE_MS = 2_000;

export class Operator {
  readonly #setup: OperatorSetup;
  #isBusy = false;
  #mayDisturb = true;
  #nextChurnUs = 0;
  #nextTransferUs = 0;

  constructor(setup: OperatorSetup) {
    this.#setup = setup;
    this.#plan();
    this.#look();
  }

  get isBusy(): boolean {
    return this.#isBusy;
  }

  /** False: from now on only what repairs. */
  mayDisturb(may: boolean): void {
    this.#mayDisturb = may;
  }

  /** The members as far as any node that is up knows them to be committed. */
  observe(): RaftStatus | null {
    let best: RaftStatus | null = null;
    for (const { life } of this.#setup.machines) {
      if (life === null || !life.isServing) continue;
      const status = life.watch.status;
      if (status === null || status.configurationIndex > status.commitIndex) continue;
      if (status.configuration.members.length === 0) continue;
      if (best === null || status.configurationIndex > best.configurationIndex) best = status;
    }
    return best;
  }

  #look(): void {
    this.#setup.queue.schedule(LOOK_EVERY_US, () => {
      const seen = this.observe();
      if (seen !== null) this.#act(seen);
      this.#look();
    });
  }

  #act(seen: RaftStatus): void {
    const { members } = seen.configuration;
    for (const machine of this.#setup.machines) this.#follow(machine, members, seen);
    if (this.#isBusy) return;
    const lost = members.find((member) => this.#isLost(member));
    if (lost !== undefined) {
      this.#change({ type: "remove", nodeId: lost.id });
      return;
    }
    if (members.length < this.#setup.votersWanted) this.#admitOne(members);
    // Nobody takes a member away from a cluster that may be about to lose one.
    if (!this.#setup.machines.every(({ isWell }) => isWell)) return;
    if (members.length > this.#setup.votersWanted) this.#removeOne(members);
    else if (this.#mayDisturb) this.#disturb(members);
  }

  /** Carries out on a machine what the cluster has decided. */
  #follow(machine: Machine, members: readonly Member[], seen: RaftStatus): void {
    const member = members.find(({ name }) => name === machine.name);
    const { nodeId } = machine;
    if (nodeId !== null && seen.configurationIndex > nodeId && member?.id !== nodeId) {
      this.#setup.coverage.count("removed members wiped");
      machine.wipe();
    }
    if (machine.state !== "blank" || member === undefined) return;
    if (!machine.lostIds.has(member.id)) machine.join(member.id, members);
  }

  /** Its disk is gone or refused: it can never come back under this id. */
  #isLost({ id, name }: Member): boolean {
    const machine = this.#setup.machines.find((candidate) => candidate.name === name);
    if (machine === undefined) return true;
    return machine.lostIds.has(id) || (machine.state === "refused" && machine.nodeId === id);
  }

  #admitOne(members: readonly Member[]): void {
    const { machines, random } = this.#setup;
    const known = new Set(members.map(({ name }) => name));
    const spare = machines.filter(({ state, name }) => state === "blank" && !known.has(name));
    if (spare.length === 0) return;
    this.#change({ type: "addLearner", ...random.pick(spare).addresses });
  }

  #removeOne(members: readonly Member[]): void {
    this.#change({ type: "remove", nodeId: this.#setup.random.pick(members).id });
  }

  #disturb(members: readonly Member[]): void {
    const { queue, random, churnEveryUs, transferEveryUs } = this.#setup;
    if (transferEveryUs > 0 && queue.nowUs >= this.#nextTransferUs) {
      this.#plan();
      const target: NodeId | null = random.chance(0.5) ? null : random.pick(members).id;
      this.#request({ type: "transferLeadership", target });
      return;
    }
    if (churnEveryUs === 0 || queue.nowUs < this.#nextChurnUs) return;
    this.#plan();
    const member = random.pick(members);
    const kind = random.next();
    if (kind < 0.6) this.#change({ type: "remove", nodeId: member.id });
    else if (kind < 0.75) this.#change({ type: "demote", nodeId: member.id });
    else if (kind < 0.85) this.#change({ type: "promote", nodeId: member.id });
    else this.#readdress(member);
  }

  /** Promotes by hand what was demoted by hand: nobody else will. */
  promoteDemoted(): void {
    const demoted = this.observe()?.configuration.members.find((member) => member.demoted);
    if (demoted !== undefined && !this.#isBusy) {
      this.#change({ type: "promote", nodeId: demoted.id });
    }
  }

  #readdress({ id, peerAddress }: Member): void {
    const clientAddress = `http://${peerAddress}/${this.#setup.queue.nowUs}`;
    this.#change({ type: "updateAddresses", nodeId: id, peerAddress, clientAddress });
  }

  #change(change: MembershipChange): void {
    this.#request({ type: "changeMembership", change });
  }

  #request(request: AdminRequest): void {
    const { machines, random, coverage, failed } = this.#setup;
    const lives = machines.flatMap(({ life }) => (life?.isServing === true ? [life] : []));
    if (lives.length === 0) return;
    const life = random.pick(lives);
    const what = request.type === "changeMembership" ? request.change.type : "transfer";
    this.#isBusy = true;
    const end = (outcome: string): void => {
      coverage.count(`admin ${what} ${outcome}`);
      this.#isBusy = false;
    };
    life.onEnd(() => {
      this.#isBusy = false;
    });
    life.run(() => {
      const { replica } = life;
      if (replica === null) return;
      const answer = replica.admin(request, DEADLINE_MS).then(
        () => end("done"),
        (error: unknown) => end(reasonOf(error)),
      );
      answer.catch(failed);
    });
  }

  #plan(): void {
    const { queue, random, churnEveryUs, transferEveryUs } = this.#setup;
    if (queue.nowUs >= this.#nextChurnUs) {
      this.#nextChurnUs = queue.nowUs + random.exponential(churnEveryUs);
    }
    if (queue.nowUs >= this.#nextTransferUs) {
      this.#nextTransferUs = queue.nowUs + random.exponential(transferEveryUs);
    }
  }
}

const reasonOf = (error: unknown): string => {
  if (!(error instanceof Error) || !("code" in error)) throw error;
  const reason = "reason" in error && error.reason !== null ? ` ${String(error.reason)}` : "";
  return `${String(error.code)}${reason}`;
};
