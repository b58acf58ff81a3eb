/**
 * The planner in random worlds: whatever users, machines and disks do, no rule is broken
 * (`world.test-kit.ts` checks each executed action); and once the faults stop, the world comes to
 * what the spec says and then nothing is written any more.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { isDeepStrictEqual } from "node:util";
import { defaults, makeSpec, planStatefulSetOnly } from "./plan.test-kit.ts";
import { createPlanner } from "./plan.ts";
import { Violation, World } from "./world.test-kit.ts";
import { heal, strike } from "./world-faults.test-kit.ts";
import { type PassOptions, type Planner, SimOperator } from "./world-operator.test-kit.ts";

const STEPS = 80;
const SETTLE_PASSES_MAX = 300;

const planner = createPlanner(planStatefulSetOnly);

interface Life {
  readonly world: World;
  readonly operator: SimOperator;
}

function begin(seed: number, plan: Planner): Life {
  const { storage } = makeSpec();
  const whenScaled = seed % 3 === 0 ? "Retain" : "Delete";
  const retention = { ...storage.retention, whenScaled } as const;
  const world = new World(seed, { storage: { ...storage, retention } });
  return { world, operator: new SimOperator(world, plan) };
}

function suffer({ world, operator }: Life, options: PassOptions = {}): void {
  const { random } = world;
  for (let step = 0; step < STEPS; step++) {
    if (random.chance(0.25)) strike(world);
    const lateBy = random.chance(0.4) ? random.below(random.pick([6, 60])) : 0;
    operator.pass({ lateBy, mute: 0.03, death: 0.03, ...options });
    for (let ticks = random.below(5); ticks > 0; ticks--) world.tick();
  }
}

/** Passes without faults until nothing is planned any more. */
function settle({ world, operator }: Life, plan: Planner): void {
  let quiet = 0;
  for (let pass = 0; pass < SETTLE_PASSES_MAX; pass++) {
    const { nodes, view } = { nodes: world.survey(world.look(), 0), view: world.look() };
    const next = plan({ ...view, nodes, now: world.now }, defaults);
    const isSame = isDeepStrictEqual(next.status, world.cluster.status);
    const isQuiet =
      isSame && next.actions.length === 0 && next.events.length + next.story.length === 0;
    quiet = isQuiet ? quiet + 1 : 0;
    if (quiet > 5 && isAsSpecified(world)) return;
    operator.pass();
    const isBraked = next.status.conditions?.some(({ reason }) => reason === "ReplacementBraked");
    world.tick(isBraked === true ? 4 * 3_600_000 : 10_000);
  }
  assert.fail(`not settled: ${describe(world)}`);
}

function isAsSpecified({ cluster, store, kubernetes }: World): boolean {
  const { replicas, image, storage } = cluster.spec;
  const isRetaining = storage.retention.whenScaled === "Retain";
  if (kubernetes.statefulSet?.replicas !== replicas) return false;
  if (replicas === 0) return kubernetes.pods.length === 0;
  const names = store.voters().map(({ name }) => name);
  const wanted = Array.from({ length: replicas }, (_, i) => `demo-${i}`);
  return (
    isDeepStrictEqual([...names].sort(), wanted) &&
    store.members.length === replicas &&
    kubernetes.pods.length === replicas &&
    (isRetaining || kubernetes.claims.length === replicas) &&
    kubernetes.pods.every((pod) => pod.isReady && pod.image === image)
  );
}

const describe = (world: World): string =>
  JSON.stringify(
    {
      spec: world.cluster.spec.replicas,
      status: world.cluster.status,
      members: world.store.members,
      leader: world.store.leader,
      set: world.kubernetes.statefulSet,
      pods: world.kubernetes.pods,
      claims: world.kubernetes.claims,
    },
    null,
    1,
  );

/** `SEED=132 node …` lives one world again and prints it; `WORLDS=5000 node …` lives more. */
const seed = process.env["SEED"];
const worlds = Number(process.env["WORLDS"] ?? 300);
const seeds = seed === undefined ? Array.from({ length: worlds }, (_, i) => i) : [Number(seed)];

test("in random worlds no rule is broken, and each settles as specified and stays so", () => {
  for (const one of seeds) {
    const life = begin(one, planner);
    try {
      suffer(life);
      heal(life.world, life.world.random.pick([0, 1, 2, 3, 3, 5]));
      settle(life, planner);
    } catch (error) {
      if (seed !== undefined) console.log(life.world.log.slice(-120).join("\n"));
      throw new Error(`seed ${one}`, { cause: error });
    }
  }
});

test("the worlds are hard enough: what is decided on a late cache alone breaks rules", () => {
  assert.throws(() => {
    for (let one = 0; one < 100; one++) suffer(begin(one, planner), { neverFresh: true });
  }, Violation);
});
