import assert from "node:assert/strict";
import { test } from "node:test";
import { formatTime } from "../time.ts";
import { makeSpec } from "./plan.test-kit.ts";
import { ghostLearners, replaceMember } from "./replace-member.ts";
import { CLUSTER_ID, LONG_AGO, NOW, type Scene } from "./scene.test-kit.ts";
import { answer } from "./steps.test-kit.ts";

const away = { 2: "unreachable" } as const;
const gone = { 2: { isReady: false, deletingUntil: NOW - 1, readySince: LONG_AGO } };

test("a learner that no node is goes at once, whatever the brakes say", () => {
  const repair = { ...makeSpec().repair, enabled: false };
  const podChanges = { 2: { readySince: NOW } };
  const scene = { spec: { repair }, voters: [0, 1], learners: [2], podChanges };
  assert.deepEqual(answer(ghostLearners, { ...scene, nodes: { 2: "blank" } }), [
    "removeMember demo-2 12",
  ]);
  assert.deepEqual(answer(ghostLearners, { ...scene, ids: { 2: 7 } }), ["removeMember demo-2 12"]);
  assert.equal(answer(ghostLearners, scene), null);
});

test("a voter is never taken for a learner that nobody is", () => {
  assert.equal(answer(ghostLearners, { nodes: { 2: "blank" } }), null);
});

test("a voter that lost its volume, is corrupt or cannot come back is replaced", () => {
  const lost: readonly Scene[] = [
    { nodes: { 2: "blank" } },
    { nodes: { 2: "corrupt" } },
    { nodes: away, podChanges: gone },
    { nodes: away, podChanges: { 2: { phase: "Pending", nodeName: null, problem: "no volume" } } },
    { nodes: away, claimChanges: { 2: { phase: "Lost" } } },
    { nodes: away },
  ];
  for (const scene of lost) {
    assert.deepEqual(answer(replaceMember, scene), ["removeMember demo-2 12 replaced"]);
  }
});

test("a voter whose program or image fails is not replaced: its data may be whole", () => {
  for (const problem of ["CrashLoopBackOff", "ImagePullBackOff: kv:9", "CreateContainerError"]) {
    const podChanges = { 2: { problem, isReady: false } };
    assert.equal(answer(replaceMember, { nodes: away, podChanges }), null, problem);
  }
});

test("a node that answers, or that its kubelet calls ready, is not replaced", () => {
  assert.equal(answer(replaceMember, { leader: 0 }), null);
  assert.equal(answer(replaceMember, { nodes: away, podChanges: { 2: { isReady: true } } }), null);
  assert.equal(answer(replaceMember, { nodes: { 2: "starting" } }), null);
});

test("it waits until the absence has lasted, and says until when", () => {
  const scene = { nodes: { 2: "blank" }, podChanges: { 2: { readySince: NOW - 59_000 } } } as const;
  assert.equal(
    answer(replaceMember, scene),
    "wait Replacing: demo-2 (node 12): its volume was lost; it is replaced if that lasts until " +
      formatTime(NOW + 1000),
  );
  assert.equal(
    answer(replaceMember, { ...scene, podChanges: { 2: { readySince: NOW - 60_000 } } })?.length,
    1,
  );
});

test("it waits for a healthy majority of the others, with the numbers", () => {
  const said = answer(replaceMember, { nodes: { 1: "starting", 2: "blank" } });
  assert.match(String(said), /^blocked .*without it 1 of 2 voters are healthy, 2 are needed/);
});

test("the last voter is never removed", () => {
  const scene = { spec: { replicas: 2 }, voters: [0, 1], leader: 0 } as const;
  assert.match(String(answer(replaceMember, { ...scene, nodes: { 1: "blank" } })), /removeMember/);
  assert.equal(answer(replaceMember, { spec: { replicas: 1 }, nodes: { 0: "blank" } }), null);
});

test("one at a time: the node that was replaced before has to be a voter again", () => {
  const five = { spec: { replicas: 5 }, voters: [0, 1, 2, 4], nodes: { 4: "blank" } } as const;
  const said = answer(replaceMember, { ...five, nodes: { 3: "blank", 4: "blank" } });
  assert.match(String(said), /^wait .*first demo-3 has to become a member/);
  const learner = answer(replaceMember, { ...five, learners: [3] });
  assert.match(String(learner), /^wait .*first demo-3 has to become a voter/);
});

test("so many a day and no more, and it says when it goes on", () => {
  const times = [NOW - 86_300_000, NOW - 7_200_000, NOW - 3_600_000].map(formatTime);
  const status = { clusterId: CLUSTER_ID, replacements: times };
  const scene = { nodes: { 2: "blank" } } as const;
  const said = String(answer(replaceMember, { ...scene, status }));
  assert.match(said, /^blocked Replacing: .*3 were replaced within 24 h/);
  assert.ok(said.endsWith(`waits until ${formatTime(NOW + 100_000)}`), said);
  const old = { ...status, replacements: [formatTime(NOW - 86_400_000), ...times.slice(1)] };
  assert.equal(answer(replaceMember, { ...scene, status: old })?.length, 1);
});

test("a voter that the status has and the leader has not counts as replaced", () => {
  const member = { name: "demo-2", nodeId: 9, role: "voter", health: "healthy" } as const;
  const replacements = [NOW - 10_000, NOW - 20_000].map(formatTime);
  const status = { clusterId: CLUSTER_ID, replacements, members: [member] };
  const said = answer(replaceMember, { nodes: { 2: "blank" }, status });
  assert.match(String(said), /3 were replaced within 24 h/);
});

test("switched off, it says so and does nothing", () => {
  const repair = { ...makeSpec().repair, enabled: false };
  const said = answer(replaceMember, { spec: { repair }, nodes: { 2: "blank" } });
  assert.match(String(said), /^blocked .*spec.repair.enabled is false/);
});

test("a pod that restarts is no candidate for a replacement", () => {
  const podChanges = { 2: { isReady: false, readySince: NOW - 59_000 } };
  assert.equal(answer(replaceMember, { nodes: away, podChanges }), null);
});

test("a member that the leader hears is not lost, whoever else cannot reach it", () => {
  assert.equal(answer(replaceMember, { nodes: away, heard: [2], podChanges: gone }), null);
});
