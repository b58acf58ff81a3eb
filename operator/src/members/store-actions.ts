/** Carries out what the planner asks of the store. Each may be repeated after a crash. */
import { KVClientError, type KVStoreClient } from "@kvcluster/client";
import type { KVCluster, memberAddresses, NodeView, StoreAction } from "../model/index.ts";
import type { StoreResult } from "../reconcile/index.ts";
import type { HandOvers } from "./hand-overs.ts";
import { MembersError } from "./members-error.ts";

export type AddressesOf = typeof memberAddresses;

export interface Store {
  readonly cluster: KVCluster;
  readonly nodes: readonly NodeView[];
  /** By pod name. */
  readonly clients: ReadonlyMap<string, KVStoreClient>;
  readonly addressesOf: AddressesOf;
  readonly handOvers: HandOvers;
}

export async function executeStoreAction(store: Store, action: StoreAction): Promise<StoreResult> {
  switch (action.type) {
    case "bootstrap": {
      const { clusterId } = await clientOf(store, action.pod).admin.bootstrap();
      return { type: "bootstrapped", clusterId };
    }
    case "addMember":
      return await addMember(store, action.pod);
    case "removeMember":
      return await removeMember(store, action.nodeId);
    case "transferLeadership":
      return await handOver(store, action.to);
    case "updateAddresses": {
      const addresses = store.addressesOf(store.cluster.metadata, action.member);
      await leaderOf(store).admin.updateMember(action.nodeId, addresses);
      return { type: "done" };
    }
  }
}

async function addMember(store: Store, pod: string): Promise<StoreResult> {
  const newcomer = clientOf(store, pod);
  const addresses = store.addressesOf(store.cluster.metadata, pod);
  const added = await leaderOf(store).admin.addMember({ name: pod, ...addresses });
  assertSameCluster(store.cluster, added.clusterId);
  const { clusterId, nodeId, members } = added;
  await newcomer.admin.join({ clusterId, nodeId, members });
  return { type: "done" };
}

/** By its id, never by its name: a successor may have the name already. */
async function removeMember(store: Store, nodeId: number): Promise<StoreResult> {
  try {
    await leaderOf(store).admin.removeMember(nodeId);
  } catch (error) {
    const isGone = error instanceof KVClientError && error.code === "MEMBER_NOT_FOUND";
    if (!isGone) throw error;
  }
  return { type: "done" };
}

/** The resource's cluster, once it is known. @throws MembersError FOREIGN_CLUSTER */
export function assertSameCluster(cluster: KVCluster, clusterId: string): void {
  const known = cluster.status?.clusterId;
  if (known === undefined || known === clusterId) return;
  const message = `the nodes belong to cluster ${clusterId}, the resource to ${known}`;
  throw new MembersError("FOREIGN_CLUSTER", message);
}

/** @throws MembersError LEADER_UNCHANGED when it was asked before and leads all the same */
async function handOver(store: Store, to: string | null): Promise<StoreResult> {
  const { pod, knows } = leaderIn(store);
  const key = store.cluster.metadata;
  const turn = store.handOvers.take(key, knows);
  try {
    if (turn !== "wait") await clientOf(store, pod).admin.transferLeader(to);
  } catch (error) {
    // It did not agree, and says why.
    store.handOvers.forget(key);
    throw error;
  }
  if (turn === "first") return { type: "done" };
  const what = `${knows} was asked to hand over to ${to ?? "the best voter"} and still leads`;
  throw new MembersError("LEADER_UNCHANGED", `${what}; it is asked again, at most once a minute`);
}

const leaderOf = (store: Store): KVStoreClient => clientOf(store, leaderIn(store).pod);

/** The node that leads in the highest term, else any that knows a leader: it passes requests on. */
function leaderIn(store: Store): { readonly pod: string; readonly knows: string } {
  const views = store.nodes.flatMap((node) =>
    node.type === "answered" && node.status !== null && node.status.leader !== null
      ? [{ pod: node.pod, ...node.status.node, knows: node.status.leader.name }]
      : [],
  );
  const newest = views.toSorted((a, b) => b.term - a.term);
  const found = newest.find(({ role }) => role === "leader") ?? newest[0];
  if (found !== undefined) return found;
  throw new MembersError("NO_LEADER", "no node of the store knows a leader");
}

export function clientOf(store: Store, pod: string): KVStoreClient {
  const client = store.clients.get(pod);
  if (client !== undefined) return client;
  throw new MembersError("NO_ADDRESS", `pod ${pod} has no address`);
}
