import assert from "node:assert/strict";
import { test } from "node:test";
import { formatTime } from "../time.ts";
import { rollingUpdate } from "./rolling-update.ts";
import { NOW, type Scene } from "./scene.test-kit.ts";
import { answer } from "./steps.test-kit.ts";

const old = { revision: "old" };
const allOld = { 0: old, 1: old, 2: old };

test("followers are restarted one at a time, by falling ordinal, the leader last", () => {
  const scene = { leader: 2 };
  const roll = (podChanges: NonNullable<Scene["podChanges"]>): unknown =>
    answer(rollingUpdate, { ...scene, podChanges });
  assert.deepEqual(roll(allOld), ["evictPod demo-1"]);
  assert.deepEqual(roll({ 0: old, 2: old }), ["evictPod demo-0"]);
  assert.deepEqual(roll({ 2: old }), ["transferLeadership demo-0"]);
  assert.equal(roll({}), null);
});

test("leadership goes to a voter that is updated and caught up", () => {
  const podChanges = { 0: old };
  assert.deepEqual(answer(rollingUpdate, { podChanges }), ["transferLeadership demo-1"]);
  const said = answer(rollingUpdate, { podChanges, lag: { 1: 101 } });
  assert.match(
    String(said),
    /^wait Rolling: .*waits: demo-1 is up to 1000 entries behind the leader/,
  );
});

test("a single node is restarted without a hand-over", () => {
  const scene = { spec: { replicas: 1 }, podChanges: { 0: old } };
  assert.deepEqual(answer(rollingUpdate, scene), ["evictPod demo-0"]);
});

test("what no budget can allow is deleted: it is 0, or nodes that are no members use it", () => {
  const two = { voters: [0, 1], claims: 3, podChanges: { 1: old } } as const;
  assert.deepEqual(answer(rollingUpdate, { ...two, pods: 2 }), ["deletePod demo-1"]);
  const nodes = { 3: "blank", 4: "blank" } as const;
  const five = { spec: { replicas: 5 }, voters: [0, 1, 2], nodes, podChanges: { 1: old } } as const;
  assert.deepEqual(answer(rollingUpdate, five), ["deletePod demo-1"]);
  const whole = { spec: { replicas: 5 }, podChanges: { 1: old } };
  assert.deepEqual(answer(rollingUpdate, whole), ["evictPod demo-1"]);
});

test("nothing restarts while another member is away, lags, is not ready or is going", () => {
  const others = [
    { nodes: { 1: "unreachable" }, podChanges: allOld },
    { lag: { 1: 101 }, podChanges: allOld },
    { podChanges: { ...allOld, 1: { ...old, isReady: false } } },
    { podChanges: { ...allOld, 1: { ...old, deletingUntil: NOW + 1 } } },
    { podChanges: { ...allOld, 1: { isReady: false, readySince: NOW } } },
    { nodes: { 1: "absent" }, podChanges: allOld },
    { learners: [1], lag: { 1: 5000 }, podChanges: allOld },
  ] as const;
  for (const scene of others) {
    const said = answer(rollingUpdate, scene);
    // A member that is down anyway comes first, and only it.
    if (Array.isArray(said)) assert.deepEqual(said, ["deletePod demo-1"]);
    else
      assert.match(
        String(said),
        /^wait Rolling: . of 3 pods have an old revision; waits: .*demo-1/,
      );
  }
});

test("two members that are away stop the roll", () => {
  const nodes = { 1: "unreachable", 2: "unreachable" } as const;
  assert.match(String(answer(rollingUpdate, { nodes, podChanges: allOld })), /^wait/);
});

test("an updated pod that does not become ready stops the roll and is named, with why", () => {
  const since = NOW - 300_001;
  const broken = { isReady: false, readySince: since, problem: "CrashLoopBackOff" };
  const scene = { nodes: { 2: "unreachable" }, podChanges: { 0: old, 1: old, 2: broken } } as const;
  assert.equal(
    answer(rollingUpdate, scene),
    "blocked RollFailing: 2 of 3 pods have an old revision; the roll stops: demo-2 has the new " +
      `revision and is not ready since ${formatTime(since)} (pod demo-2: CrashLoopBackOff)`,
  );
  const early = { ...broken, readySince: NOW - 300_000 };
  const podChanges = { ...scene.podChanges, 2: early };
  assert.match(String(answer(rollingUpdate, { ...scene, podChanges })), /^wait Rolling/);
});

test("without a Secret that a restarted pod would need, not even the first one restarts", () => {
  for (const name of ["demo-keyring", "demo-auth", "demo-peer"]) {
    for (const change of [null, { keys: [] }, { fault: "it is too short" }]) {
      const secretChanges = { [name]: change };
      const said = String(answer(rollingUpdate, { podChanges: allOld, secretChanges }));
      assert.match(said, /^blocked RollFailing: 3 of 3 pods have an old revision; .*would not st/);
      assert.match(said, new RegExp(`Secret ${name}`));
    }
  }
  const spec = { encryption: { secretName: "own-ring" } };
  const secretChanges = { "own-ring": null };
  const said = String(answer(rollingUpdate, { spec, podChanges: { 0: old }, secretChanges }));
  assert.match(said, /^blocked .*own-ring of spec.encryption.secretName does not exist/);
});

test("a paused roll waits and says so", () => {
  const spec = { updatePolicy: { pause: true } };
  const said = answer(rollingUpdate, { spec, podChanges: allOld });
  assert.match(String(said), /^blocked RollPaused: 3 of 3 pods .*spec.updatePolicy.pause is true/);
});

test("without a leader, or before the controller knows the revision, nothing restarts", () => {
  assert.match(String(answer(rollingUpdate, { leader: null, podChanges: allOld })), /for a leader/);
  const statefulSet = { generation: 2, observedGeneration: 1 };
  assert.equal(answer(rollingUpdate, { statefulSet, podChanges: allOld }), null);
});

test("a pod whose claim is being deleted is not restarted: its data would go", () => {
  const claimChanges = { 1: { isDeleting: true } };
  const said = answer(rollingUpdate, { podChanges: { 1: old }, claimChanges });
  assert.match(String(said), /^blocked RollFailing: .*delete pod demo-1 if its data may go/);
});
