import assert from "node:assert/strict";
import { test } from "node:test";
import type { KVStoreClient } from "@kvcluster/client";
import type { ClusterMember, ClusterStatus } from "@kvcluster/protocol";
import type { KVCluster } from "../model/index.ts";
import { confirmMembers } from "./confirm-members.ts";

const resource = { metadata: { name: "demo" }, status: { clusterId: "c1" } } as KVCluster;

const memberOf = (id: number, role: "voter" | "learner" = "voter"): ClusterMember => ({
  id,
  name: `demo-${id}`,
  role,
  peerAddress: "",
  clientAddress: "",
});

interface Said {
  readonly id: number;
  readonly members: readonly ClusterMember[];
  readonly term?: number;
  readonly leads?: boolean;
  readonly clusterId?: string;
  readonly reads?: boolean;
  /** What it says after the read. */
  readonly after?: Said;
}

const statusOf = ({
  id,
  members,
  term = 5,
  leads = false,
  clusterId = "c1",
}: Said): ClusterStatus => ({
  clusterId,
  node: {
    id,
    name: `demo-${id}`,
    role: leads ? "leader" : "follower",
    term,
    appliedIndex: 9,
    commitIndex: 9,
    revision: 9,
  },
  leader: null,
  members,
});

type Client = Pick<KVStoreClient, "cluster" | "get">;

function confirm(...said: readonly (Said | null)[]): Promise<ReadonlySet<string>> {
  const clients = said.map((one, index) => [`pod-${index}`, clientThat(one)] as const);
  return confirmMembers(resource, new Map(clients));
}

function clientThat(said: Said | null): Client {
  let now = said;
  return {
    cluster: () =>
      now === null ? Promise.reject(new Error("silent")) : Promise.resolve(statusOf(now)),
    get: () => {
      now = said?.after ?? said;
      return said?.reads === false
        ? Promise.reject(Object.assign(new Error("deposed"), { code: "NO_LEADER" }))
        : Promise.resolve(null);
    },
  };
}

const three = [memberOf(1), memberOf(2), memberOf(3)];
const two = [memberOf(1), memberOf(2)];

test("the leader and a majority that say the same are believed", async () => {
  const names = await confirm(
    { id: 1, members: three, leads: true },
    { id: 2, members: three },
    null,
  );
  assert.deepEqual([...names], ["demo-1", "demo-2", "demo-3"]);
});

test("a removal that only the leader has appended may roll back and is not believed", async () => {
  const appended = confirm({ id: 1, members: two, leads: true }, { id: 2, members: three }, null);
  await assert.rejects(appended, { code: "UNPROVEN" });
});

test("the leader of the highest term counts", async () => {
  const names = await confirm(
    { id: 1, members: two, leads: true, term: 4, reads: false },
    { id: 2, members: three, leads: true, term: 5 },
    { id: 3, members: three },
  );
  assert.ok(names.has("demo-3"));
});

test("a leader that cannot serve a linearizable read proves nothing", async () => {
  const deposed = confirm(
    { id: 1, members: two, leads: true, reads: false },
    { id: 2, members: two },
  );
  await assert.rejects(deposed, { code: "NO_LEADER" });
});

test("a leader whose read was passed on to its successor proves nothing", async () => {
  for (const after of [
    { id: 1, members: two },
    { id: 1, members: two, leads: true, term: 6 },
    { id: 1, members: three, leads: true },
  ]) {
    const deposed = confirm({ id: 1, members: two, leads: true, after }, { id: 2, members: two });
    await assert.rejects(deposed, { code: "UNPROVEN" });
  }
});

test("learners and strangers do not make up a majority", async () => {
  const members = [...two, memberOf(4, "learner")];
  const withLearner = confirm({ id: 1, members, leads: true }, null, { id: 4, members });
  await assert.rejects(withLearner, { code: "UNPROVEN" });
  const stranger = confirm(
    { id: 1, members: two, leads: true },
    { id: 2, members: two, clusterId: "c2" },
  );
  await assert.rejects(stranger, { code: "UNPROVEN" });
});

test("no leader, and a leader of another cluster, are refused", async () => {
  await assert.rejects(confirm({ id: 1, members: three }), { code: "NO_LEADER" });
  const foreign = { members: three, clusterId: "c2" };
  const other = confirm({ id: 1, leads: true, ...foreign }, { id: 2, ...foreign });
  await assert.rejects(other, { code: "FOREIGN_CLUSTER" });
});
