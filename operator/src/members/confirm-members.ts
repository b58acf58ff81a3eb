/**
 * Who the members of a store certainly are. A claim is deleted on this answer, so it has to hold
 * against a leader that was deposed and against a change that is appended and may roll back.
 *
 * 1. All nodes are asked now; the leader is the one that says so in the highest term.
 * 2. A majority of the voters that it lists must list the very same members: what a majority has in
 *    its log under that leader is committed (Raft §5.4) and cannot roll back.
 * 3. A linearizable read through that leader, begun after its answer, proves that it led still when
 *    it gave it: no later leader can have changed the members. A node that was deposed passes such
 *    a read on to its successor, so that afterwards it has to say the same once more, and in the
 *    same term.
 */
import type { KVStoreClient } from "@kvcluster/client";
import type { ClusterStatus } from "@kvcluster/protocol";
import type { KVCluster } from "../model/index.ts";
import { MembersError } from "./members-error.ts";
import { barrierKey } from "./node-connections.ts";
import { assertSameCluster } from "./store-actions.ts";

const ASK_TIMEOUT_MS = 2_000;

type Asked = Pick<KVStoreClient, "cluster" | "get">;

interface Answer {
  readonly client: Asked;
  readonly status: ClusterStatus;
}

/** @throws MembersError NO_LEADER, UNPROVEN, FOREIGN_CLUSTER; KVClientError of the read */
export async function confirmMembers(
  cluster: KVCluster,
  clients: ReadonlyMap<string, Asked>,
): Promise<ReadonlySet<string>> {
  const answers = await askAll([...clients.values()]);
  const leader = answers
    .filter(({ status }) => status.node.role === "leader")
    .toSorted((a, b) => b.status.node.term - a.status.node.term)[0];
  if (leader === undefined) {
    throw new MembersError("NO_LEADER", "no node of the store says that it leads");
  }
  assertSameCluster(cluster, leader.status.clusterId);
  assertMajority(
    leader.status,
    answers.map(({ status }) => status),
  );
  await leader.client.get(barrierKey, { timeoutMs: ASK_TIMEOUT_MS });
  const after = await leader.client.cluster({ timeoutMs: ASK_TIMEOUT_MS });
  assertStillLeads(leader.status, after);
  return new Set(leader.status.members.map(({ name }) => name));
}

async function askAll(clients: readonly Asked[]): Promise<readonly Answer[]> {
  const asked = clients.map(async (client) => ({
    client,
    status: await client.cluster({ timeoutMs: ASK_TIMEOUT_MS }),
  }));
  const settled = await Promise.allSettled(asked);
  return settled.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
}

function assertMajority(leader: ClusterStatus, answers: readonly ClusterStatus[]): void {
  const voters = new Set(leader.members.filter(({ role }) => role === "voter").map(({ id }) => id));
  const agreeing = answers.filter(
    ({ clusterId, node, members }) =>
      clusterId === leader.clusterId &&
      voters.has(node.id) &&
      listed(members) === listed(leader.members),
  );
  const needed = Math.floor(voters.size / 2) + 1;
  if (agreeing.length >= needed) return;
  const count = `${agreeing.length} of ${voters.size} voters`;
  throw new MembersError("UNPROVEN", `${count} confirm the members, needed ${needed}`);
}

function assertStillLeads(before: ClusterStatus, after: ClusterStatus): void {
  const { role, term } = after.node;
  const isSame = role === "leader" && term === before.node.term && after.node.id === before.node.id;
  if (isSame && listed(after.members) === listed(before.members)) return;
  throw new MembersError("UNPROVEN", "leader or members have changed while they were asked");
}

const listed = (members: ClusterStatus["members"]): string =>
  members
    .map(({ id, name, role }) => `${id} ${name} ${role}`)
    .toSorted()
    .join(",");
