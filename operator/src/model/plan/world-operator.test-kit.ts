/**
 * The operator of a simulated world: passes as `reconcile/pass.ts` makes them. Repairs on what a
 * late cache shows, everything else on a fresh read, the status with its version as a precondition;
 * it may die after any write.
 */
import { isDeepStrictEqual } from "node:util";
import type { NodeView, Observed, OperatorDefaults } from "../observed.ts";
import type { Action, EventIntent, Plan } from "./action.ts";
import { defaults } from "./plan.test-kit.ts";
import { type KubeView, Violation, type World } from "./world.test-kit.ts";

export type Planner = (observed: Observed, defaults: OperatorDefaults) => Plan;

export interface PassOptions {
  /** Views that the caches are behind. */
  readonly lateBy?: number;
  /** How likely a node's answer is lost. */
  readonly mute?: number;
  /** How likely the operator dies after a write. */
  readonly death?: number;
  /** Mutant of the reconciler: what cannot be taken back is decided on the cache. */
  readonly neverFresh?: boolean;
}

class Death extends Error {}

const storeTypes: ReadonlySet<Action["type"]> = new Set<Action["type"]>([
  ...(["bootstrap", "addMember", "removeMember"] as const),
  ...(["transferLeadership", "updateAddresses"] as const),
]);

export class SimOperator {
  readonly events: EventIntent[] = [];
  statusWrites = 0;
  actions = 0;
  readonly #world: World;
  readonly #plan: Planner;
  #options: PassOptions = {};
  #done = new Set<string>();
  readonly #told = new Set<string>();

  constructor(world: World, plan: Planner) {
    this.#world = world;
    this.#plan = plan;
  }

  pass(options: PassOptions = {}): void {
    this.#options = options;
    try {
      this.#run();
    } catch (error) {
      if (!(error instanceof Death)) throw error;
    }
  }

  #run(): void {
    const world = this.#world;
    this.#done = new Set();
    this.#told.clear();
    const { lateBy = 0, mute = 0, neverFresh = false } = this.#options;
    const cached = world.lookLate(lateBy);
    const first = this.#decide(cached, []);
    const ok = this.#carryOut(first.actions.filter(isRepair));
    const nodes = world.survey(cached, mute);
    let view = cached;
    let last = this.#decide(view, nodes);
    if (ok && last.actions.some((action) => !isRepair(action)) && !neverFresh) {
      view = world.look();
      const fresh = nodes.filter((node) => isSamePod(node, cached, view));
      last = this.#decide(view, fresh);
      const plan = last;
      this.#carryOut(plan.actions, () => this.#tell(view, fresh, plan));
      this.#tell(view, fresh, last);
      return;
    }
    if (ok) this.#carryOut(last.actions, () => this.#tell(view, nodes, last));
    this.#tell(view, nodes, last);
  }

  #decide(view: KubeView, nodes: readonly NodeView[]): Plan {
    const plan = this.#plan({ ...view, nodes, now: this.#world.now }, defaults);
    for (const event of [...plan.story, ...plan.events]) {
      const key = `${event.reason} ${event.note}`;
      if (!this.#told.has(key)) this.events.push(event);
      this.#told.add(key);
    }
    const asked = plan.actions.filter(({ type }) => storeTypes.has(type));
    if (asked.length > 1) throw new Violation("two store actions in a plan");
    if (asked[0] !== undefined && plan.actions.at(-1) !== asked[0]) {
      throw new Violation("a store action is not the last");
    }
    if (view.cluster.spec.paused && plan.actions.length > 0) {
      throw new Violation("a paused cluster is changed");
    }
    return plan;
  }

  /** @param tell writes the status: a replacement is known to come before it is made */
  #carryOut(actions: readonly Action[], tell: () => void = () => {}): boolean {
    for (const action of actions) {
      const key = JSON.stringify(action);
      if (this.#done.has(key)) continue;
      this.#done.add(key);
      if (action.type === "removeMember" && action.isReplacement) tell();
      this.#maybeDie();
      try {
        this.#world.execute(action);
        this.actions += 1;
      } catch (error) {
        if (error instanceof Violation) throw error;
        this.#world.log.push(`  failed: ${String(error)}`);
        return false;
      }
      this.#maybeDie();
    }
    return true;
  }

  #maybeDie(): void {
    const { death = 0 } = this.#options;
    if (!this.#world.random.chance(death)) return;
    this.#world.log.push("  the operator dies");
    throw new Death();
  }

  #tell(view: KubeView, nodes: readonly NodeView[], plan: Plan): void {
    this.#maybeDie();
    const world = this.#world;
    if (isDeepStrictEqual(plan.status, view.cluster.status ?? {})) return;
    this.statusWrites += 1;
    if (world.writeStatus(view.cluster, plan.status)) return;
    const { cluster } = world;
    const again = this.#plan({ ...view, cluster, nodes, now: world.now }, defaults);
    world.writeStatus(cluster, again.status);
  }
}

/**
 * As `reconcile/action-kinds.ts` has it. A StatefulSet applied from a late view could shrink below
 * a member; here it is the only child.
 */
const isRepair = (action: Action): boolean =>
  action.type === "apply" && action.object.kind !== "StatefulSet";

function isSamePod(node: NodeView, cached: KubeView, fresh: KubeView): boolean {
  const before = cached.pods.find(({ name }) => name === node.pod);
  const now = fresh.pods.find(({ name }) => name === node.pod);
  return before !== undefined && before.uid === now?.uid;
}
