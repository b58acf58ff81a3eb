/** The operator's view of a store and what it asks of it, against real nodes. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { StoreMembers } from "../../operator/src/members/index.ts";
import type {
  KVCluster,
  NodeView,
  ObservedPod,
  StoreAction,
} from "../../operator/src/model/index.ts";
import type { StoreAccess } from "../../operator/src/reconcile/index.ts";
import { DEADLINE, TestCluster } from "./cluster.test-kit.ts";
import type { TestNode } from "./node.test-kit.ts";
import { eventually } from "./polling.test-kit.ts";

type Answered = Extract<NodeView, { readonly type: "answered" }>;

const podOf = ({ name }: TestNode, ordinal: number): ObservedPod => ({
  name,
  ordinal,
  uid: `uid-${name}`,
  revision: "1",
  ip: "127.0.0.1",
  nodeName: "machine",
  phase: "Running",
  isReady: true,
  readySince: 0,
  deletingUntil: null,
  restarts: 0,
  problem: null,
  image: "node",
});

/** The operator beside a cluster of processes that stand for pods. */
class Operator implements AsyncDisposable {
  readonly cluster = new TestCluster();
  readonly members: StoreMembers;
  secret: Uint8Array;
  resource = {
    metadata: { namespace: "here", name: "node", uid: "1" },
    spec: {},
  } as KVCluster;

  constructor() {
    this.secret = Buffer.from(readFileSync(this.cluster.secrets.tokenSecret, "utf8").trimEnd());
    this.members = new StoreMembers({
      endpointOf: ({ name }) => this.cluster.node(name).clientAddress,
      addressesOf: (_cluster, pod) => {
        const { peerAddress, clientAddress } = this.cluster.node(pod);
        return { peerAddress, clientAddress };
      },
    });
  }

  get pods(): readonly ObservedPod[] {
    return this.cluster.nodes.map(podOf);
  }

  async access(): Promise<StoreAccess> {
    const { pods, secret } = this;
    return { pods, secret, nodes: await this.members.survey(this.resource, pods, secret) };
  }

  async look(name: string): Promise<NodeView> {
    const view = (await this.access()).nodes.find(({ pod }) => pod === name);
    assert.ok(view !== undefined);
    return view;
  }

  async answered(name: string): Promise<Answered> {
    const view = await this.look(name);
    assert.ok(view.type === "answered", JSON.stringify(view));
    return view;
  }

  async do(action: StoreAction): Promise<void> {
    await this.members.execute(this.resource, action, await this.access());
  }

  async confirm(): Promise<string[]> {
    return [...(await this.members.confirmMembers(this.resource, await this.access()))].toSorted();
  }

  async isSettled(count: number): Promise<void> {
    await eventually(`${count} voters, all ready`, async () => {
      const { nodes } = await this.access();
      return nodes.every(
        (view) =>
          view.type === "answered" &&
          view.isReady &&
          view.status?.members.length === count &&
          view.status.members.every(({ role }) => role === "voter"),
      );
    });
  }

  /** Bootstrapped and joined by the operator's own actions. */
  async form(count: number): Promise<void> {
    while (this.cluster.nodes.length < count) await this.cluster.addProcess();
    for (const node of this.cluster.nodes) await this.cluster.answers(node);
    const [first, ...others] = this.cluster.nodes;
    const access = await this.access();
    const bootstrap = { type: "bootstrap", pod: first?.name ?? "" } as const;
    const result = await this.members.execute(this.resource, bootstrap, access);
    assert.ok(result.type === "bootstrapped");
    this.resource = { ...this.resource, status: { clusterId: result.clusterId } };
    for (const { name } of others) {
      await eventually(`${name} is added`, async () => {
        await this.do({ type: "addMember", pod: name, why: "wanted" });
        return true;
      });
    }
    await this.isSettled(count);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.members.close();
    await this.cluster.destroy();
  }
}

test(
  "blank nodes become a store: bootstrapped, joined, surveyed with roles and version",
  DEADLINE,
  async () => {
    await using operator = new Operator();
    await operator.cluster.addProcess();
    await operator.cluster.answers(operator.cluster.node("node-1"));
    const blank = await operator.answered("node-1");
    assert.deepEqual([blank.phase, blank.isReady, blank.status], ["blank", false, null]);
    await operator.form(3);

    const { nodes } = await operator.access();
    assert.equal(nodes.length, 3);
    for (const view of nodes) {
      assert.ok(view.type === "answered");
      assert.equal(view.phase, "serving");
      assert.equal(view.status?.clusterId, operator.resource.status?.clusterId);
      assert.match(view.version ?? "", /^\d+\.\d+\.\d+/);
    }
    assert.deepEqual(await operator.confirm(), ["node-1", "node-2", "node-3"]);
    await assert.rejects(operator.do({ type: "bootstrap", pod: "node-1" }), {
      name: "MembersError",
      code: "ALREADY_BOOTSTRAPPED",
    });
  },
);

test("leadership is handed over, a member removed, and it is none by proof", DEADLINE, async () => {
  await using operator = new Operator();
  await operator.form(3);
  const leader = await operator.cluster.leader();
  const [other, third] = operator.cluster.others(leader);
  assert.ok(other !== undefined && third !== undefined);
  await operator.do({ type: "transferLeadership", to: other.name, why: "test" });
  assert.equal((await operator.cluster.leader()).name, other.name);

  const view = await operator.answered(other.name);
  const id = view.status?.members.find(({ name }) => name === third.name)?.id ?? 0;
  const removal = {
    type: "removeMember",
    member: third.name,
    nodeId: id,
    why: "test",
    isReplacement: false,
  } as const;
  assert.ok((await operator.confirm()).includes(third.name));
  await operator.do(removal);
  await eventually("the removal is confirmed", async () =>
    (await operator.confirm()).every((name) => name !== third.name),
  );
  await eventually("the node knows that it is none", async () => {
    const removed = await operator.answered(third.name);
    return removed.phase === "removed" && !removed.isReady;
  });
  await operator.do(removal);
});

test("a member's addresses are changed to those of its pod", DEADLINE, async () => {
  await using operator = new Operator();
  await operator.form(1);
  const view = await operator.answered("node-1");
  const id = view.status?.node.id ?? 0;
  const port = operator.cluster.node("node-1").peerAddress.split(":")[1];
  const moved = new StoreMembers({
    endpointOf: () => operator.cluster.node("node-1").clientAddress,
    addressesOf: () => ({
      peerAddress: `localhost:${port}`,
      clientAddress: "http://elsewhere:5000",
    }),
  });
  await moved.execute(
    operator.resource,
    { type: "updateAddresses", member: "node-1", nodeId: id },
    await operator.access(),
  );
  await moved.close();
  const after = await operator.answered("node-1");
  assert.equal(after.status?.members[0]?.clientAddress, "http://elsewhere:5000");
});

test("silent, foreign and untrusting nodes are told apart", DEADLINE, async () => {
  await using operator = new Operator();
  await operator.form(2);
  const [first, second] = operator.cluster.nodes;
  assert.ok(first !== undefined && second !== undefined);

  const misplaced = { ...podOf(first, 0), name: "node-9" };
  const lost = new StoreMembers({ endpointOf: () => first.clientAddress });
  const [view] = await lost.survey(operator.resource, [misplaced], operator.secret);
  assert.deepEqual(view, {
    pod: "node-9",
    type: "unreachable",
    why: 'node "node-1" answers at its address',
  });
  await lost.close();

  const ours = operator.secret;
  operator.secret = randomBytes(32);
  const untrusted = await operator.answered("node-1");
  assert.deepEqual([untrusted.isReady, untrusted.status, untrusted.version], [true, null, null]);
  assert.deepEqual(untrusted.reasons, ["GET /v1/cluster: TOKEN_INVALID"]);
  operator.secret = ours;

  second.pause();
  const startedMs = performance.now();
  const silent = await operator.look("node-2");
  assert.equal(silent.type, "unreachable");
  assert.ok(performance.now() - startedMs < 4_000, "a survey is bounded");
  await assert.rejects(operator.confirm(), { name: "MembersError" });
  second.resume();

  const foreign = { ...operator.resource, status: { clusterId: "0".repeat(32) } };
  await eventually("a store of another cluster proves nothing", async () => {
    const access = await operator.access();
    const refused = await operator.members.confirmMembers(foreign, access).catch((error) => error);
    return refused.code === "FOREIGN_CLUSTER";
  });
});

test(
  "connections are used again, and closed when their pod or cluster goes",
  DEADLINE,
  async () => {
    await using operator = new Operator();
    await operator.form(2);
    assert.equal(operator.members.connections, 2);
    await operator.access();
    assert.equal(operator.members.connections, 2);
    const [first] = operator.pods;
    assert.ok(first !== undefined);
    await operator.members.survey(operator.resource, [first], operator.secret);
    assert.equal(operator.members.connections, 1);
    operator.members.forget(operator.resource.metadata);
    assert.equal(operator.members.connections, 0);
  },
);
