/** That these tests can fail: planners with a fault are caught by them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type Action, type Observed, plan } from "../../operator/src/model/index.ts";
import type { Planner } from "../../operator/src/reconcile/index.ts";
import { run, Stage, type Step } from "./scenario.test-kit.ts";

const install: Step = (server) => server.create();

/** The planner without some of its actions. */
const without =
  (isLeftOut: (action: Action, observed: Observed) => boolean): Planner =>
  (observed, defaults) => {
    const planned = plan(observed, defaults);
    const actions = planned.actions.filter((action) => !isLeftOut(action, observed));
    return { ...planned, actions };
  };

test("a planner that leaves a learner which never joined is caught", async () => {
  const faulty = without(
    ({ type }, { cluster }) => type === "removeMember" && cluster.spec.replicas === 3,
  );
  const { writes } = await run([install]);
  const write = writes.findIndex((what) => what.startsWith("addMember"));
  const killed = run([install], { plan: faulty, kill: { write, moment: "middle" } });
  await assert.rejects(killed, /does not settle|not deeply equal/);
});

test("a planner that forgets a child after a crash is caught", async () => {
  const faulty = without(
    (action, { secrets }) =>
      action.type === "apply" && action.object.kind === "Service" && secrets.size > 0,
  );
  const killed = run([install], { plan: faulty, kill: { write: 2, moment: "after" } });
  await assert.rejects(killed, /does not settle/);
});

test("a planner that makes the store whenever the first node is blank is caught", async () => {
  const eager: Planner = (observed, defaults) => {
    const planned = plan(observed, defaults);
    const first = observed.nodes.find(({ pod }) => pod === "demo-0");
    const isBlank = first?.type === "answered" && first.phase === "blank";
    const kube = planned.actions.filter(({ type }) => type === "apply");
    return isBlank
      ? { ...planned, actions: [...kube, { type: "bootstrap", pod: "demo-0" }] }
      : planned;
  };
  const stage = new Stage({ plan: eager });
  install(stage.server);
  await stage.settle("install");
  for (const claim of stage.server.world.kubernetes.claims) claim.disk = null;
  await assert.rejects(async () => {
    for (let pass = 0; pass < 20; pass += 1) await stage.pass();
  }, /bootstrapped twice/);
});
