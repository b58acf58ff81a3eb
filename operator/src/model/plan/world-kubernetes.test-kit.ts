/**
 * The Kubernetes of a simulated world: a StatefulSet (Parallel, OnDelete) with its controller,
 * claims that keep to a node, a scheduler, kubelets that die and come back.
 */
import type { ObservedClaim, ObservedPod, ObservedStatefulSet } from "../observed.ts";
import type { Random } from "./world-random.test-kit.ts";
import type { Disk, Live } from "./world-store.test-kit.ts";

export interface SimPod {
  readonly name: string;
  readonly ordinal: number;
  readonly uid: string;
  readonly image: string;
  nodeName: string | null;
  /** Ticks until the process is up; null: it is not being started. */
  startsIn: number | null;
  isUp: boolean;
  isReady: boolean;
  readySince: number;
  deletingUntil: number | null;
  problem: string | null;
}

export interface SimClaim {
  readonly ordinal: number;
  readonly uid: string;
  /** A local volume is on this Kubernetes node; null: it follows its pod. */
  nodeName: string | null;
  readonly isLocal: boolean;
  isBound: boolean;
  disk: Disk | null;
  isDeleting: boolean;
  readonly createdAt: number;
}

export interface SimStatefulSet {
  uid: string;
  replicas: number;
  image: string;
  generation: number;
  observedGeneration: number;
}

const NAME = "demo";
const GRACE_MS = 30_000;
/** A node that is down is noticed, then its pods are evicted. */
const NOTICED_AFTER_MS = 20_000;
const EVICTED_AFTER_MS = 60_000;

export class SimKubernetes {
  statefulSet: SimStatefulSet | null = null;
  pods: SimPod[] = [];
  claims: SimClaim[] = [];
  /** Kubernetes node → when it went down; null: it is up. */
  readonly nodes: Map<string, number | null> = new Map();
  now: number = Date.UTC(2026, 0, 1);
  readonly #random: Random;
  #uids = 0;

  constructor(random: Random) {
    this.#random = random;
    for (let i = 0; i < 6; i++) this.nodes.set(`node-${i}`, null);
  }

  newUid(): string {
    this.#uids += 1;
    return `uid-${this.#uids}`;
  }

  podAt(ordinal: number): SimPod | undefined {
    return this.pods.find((pod) => pod.ordinal === ordinal);
  }

  claimAt(ordinal: number): SimClaim | undefined {
    return this.claims.find((claim) => claim.ordinal === ordinal);
  }

  isNodeUp(name: string | null): boolean {
    return name !== null && this.nodes.get(name) === null;
  }

  /** Processes that are up, with their disks. */
  live(): readonly Live[] {
    return this.pods
      .filter(({ isUp, nodeName }) => isUp && this.isNodeUp(nodeName))
      .map((pod) => ({ pod: pod.name, disk: this.claimAt(pod.ordinal)?.disk ?? null }));
  }

  /** @param isReady what a node's readiness probe answers */
  tick(ms: number, isReady: (pod: SimPod) => boolean): void {
    this.now += ms;
    this.#control();
    for (const pod of [...this.pods]) this.#runPod(pod, isReady);
    this.claims = this.claims.filter(
      ({ isDeleting, ordinal }) => !isDeleting || this.podAt(ordinal) !== undefined,
    );
  }

  #control(): void {
    const set = this.statefulSet;
    if (set === null) return;
    set.observedGeneration = set.generation;
    for (const pod of this.pods) {
      if (pod.ordinal >= set.replicas) this.deletePod(pod);
    }
    for (let ordinal = 0; ordinal < set.replicas; ordinal++) {
      if (this.podAt(ordinal) !== undefined) continue;
      // The StatefulSet controller does not use a claim that is going.
      if (this.claimAt(ordinal)?.isDeleting === true) continue;
      if (this.claimAt(ordinal) === undefined) this.#createClaim(ordinal);
      this.#createPod(ordinal, set.image);
    }
  }

  #createClaim(ordinal: number): void {
    this.claims.push({
      ordinal,
      uid: this.newUid(),
      nodeName: null,
      isLocal: this.#random.chance(0.5),
      isBound: false,
      disk: null,
      isDeleting: false,
      createdAt: this.now,
    });
  }

  #createPod(ordinal: number, image: string): void {
    this.pods.push({
      name: `${NAME}-${ordinal}`,
      ordinal,
      uid: this.newUid(),
      image,
      nodeName: null,
      startsIn: null,
      isUp: false,
      isReady: false,
      readySince: this.now,
      deletingUntil: null,
      problem: null,
    });
  }

  #runPod(pod: SimPod, isReady: (pod: SimPod) => boolean): void {
    if (pod.deletingUntil !== null && (pod.nodeName === null || this.isNodeUp(pod.nodeName))) {
      // A kubelet takes a tick or two to stop a pod.
      if (this.#random.chance(0.6)) this.removePod(pod);
      return;
    }
    if (pod.nodeName === null) this.#schedule(pod);
    const downSince = pod.nodeName === null ? null : (this.nodes.get(pod.nodeName) ?? null);
    if (downSince !== null) {
      this.#missPod(pod, downSince);
      return;
    }
    this.#startPod(pod);
    this.#setReady(pod, pod.isUp && isReady(pod));
  }

  #schedule(pod: SimPod): void {
    const claim = this.claimAt(pod.ordinal);
    if (claim === undefined || claim.isDeleting) return;
    const up = [...this.nodes].filter(([, since]) => since === null).map(([name]) => name);
    const able = claim.nodeName === null ? up : up.filter((name) => name === claim.nodeName);
    if (able.length === 0) {
      pod.problem = "Unschedulable: no node has the volume";
      return;
    }
    pod.problem = null;
    pod.nodeName = this.#emptiest(able);
    claim.isBound = true;
    if (claim.isLocal) claim.nodeName = pod.nodeName;
    pod.startsIn = 1 + this.#random.below(3);
  }

  /** Pods are spread. */
  #emptiest(nodes: readonly string[]): string {
    const podsOn = (name: string): number =>
      this.pods.filter(({ nodeName }) => nodeName === name).length;
    const fewest = Math.min(...nodes.map(podsOn));
    return this.#random.pick(nodes.filter((name) => podsOn(name) === fewest));
  }

  #missPod(pod: SimPod, since: number): void {
    pod.isUp = false;
    pod.startsIn = 1;
    if (this.now - since >= NOTICED_AFTER_MS) this.#setReady(pod, false);
    if (this.now - since >= EVICTED_AFTER_MS) this.deletePod(pod);
  }

  #startPod(pod: SimPod): void {
    if (pod.isUp || pod.nodeName === null) return;
    if (pod.image.startsWith("broken")) {
      pod.problem = "CrashLoopBackOff";
      return;
    }
    pod.startsIn = (pod.startsIn ?? 1) - 1;
    if (pod.startsIn <= 0) pod.isUp = true;
  }

  #setReady(pod: SimPod, isReady: boolean): void {
    if (pod.isReady === isReady) return;
    pod.isReady = isReady;
    pod.readySince = this.now;
  }

  deletePod(pod: SimPod): void {
    pod.deletingUntil ??= this.now + GRACE_MS;
  }

  removePod(pod: SimPod): void {
    this.pods = this.pods.filter((one) => one !== pod);
  }

  observedPods(): readonly ObservedPod[] {
    return this.pods
      .map(
        (pod): ObservedPod => ({
          name: pod.name,
          ordinal: pod.ordinal,
          uid: pod.uid,
          revision: `r-${pod.image}`,
          ip: pod.nodeName === null ? null : `ip-${pod.uid}`,
          nodeName: pod.nodeName,
          phase: pod.isUp ? "Running" : "Pending",
          isReady: pod.isReady,
          readySince: pod.readySince,
          deletingUntil: pod.deletingUntil,
          restarts: 0,
          problem: pod.problem,
          image: pod.image,
        }),
      )
      .sort((a, b) => a.ordinal - b.ordinal);
  }

  observedClaims(): readonly ObservedClaim[] {
    return this.claims
      .map(
        (claim): ObservedClaim => ({
          name: `data-${NAME}-${claim.ordinal}`,
          ordinal: claim.ordinal,
          uid: claim.uid,
          phase: claim.isBound ? "Bound" : "Pending",
          requested: "1Gi",
          capacity: claim.isBound ? "1Gi" : null,
          isDeleting: claim.isDeleting,
          isOwned: false,
          createdAt: claim.createdAt,
        }),
      )
      .sort((a, b) => a.ordinal - b.ordinal);
  }

  observedStatefulSet(): ObservedStatefulSet | null {
    const set = this.statefulSet;
    if (set === null) return null;
    const updateRevision = set.observedGeneration === set.generation ? `r-${set.image}` : null;
    return { ...set, updateRevision, claimSize: "1Gi", isDeleting: false };
  }
}
