/**
 * The store of a simulated world: one agreed configuration, a leader while a majority of voters is
 * up, learners that catch up and are promoted by the leader. The disks belong to the claims.
 */
import type { ClusterStatus } from "@kvcluster/protocol";

export interface Disk {
  clusterId: string;
  nodeId: number;
  matchIndex: number;
  isCorrupt: boolean;
  /** The configuration as this node last heard of it. */
  members: readonly SimMember[];
  isRemoved: boolean;
}

export interface SimMember {
  readonly id: number;
  readonly name: string;
  readonly role: "voter" | "learner";
}

/** A process that is up, with what it holds. */
export interface Live {
  readonly pod: string;
  readonly disk: Disk | null;
}

const CATCH_UP_ENTRIES = 400;
const PROMOTION_TICKS = 2;

export const quorumOf = (voters: number): number => Math.floor(voters / 2) + 1;

export class SimStore {
  clusterId: string | null = null;
  members: readonly SimMember[] = [];
  leader: number | null = null;
  term = 0;
  commitIndex = 0;
  bootstraps = 0;
  /** Voters removed by the operator as replacements: times. */
  readonly replacements: number[] = [];
  readonly #caughtUpTicks = new Map<number, number>();

  bootstrap(pod: string): Disk {
    this.bootstraps += 1;
    this.clusterId = "c".repeat(31) + this.bootstraps;
    this.commitIndex += 1;
    this.members = [{ id: this.commitIndex, name: pod, role: "voter" }];
    this.leader = this.commitIndex;
    this.term += 1;
    return this.newDisk(this.commitIndex);
  }

  newDisk(nodeId: number): Disk {
    const { members, clusterId } = this;
    const disk = { nodeId, matchIndex: 0, isCorrupt: false, isRemoved: false };
    return { ...disk, clusterId: clusterId ?? "", members };
  }

  addLearner(name: string): number {
    this.commitIndex += 1;
    this.members = [...this.members, { id: this.commitIndex, name, role: "learner" }];
    return this.commitIndex;
  }

  remove(id: number): void {
    this.commitIndex += 1;
    this.members = this.members.filter((member) => member.id !== id);
    if (this.leader === id) this.leader = null;
  }

  voters(): readonly SimMember[] {
    return this.members.filter(({ role }) => role === "voter");
  }

  isUp(id: number, live: readonly Live[]): boolean {
    return live.some(({ disk }) => disk?.nodeId === id && !disk.isCorrupt);
  }

  hasQuorum(members: readonly SimMember[], live: readonly Live[]): boolean {
    const voters = members.filter(({ role }) => role === "voter");
    const up = voters.filter(({ id }) => this.isUp(id, live)).length;
    return voters.length > 0 && up >= quorumOf(voters.length);
  }

  /** @param writes entries that clients write if there is a leader */
  tick(live: readonly Live[], writes: number): void {
    if (this.clusterId === null) return;
    this.#elect(live);
    if (this.leader === null) return;
    this.commitIndex += writes;
    for (const { disk } of live) if (disk !== null) this.#replicate(disk);
    this.#promote(live);
  }

  #elect(live: readonly Live[]): void {
    if (!this.hasQuorum(this.members, live)) {
      this.leader = null;
      return;
    }
    if (this.leader !== null && this.isUp(this.leader, live)) return;
    const able = this.voters()
      .map(({ id }) => live.find(({ disk }) => disk?.nodeId === id && !disk.isCorrupt)?.disk)
      .filter((disk) => disk !== undefined && disk !== null);
    const best = able.sort((a, b) => b.matchIndex - a.matchIndex)[0];
    this.lead(best?.nodeId ?? null);
  }

  lead(id: number | null): void {
    this.term += 1;
    this.leader = id;
  }

  #replicate(disk: Disk): void {
    if (disk.clusterId !== this.clusterId || disk.isCorrupt || disk.isRemoved) return;
    const member = this.members.find(({ id }) => id === disk.nodeId);
    // A node that was down while it was removed is never told.
    const knewItself = disk.members.some(({ id }) => id === disk.nodeId);
    if (member === undefined) {
      disk.isRemoved = knewItself && disk.nodeId % 2 === 0;
      return;
    }
    disk.members = this.members;
    const isLeader = disk.nodeId === this.leader;
    const next = isLeader ? this.commitIndex : disk.matchIndex + CATCH_UP_ENTRIES;
    disk.matchIndex = Math.min(this.commitIndex, next);
  }

  #promote(live: readonly Live[]): void {
    for (const { id, role } of this.members) {
      const disk = live.find((one) => one.disk?.nodeId === id)?.disk ?? null;
      const isClose = disk !== null && this.commitIndex - disk.matchIndex <= 100;
      const ticks = role === "learner" && isClose ? (this.#caughtUpTicks.get(id) ?? 0) + 1 : 0;
      this.#caughtUpTicks.set(id, ticks);
      if (ticks < PROMOTION_TICKS) continue;
      const next = this.members.map((m) => (m.id === id ? { ...m, role: "voter" as const } : m));
      if (!this.hasQuorum(next, live)) continue;
      this.commitIndex += 1;
      this.members = next;
      return;
    }
  }

  /** `GET /v1/cluster` of the node with this disk. */
  statusOf(pod: string, disk: Disk, live: readonly Live[]): ClusterStatus {
    const isLeader = this.leader === disk.nodeId;
    const leader = this.members.find(({ id }) => id === this.leader);
    const isTold = this.leader !== null && disk.members.some(({ id }) => id === disk.nodeId);
    const own = disk.members.find(({ id }) => id === disk.nodeId);
    const members = isLeader ? this.members : disk.members;
    return {
      clusterId: disk.clusterId,
      node: {
        id: disk.nodeId,
        name: pod,
        role: isLeader ? "leader" : own?.role === "learner" ? "learner" : "follower",
        term: this.term,
        appliedIndex: disk.matchIndex,
        commitIndex: isLeader ? this.commitIndex : disk.matchIndex,
        revision: disk.matchIndex,
      },
      leader: isTold && leader !== undefined ? { id: leader.id, name: leader.name } : null,
      members: members.map((member) => ({
        ...member,
        peerAddress: `${member.name}.demo-peers.test.svc:5100`,
        clientAddress: `http://${member.name}.demo-peers.test.svc:5000`,
        ...(isLeader ? this.#progressOf(member.id, live) : {}),
      })),
    };
  }

  #progressOf(id: number, live: readonly Live[]): { matchIndex: number; healthy: boolean } {
    if (id === this.leader) return { matchIndex: this.commitIndex, healthy: true };
    const disk = live.find((one) => one.disk?.nodeId === id)?.disk ?? null;
    return { matchIndex: disk?.matchIndex ?? 0, healthy: this.isUp(id, live) };
  }
}
