/**
 * A simulated world: Kubernetes, the store, the user's resource, and what an operator can see of
 * them, at once or late. Time passes in `tick` only; `execute` is where the rules are checked.
 */
import assert from "node:assert/strict";
import type { KVCluster, KVClusterSpec, KVClusterStatus } from "../api/types.ts";
import type { NodeView, Observed } from "../observed.ts";
import type { Action, KubeAction, StoreAction } from "./action.ts";
import { makeCluster } from "./plan.test-kit.ts";
import { secretsOf } from "./scene.test-kit.ts";
import { type SimClaim, SimKubernetes, type SimPod } from "./world-kubernetes.test-kit.ts";
import { createRandom, type Random } from "./world-random.test-kit.ts";
import { type Disk, quorumOf, SimStore } from "./world-store.test-kit.ts";

export type KubeView = Omit<Observed, "nodes" | "now">;

/** A rule of the planner was broken: never caught by the simulated operator. */
export class Violation extends Error {}

const LATE_VIEWS_MAX = 60;
const CAUGHT_UP = 100;

export class World {
  readonly random: Random;
  readonly kubernetes: SimKubernetes;
  readonly store: SimStore = new SimStore();
  readonly log: string[] = [];
  cluster: KVCluster;
  /** Clients write so many entries a tick. */
  writes = 5;
  restartsByUs = 0;
  readonly #history: KubeView[] = [];

  constructor(seed: number, spec: Partial<KVClusterSpec> = {}) {
    this.random = createRandom(seed);
    this.kubernetes = new SimKubernetes(this.random);
    this.cluster = makeCluster(spec);
    this.remember();
  }

  get now(): number {
    return this.kubernetes.now;
  }

  tick(ms = 5_000): void {
    this.kubernetes.tick(ms, (pod) => this.isServing(pod));
    this.store.tick(this.kubernetes.live(), this.writes);
    this.remember();
  }

  diskOf(pod: SimPod): Disk | null {
    return this.kubernetes.claimAt(pod.ordinal)?.disk ?? null;
  }

  /** Its readiness probe: it serves linearizable reads. */
  isServing(pod: SimPod): boolean {
    const disk = this.diskOf(pod);
    const { store } = this;
    if (disk === null || disk.isCorrupt || disk.clusterId !== store.clusterId) return false;
    const isMember = store.members.some(({ id }) => id === disk.nodeId);
    return isMember && store.leader !== null && store.commitIndex - disk.matchIndex <= CAUGHT_UP;
  }

  editSpec(changes: Partial<KVClusterSpec>): void {
    const { metadata, spec } = this.cluster;
    this.#replace({
      ...this.cluster,
      metadata: { ...metadata, generation: metadata.generation + 1 },
      spec: { ...spec, ...changes },
    });
    this.log.push(`user edits spec: ${JSON.stringify(changes)}`);
  }

  /** @returns false when `seen` is not the newest */
  writeStatus(seen: KVCluster, status: KVClusterStatus): boolean {
    if (seen.metadata.resourceVersion !== this.cluster.metadata.resourceVersion) return false;
    const { clusterId } = this.cluster.status ?? {};
    if (clusterId !== undefined && clusterId !== status.clusterId) {
      throw new Violation(`status.clusterId ${clusterId} becomes ${status.clusterId}`);
    }
    this.#replace({ ...this.cluster, status });
    return true;
  }

  #replace(cluster: KVCluster): void {
    const resourceVersion = String(Number(this.cluster.metadata.resourceVersion) + 1);
    this.cluster = { ...cluster, metadata: { ...cluster.metadata, resourceVersion } };
    this.remember();
  }

  remember(): void {
    this.#history.push(this.look());
    if (this.#history.length > LATE_VIEWS_MAX) this.#history.shift();
  }

  look(): KubeView {
    return {
      cluster: this.cluster,
      children: new Map(),
      secrets: secretsOf(this.cluster),
      configMaps: new Map(),
      statefulSet: this.kubernetes.observedStatefulSet(),
      pods: this.kubernetes.observedPods(),
      claims: this.kubernetes.observedClaims(),
      issuer: { type: "unknown", why: "test" },
      capabilities: { serviceMonitor: false, prometheusRule: false },
    };
  }

  lookLate(by: number): KubeView {
    return this.#history.at(-1 - by) ?? this.#history[0] ?? this.look();
  }

  /** @param mute how likely a node's answer is lost */
  survey({ pods }: KubeView, mute: number): readonly NodeView[] {
    return pods
      .filter(({ ip }) => ip !== null)
      .map(({ name, uid }): NodeView => {
        const pod = this.kubernetes.pods.find((one) => one.uid === uid);
        const isUp = pod?.isUp === true && this.kubernetes.isNodeUp(pod.nodeName);
        if (!isUp || this.random.chance(mute)) {
          return { pod: name, type: "unreachable", why: "timeout" };
        }
        return this.#answer(pod);
      });
  }

  #answer(pod: SimPod): NodeView {
    const disk = this.diskOf(pod);
    const base = { pod: pod.name, type: "answered", version: pod.image, reasons: [] } as const;
    const silent = { isReady: false, status: null };
    if (disk === null) return { ...base, ...silent, phase: "blank" };
    if (disk.isCorrupt) return { ...base, ...silent, phase: "corrupt" };
    if (disk.isRemoved) return { ...base, ...silent, phase: "removed" };
    const status = this.store.statusOf(pod.name, disk, this.kubernetes.live());
    const isGoing = pod.deletingUntil !== null;
    const isReady = !isGoing && this.isServing(pod);
    return { ...base, phase: isGoing ? "draining" : "serving", isReady, status };
  }

  execute(action: Action): void {
    this.log.push(`operator: ${JSON.stringify(action)}`);
    switch (action.type) {
      case "bootstrap":
      case "addMember":
      case "removeMember":
      case "transferLeadership":
      case "updateAddresses":
        this.#askStore(action);
        break;
      default:
        this.#change(action);
    }
    this.remember();
  }

  #change(action: KubeAction): void {
    switch (action.type) {
      case "apply":
        this.#apply(action.object["spec"] as { replicas: number; image: string });
        break;
      case "deletePod":
        this.#deletePod(action.uid, action.force);
        break;
      case "evictPod":
        this.#deletePod(action.uid, false);
        break;
      case "deleteClaim":
        this.#deleteClaim(action.uid, action.member);
        break;
      default:
        throw new Violation(`no simulation of ${action.type}`);
    }
  }

  #apply({ replicas, image }: { replicas: number; image: string }): void {
    const ordinals = this.store.members.map(({ name }) => Number(name.slice("demo-".length)));
    const needed = Math.max(-1, ...ordinals) + 1;
    const set = this.kubernetes.statefulSet;
    const isLess = replicas < needed && replicas < (set?.replicas ?? needed);
    if (isLess && this.cluster.spec.replicas !== 0) {
      throw new Violation(`the StatefulSet gets ${replicas} replicas, ${needed} hold members`);
    }
    if (set !== null) {
      Object.assign(set, { replicas, image, generation: set.generation + 1 });
      return;
    }
    const uid = this.kubernetes.newUid();
    const made = { uid, replicas, image, generation: 1, observedGeneration: 0 };
    this.kubernetes.statefulSet = made;
  }

  #deletePod(uid: string, force: boolean): void {
    const pod = this.kubernetes.pods.find((one) => one.uid === uid);
    assert.ok(pod, "precondition: the pod is another one");
    if (force) {
      if (this.kubernetes.isNodeUp(pod.nodeName)) this.#checkDown(pod);
      this.kubernetes.removePod(pod);
      return;
    }
    if (pod.deletingUntil === null) this.#checkDown(pod);
    this.kubernetes.deletePod(pod);
  }

  /** Never two voters down by our hand: whoever else votes must be up, staying and caught up. */
  #checkDown(pod: SimPod): void {
    const live = this.kubernetes.live();
    const disk = this.diskOf(pod);
    const voter = this.store.voters().find(({ id }) => id === disk?.nodeId);
    if (voter === undefined || disk === null || !this.store.isUp(voter.id, live)) return;
    if (!this.isServing(pod) && !pod.isUp) return;
    this.restartsByUs += 1;
    for (const other of this.store.voters()) {
      if (other.id === voter.id) continue;
      const podOfOther = this.kubernetes.pods.find(({ name }) => name === other.name);
      const isFine =
        podOfOther !== undefined &&
        podOfOther.deletingUntil === null &&
        this.store.isUp(other.id, live) &&
        this.isServing(podOfOther);
      if (!isFine) throw new Violation(`${pod.name} is restarted while ${other.name} is away`);
    }
  }

  #deleteClaim(uid: string, member: string): void {
    const claim = this.kubernetes.claims.find((one) => one.uid === uid);
    assert.ok(claim, "precondition: the claim is another one");
    const isMember = this.store.members.some(
      ({ id, name }) => name === member || id === claim.disk?.nodeId,
    );
    // The reconciler proves it before; a plan that asks for it shows a wrong belief.
    if (isMember) throw new Violation(`the claim of member ${member} would be deleted`);
    claim.isDeleting = true;
  }

  #askStore(action: StoreAction): void {
    const { store, kubernetes } = this;
    switch (action.type) {
      case "bootstrap":
        this.#bootstrap(action.pod);
        break;
      case "addMember":
        this.#addMember(action.pod);
        break;
      case "removeMember":
        this.#removeMember(action.nodeId, action.isReplacement);
        break;
      case "transferLeadership": {
        const target = store.voters().find(({ name }) => name === action.to);
        assert.ok(target && store.isUp(target.id, kubernetes.live()), "the target is away");
        store.lead(target.id);
        break;
      }
      case "updateAddresses":
        throw new Violation("no address is wrong");
    }
  }

  #checkClaim({ isDeleting, ordinal }: SimClaim): void {
    if (isDeleting) throw new Violation(`member ${ordinal} is to stand on a claim that is going`);
  }

  #bootstrap(name: string): void {
    if (this.store.bootstraps > 0) throw new Violation("the store is bootstrapped twice");
    const pod = this.kubernetes.pods.find((one) => one.name === name);
    const claim = pod && this.kubernetes.claimAt(pod.ordinal);
    assert.ok(pod?.isUp && claim && claim.disk === null, "the node is not blank");
    this.#checkClaim(claim);
    claim.disk = this.store.bootstrap(name);
  }

  #addMember(name: string): void {
    const { store, kubernetes } = this;
    const pod = kubernetes.pods.find((one) => one.name === name);
    const claim = pod && kubernetes.claimAt(pod.ordinal);
    assert.ok(store.leader !== null, "no leader");
    assert.ok(
      store.members.every((member) => member.name !== name),
      "a namesake",
    );
    assert.ok(pod?.isUp && claim && claim.disk === null, "the node is not blank");
    this.#checkClaim(claim);
    const id = store.addLearner(name);
    // Stopped in between: a learner that nobody is.
    if (this.random.chance(0.1)) throw new Error("the join was lost");
    claim.disk = store.newDisk(id);
  }

  #removeMember(id: number, isReplacement: boolean): void {
    const { store, kubernetes } = this;
    const member = store.members.find((one) => one.id === id);
    assert.ok(member, "no such member");
    const rest = store.members.filter((one) => one.id !== id);
    if (!store.hasQuorum(rest, kubernetes.live())) {
      throw new Violation(`without ${member.name} (${id}) no majority of the rest is up`);
    }
    if (store.leader === id) throw new Violation(`the leader ${member.name} is removed`);
    store.remove(id);
    if (!isReplacement) return;
    store.replacements.push(this.now);
    const recent = store.replacements.filter((at) => this.now - at < 86_400_000).length;
    const limit = this.cluster.spec.repair.replacementsPerDayMax;
    if (recent > limit) throw new Violation(`${recent} replacements within a day`);
  }

  /** Whether one more voter may lose its data for good without losing the store. */
  canLoseData(): boolean {
    const voters = this.store.voters();
    const intact = voters.filter(({ id }) =>
      this.kubernetes.claims.some(
        ({ disk, isDeleting }) => !isDeleting && disk?.nodeId === id && !disk.isCorrupt,
      ),
    );
    return intact.length - 1 >= quorumOf(voters.length);
  }
}
