/** Whole lives of clusters in a world without chance faults: what is done, told, and written. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Condition, KVClusterSpec } from "../api/types.ts";
import { planStatefulSetOnly } from "./plan.test-kit.ts";
import { createPlanner } from "./plan.ts";
import { World } from "./world.test-kit.ts";
import { SimOperator } from "./world-operator.test-kit.ts";

const planner = createPlanner(planStatefulSetOnly);

interface Life {
  readonly world: World;
  readonly operator: SimOperator;
}

function run({ world, operator }: Life, passes: number, ticksAfterEach = 1): void {
  for (let pass = 0; pass < passes; pass++) {
    operator.pass();
    for (let tick = 0; tick < ticksAfterEach; tick++) world.tick();
  }
}

function begin(spec: Partial<KVClusterSpec> = {}): Life {
  const world = new World(1, spec);
  world.writes = 0;
  const life = { world, operator: new SimOperator(world, planner) };
  run(life, 60);
  return life;
}

function condition({ world }: Life, type: Condition["type"]): string {
  const found = world.cluster.status?.conditions?.find((one) => one.type === type);
  return `${found?.status} ${found?.reason}`;
}

/** Events since the last call. */
function told({ operator }: Life): readonly string[] {
  return operator.events.splice(0).map(({ reason, note }) => `${reason}: ${note}`);
}

const reasons = (events: readonly string[]): readonly string[] => [
  ...new Set(events.map((text) => text.slice(0, text.indexOf(":")))),
];

test("a new cluster is bootstrapped, grows to its size and tells how", () => {
  const life = begin();
  assert.equal(condition(life, "Available"), "True QuorumHealthy");
  assert.equal(condition(life, "Progressing"), "False AsSpecified");
  assert.equal(condition(life, "Degraded"), "False AsExpected");
  const { status } = life.world.cluster;
  assert.equal(status?.leader, "demo-0");
  assert.equal(status?.ready, "3/3");
  assert.equal(status?.clusterId, life.world.store.clusterId);
  assert.equal(
    status?.selector,
    "app.kubernetes.io/name=kvcluster,app.kubernetes.io/instance=demo",
  );
  assert.deepEqual(
    status?.members?.map(({ name, role, health }) => `${name} ${role} ${health}`),
    ["demo-0 leader healthy", "demo-1 voter healthy", "demo-2 voter healthy"],
  );
  assert.deepEqual(reasons(told(life)), [
    ...["Bootstrapping", "MemberAdmitted", "LeaderChanged", "Bootstrapped"],
    ...["ScalingUp", "AdmittingMember", "MemberPromoted", "ScalingDone"],
  ]);
});

test("a settled cluster is left alone: no action, no write, no event", () => {
  const life = begin();
  told(life);
  const { actions, statusWrites } = life.operator;
  life.world.writes = 50;
  run(life, 100);
  assert.equal(life.operator.actions, actions);
  assert.equal(life.operator.statusWrites, statusWrites);
  assert.deepEqual(told(life), []);
});

test("a scale-up is told step by step, with ids and numbers", () => {
  const life = begin();
  told(life);
  life.world.store.commitIndex += 3000;
  life.world.editSpec({ replicas: 4 });
  run(life, 30);
  const story = told(life);
  assert.deepEqual(story.slice(0, 3), [
    "EvenReplicas: 4 nodes survive the loss of 1, as 3 do: an odd number is advised",
    "ScalingUp: 3 of 4 nodes are voters; pod demo-3 does not exist yet",
    "AdmittingMember: 3 of 4 nodes are voters; demo-3 is blank: admits it as a learner",
  ]);
  assert.match(
    story[3] ?? "",
    /^MemberAdmitted: demo-3 \(node \d+\) is admitted as a learner, \d+ /,
  );
  assert.match(story[4] ?? "", /^MemberPromoted: demo-3 \(node \d+\) has caught up, .*: voter 4$/);
  assert.equal(story[5], "ScalingDone: 4 of 4 nodes are voters and ready");
  assert.equal(story.length, 6);
});

test("a member that is promoted between two passes was admitted and promoted, too", () => {
  const life = begin();
  told(life);
  life.world.editSpec({ replicas: 4 });
  run(life, 10, 20);
  const [admitted, promoted, ...more] = told(life).filter((text) => text.startsWith("Member"));
  assert.match(admitted ?? "", /^MemberAdmitted: demo-3 \(node \d+\) is admitted as a learner$/);
  assert.match(promoted ?? "", /^MemberPromoted: demo-3 \(node \d+\) has caught up, .*: voter 4$/);
  assert.deepEqual(more, []);
});

test("a learner's lag is in the condition while it catches up", () => {
  const life = begin();
  life.world.store.commitIndex += 20_000;
  life.world.editSpec({ replicas: 4 });
  run(life, 7);
  const [, progressing] = life.world.cluster.status?.conditions ?? [];
  const message = progressing?.message ?? "";
  assert.match(message, /demo-3 \(node \d+\) is a learner, up to \d{5,} entries behind the leader/);
});

test("a roll costs one election, restarts the leader last and never two at a time", () => {
  const life = begin();
  told(life);
  const term = life.world.store.term;
  life.world.editSpec({ image: "kv:2" });
  run(life, 60);
  const story = told(life);
  assert.equal(life.world.store.term, term + 1);
  assert.equal(life.world.restartsByUs, 3);
  const restarts = story.filter((text) => text.startsWith("RestartingPod"));
  assert.match(restarts[2] ?? "", /restarts demo-0$/);
  assert.deepEqual(reasons(story), [
    ...["RollStarted", "RestartingPod", "TransferringLeadership", "LeaderChanged", "RollDone"],
  ]);
  assert.equal(life.world.cluster.status?.currentVersion, "kv:2");
  assert.equal(condition(life, "Progressing"), "False AsSpecified");
});

test("a failing roll stops after one pod, says why, and goes on with another image", () => {
  const life = begin();
  life.world.editSpec({ image: "broken:1" });
  run(life, 120);
  assert.equal(life.world.restartsByUs, 1);
  assert.equal(condition(life, "Available"), "True QuorumHealthy");
  assert.equal(condition(life, "Progressing"), "False RollFailing");
  assert.equal(condition(life, "Degraded"), "True RollFailing");
  assert.equal(told(life).filter((text) => text.startsWith("RollFailing:")).length, 1);
  life.world.editSpec({ image: "kv:3" });
  run(life, 60);
  assert.equal(condition(life, "Progressing"), "False AsSpecified");
  assert.equal(condition(life, "Degraded"), "False AsExpected");
});

test("3 → 5 → 3 → 1 → 3: members, claims and pods follow", () => {
  const life = begin();
  for (const replicas of [5, 3, 1, 3]) {
    life.world.editSpec({ replicas });
    run(life, 80);
    const { store, kubernetes } = life.world;
    assert.equal(store.voters().length, replicas);
    assert.equal(kubernetes.pods.length, replicas);
    assert.equal(kubernetes.claims.length, replicas);
    assert.equal(condition(life, "Progressing"), "False AsSpecified");
  }
});

test("zero replicas stop the nodes and keep members and claims; three bring them back", () => {
  const life = begin();
  const ids = life.world.store.members.map(({ id }) => id);
  life.world.editSpec({ replicas: 0 });
  run(life, 20);
  assert.equal(life.world.kubernetes.pods.length, 0);
  assert.equal(life.world.kubernetes.claims.length, 3);
  assert.equal(condition(life, "Available"), "False Hibernated");
  assert.equal(condition(life, "Progressing"), "False Hibernated");
  assert.equal(condition(life, "Degraded"), "False AsExpected");
  assert.equal(life.world.cluster.status?.members?.length, 3);
  told(life);
  life.world.editSpec({ replicas: 3 });
  run(life, 30);
  assert.equal(condition(life, "Available"), "True QuorumHealthy");
  assert.deepEqual(
    life.world.store.members.map(({ id }) => id),
    ids,
  );
  assert.equal(
    told(life).some((text) => text.startsWith("QuorumLost")),
    false,
  );
});

test("a lost quorum is told with numbers and a command, is not acted on, and regained", () => {
  const life = begin();
  told(life);
  const { kubernetes } = life.world;
  for (const ordinal of [1, 2]) {
    kubernetes.nodes.set(kubernetes.podAt(ordinal)?.nodeName ?? "", kubernetes.now);
  }
  const { actions } = life.operator;
  run(life, 20);
  assert.equal(condition(life, "Available"), "False QuorumLost");
  assert.equal(condition(life, "Degraded"), "True QuorumLost");
  const lost = told(life).filter((text) => text.startsWith("QuorumLost"));
  assert.equal(lost.length, 1);
  assert.match(lost[0] ?? "", /1 of 3 voters take part, 2 are needed; .*kubectl -n test get pods/);
  assert.equal(life.operator.actions, actions);
  for (const name of kubernetes.nodes.keys()) kubernetes.nodes.set(name, null);
  run(life, 20);
  assert.equal(condition(life, "Available"), "True QuorumHealthy");
  assert.equal(told(life).filter((text) => text.startsWith("QuorumRegained")).length, 1);
});

test("a node that never returns is replaced, and the status remembers when", () => {
  const life = begin();
  const { kubernetes, store } = life.world;
  const ids = store.members.map(({ id }) => id);
  kubernetes.nodes.set(kubernetes.podAt(2)?.nodeName ?? "", kubernetes.now);
  run(life, 60);
  assert.equal(store.voters().length, 3);
  assert.equal(ids.includes(store.members[2]?.id ?? 0), false);
  assert.equal(life.world.cluster.status?.replacements?.length, 1);
  const story = reasons(told(life));
  for (const reason of ["ReplacingMember", "MemberRemoved", "DiscardingNode", "MemberPromoted"]) {
    assert.ok(story.includes(reason), reason);
  }
  assert.equal(condition(life, "Degraded"), "False AsExpected");
});

test("a store whose nodes are all blank again is not made anew: its data are lost", () => {
  const life = begin();
  told(life);
  for (const claim of life.world.kubernetes.claims) claim.disk = null;
  run(life, 20);
  assert.equal(condition(life, "Available"), "False DataLost");
  assert.equal(condition(life, "Degraded"), "True DataLost");
  assert.equal(life.world.store.bootstraps, 1);
  assert.equal(told(life).filter((text) => text.startsWith("DataLost")).length, 1);
});

test("a paused cluster is looked at and told of, and not changed", () => {
  const life = begin();
  life.world.editSpec({ paused: true, replicas: 5, image: "kv:2" });
  const { actions } = life.operator;
  life.world.kubernetes.statefulSet = null;
  run(life, 20);
  assert.equal(life.operator.actions, actions);
  assert.equal(condition(life, "Progressing"), "False Paused");
  assert.equal(condition(life, "Available"), "True QuorumHealthy");
});

test("a StatefulSet that a stranger scales is put back, and no member is touched", () => {
  const life = begin();
  const ids = life.world.store.members.map(({ id }) => id);
  for (const replicas of [6, 1]) {
    const set = life.world.kubernetes.statefulSet;
    assert.ok(set);
    Object.assign(set, { replicas, generation: set.generation + 1 });
    run(life, 30);
    assert.equal(life.world.kubernetes.statefulSet?.replicas, 3);
    assert.equal(life.world.kubernetes.claims.length, 3);
  }
  assert.deepEqual(
    life.world.store.members.map(({ id }) => id),
    ids,
  );
});

test("a condition's time changes with its status only", () => {
  const life = begin();
  const time = (): string | undefined =>
    life.world.cluster.status?.conditions?.find(({ type }) => type === "Available")
      ?.lastTransitionTime;
  const before = time();
  life.world.kubernetes.deletePod(life.world.kubernetes.pods[2] as never);
  run(life, 2);
  assert.match(life.world.cluster.status?.conditions?.[0]?.message ?? "", /2 of 3 voters/);
  assert.equal(time(), before);
});
