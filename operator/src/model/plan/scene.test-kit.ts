/** One observation, described by what is special about it. Everything else is well. */
import type { ClusterStatus } from "@kvcluster/protocol";
import type { KVCluster, KVClusterSpec, KVClusterStatus } from "../api/types.ts";
import type {
  NodeView,
  Observed,
  ObservedClaim,
  ObservedPod,
  ObservedSecret,
} from "../observed.ts";
import { type Facts, factsOf } from "./facts.ts";
import { makeCluster } from "./plan.test-kit.ts";
import { neededSecrets } from "./secrets.ts";

export const NOW: number = Date.UTC(2026, 0, 2);
/** Long enough for every brake of age. */
export const LONG_AGO: number = NOW - 86_400_000 * 3;
export const CLUSTER_ID: string = "a".repeat(32);

type SpecialNode = "blank" | "corrupt" | "removed" | "unreachable" | "starting" | "absent";

export interface Scene {
  readonly spec?: Partial<KVClusterSpec>;
  readonly status?: KVClusterStatus;
  /** Pods 0 … n-1. Default: as many as the spec's replicas. */
  readonly pods?: number;
  /** Ordinals. Default: every pod's. The id of member i is 10 + i. */
  readonly voters?: readonly number[];
  readonly learners?: readonly number[];
  /** Ordinal; null: nobody leads. Default 0. */
  readonly leader?: number | null;
  readonly nodes?: Readonly<Record<number, SpecialNode>>;
  /** Ids of nodes that are not 10 + i. */
  readonly ids?: Readonly<Record<number, number>>;
  readonly clusterIds?: Readonly<Record<number, string>>;
  /** Ordinals that the leader hears though they do not answer us. */
  readonly heard?: readonly number[];
  readonly lag?: Readonly<Record<number, number>>;
  readonly podChanges?: Readonly<Record<number, Partial<ObservedPod>>>;
  readonly claimChanges?: Readonly<Record<number, Partial<ObservedClaim>>>;
  /** Claims 0 … n-1. Default: as many as pods. */
  readonly claims?: number;
  readonly statefulSet?: Partial<NonNullable<Observed["statefulSet"]>>;
  /** Of Secrets by name; null: there is none. Default: all that are needed are well. */
  readonly secretChanges?: Readonly<Record<string, Partial<ObservedSecret> | null>>;
}

const COMMIT = 100_000;

const range = (count: number): readonly number[] => Array.from({ length: count }, (_, i) => i);

export function observe(scene: Scene): Observed {
  const cluster = makeCluster(scene.spec, scene.status ?? { clusterId: CLUSTER_ID });
  const pods = scene.pods ?? cluster.spec.replicas;
  const present = range(pods).filter((i) => scene.nodes?.[i] !== "absent");
  return {
    cluster,
    now: NOW,
    children: new Map(),
    secrets: secretsOf(cluster, scene),
    configMaps: new Map(),
    statefulSet: {
      uid: "uid-set",
      replicas: pods,
      generation: 1,
      observedGeneration: 1,
      updateRevision: "new",
      image: "kv:1",
      claimSize: "1Gi",
      isDeleting: false,
      ...scene.statefulSet,
    },
    pods: present.map((i) => podOf(scene, i)),
    claims: range(scene.claims ?? pods).map((i) => claimOf(scene, i)),
    nodes: present.map((i) => nodeOf(scene, i, pods)),
    issuer: { type: "known", issuer: "https://kubernetes.default.svc", jwks: '{"keys":[]}' },
    capabilities: { serviceMonitor: false, prometheusRule: false },
  };
}

export const secretsOf = (
  cluster: KVCluster,
  { secretChanges = {} }: Pick<Scene, "secretChanges"> = {},
): ReadonlyMap<string, ObservedSecret> =>
  new Map(
    neededSecrets(cluster)
      .filter(({ name }) => secretChanges[name] !== null)
      .map(({ name, key }) => {
        const well = { name, uid: `uid-${name}`, keys: [key], isOwned: false, fault: null };
        return [name, { ...well, ...secretChanges[name] }];
      }),
  );

export const factsIn = (scene: Scene): Facts => factsOf(observe(scene));

function podOf(scene: Scene, ordinal: number): ObservedPod {
  const special = scene.nodes?.[ordinal];
  return {
    name: `demo-${ordinal}`,
    ordinal,
    uid: `uid-pod-${ordinal}`,
    revision: "new",
    ip: `10.0.0.${ordinal}`,
    nodeName: `node-${ordinal}`,
    phase: "Running",
    isReady: special === undefined && scene.leader !== null,
    readySince: LONG_AGO,
    deletingUntil: null,
    restarts: 0,
    problem: null,
    image: "kv:1",
    ...scene.podChanges?.[ordinal],
  };
}

function claimOf(scene: Scene, ordinal: number): ObservedClaim {
  return {
    name: `data-demo-${ordinal}`,
    ordinal,
    uid: `uid-claim-${ordinal}`,
    phase: "Bound",
    requested: "1Gi",
    capacity: "1Gi",
    isDeleting: false,
    isOwned: false,
    createdAt: LONG_AGO,
    ...scene.claimChanges?.[ordinal],
  };
}

function nodeOf(scene: Scene, ordinal: number, pods: number): NodeView {
  const pod = `demo-${ordinal}`;
  const special = scene.nodes?.[ordinal];
  if (special === "unreachable" || special === "absent") {
    return { pod, type: "unreachable", why: "UNREACHABLE" };
  }
  const base = { pod, type: "answered", reasons: [], version: "1.0.0" } as const;
  if (special !== undefined) return { ...base, phase: special, isReady: false, status: null };
  const isReady = scene.leader !== null;
  return { ...base, phase: "serving", isReady, status: statusOf(scene, ordinal, pods) };
}

const isHeard = (scene: Scene, ordinal: number): boolean =>
  scene.nodes?.[ordinal] === undefined || scene.heard?.includes(ordinal) === true;

function statusOf(scene: Scene, ordinal: number, pods: number): ClusterStatus {
  const learners = scene.learners ?? [];
  const voters = scene.voters ?? range(pods).filter((i) => !learners.includes(i));
  const leader = scene.leader === undefined ? 0 : scene.leader;
  const isLeader = ordinal === leader;
  const members = [...voters, ...learners].sort((a, b) => a - b);
  return {
    clusterId: scene.clusterIds?.[ordinal] ?? CLUSTER_ID,
    node: {
      id: scene.ids?.[ordinal] ?? 10 + ordinal,
      name: `demo-${ordinal}`,
      role: isLeader ? "leader" : learners.includes(ordinal) ? "learner" : "follower",
      term: 3,
      appliedIndex: COMMIT,
      commitIndex: COMMIT,
      revision: 1,
    },
    leader: leader === null ? null : { id: 10 + leader, name: `demo-${leader}` },
    members: members.map((i) => ({
      id: 10 + i,
      name: `demo-${i}`,
      role: learners.includes(i) ? "learner" : "voter",
      peerAddress: `demo-${i}.demo-peers.test.svc:5100`,
      clientAddress: `http://demo-${i}.demo-peers.test.svc:5000`,
      ...(isLeader ? { matchIndex: COMMIT - (scene.lag?.[i] ?? 0) } : {}),
      ...(isLeader ? { healthy: isHeard(scene, i) } : {}),
    })),
  };
}
