/** The steps of one pass and what it has found out so far. Lives for one pass only. */
import type {
  Action,
  EventIntent,
  KVCluster,
  KVClusterStatus,
  NodeView,
  Observed,
  Plan,
  StoreAction,
} from "../model/index.ts";
import { actionKey, holdsNothingUp, isRepair, isStoreAction } from "./action-kinds.ts";
import {
  codeOf,
  conflictCode,
  describeAction,
  type Failure,
  isRefusal,
  toFailure,
} from "./failure.ts";
import type { ClusterKey, KubeView, StoreAccess } from "./ports.ts";
import type { ReconcileParts, ReconcileResult } from "./reconcile.ts";
import { isSameJson } from "./same-json.ts";
import { tellFailures, withRefusals } from "./tell-failures.ts";

/** After something that cannot be taken back, its outcome is looked at soon. */
const REQUEUE_AFTER_CHANGE_MS = 1_000;

/** What others have to end first is not asked for again and again. */
const RETRY_REFUSAL_MS = 5_000;

export class Pass {
  readonly #parts: ReconcileParts;
  readonly #key: ClusterKey;
  /** The newest that this pass has read. */
  #cluster: KVCluster;
  #observed: Observed | null = null;
  #plan: Plan | null = null;
  /** Made by this pass and perhaps not yet in the resource's status. */
  #newClusterId: string | null = null;
  #isGone = false;
  #isBlocked = false;
  #hasChangedMuch = false;
  /** As this pass wrote it last. */
  #written: KVClusterStatus | null = null;
  readonly #done: string[] = [];
  /** What is planned again in the same pass is not tried again. */
  readonly #tried = new Set<string>();
  readonly #failures: Failure[] = [];
  /** Of the last decision: an earlier one of the same pass knew less. */
  #events: readonly EventIntent[] = [];
  /** What was recorded, or tried to be: the status may be told more than once in a pass. */
  readonly #recorded = new Set<string>();

  constructor(parts: ReconcileParts, key: ClusterKey, cluster: KVCluster) {
    this.#parts = parts;
    this.#key = key;
    this.#cluster = cluster;
  }

  async run(): Promise<ReconcileResult> {
    await this.#attempt("look at the cluster", () => this.#work());
    if (!this.#isGone) await this.#attempt("write the status", () => this.#tell());
    if (this.#isGone) return { type: "gone" };
    const isHeldBack = this.#failures.length > 0 && this.#failures.every(isRefusal);
    const planned = this.#plan?.requeueAfterMs ?? REQUEUE_AFTER_CHANGE_MS;
    return {
      type: "reconciled",
      cluster: this.#cluster,
      status: this.#status(),
      done: this.#done,
      failures: this.#failures,
      ...(isHeldBack ? { retryAfterMs: RETRY_REFUSAL_MS } : {}),
      requeueAfterMs: this.#hasChangedMuch ? Math.min(planned, REQUEUE_AFTER_CHANGE_MS) : planned,
    };
  }

  async #work(): Promise<void> {
    const view = await this.#parts.kube.look(this.#cluster);
    const first = this.#decide(view, []);
    await this.#carryOut(first.actions.filter(isRepair));
    const access = await this.#survey(view);
    if (access === null) {
      // To a planner that has no answers every node is away: what was told before still holds.
      this.#plan = null;
      this.#observed = null;
      this.#events = [];
      return;
    }
    const { actions } = this.#decide(view, access.nodes);
    const open = actions.filter((action) => !this.#tried.has(actionKey(action)));
    if (this.#isBlocked) return;
    if (open.every(isRepair)) await this.#carryOut(open);
    else await this.#workOnFreshRead(view, access);
  }

  /** Decides once more, on what the API server says now. */
  async #workOnFreshRead(cached: KubeView, access: StoreAccess): Promise<void> {
    const cluster = await this.#parts.kube.cluster(this.#key, "fresh");
    if (cluster === null || isAnother(cluster, this.#cluster)) {
      this.#isGone = true;
      return;
    }
    this.#cluster = cluster;
    const view = await this.#parts.kube.look(cluster, "fresh");
    const nodes = access.nodes.filter((node) => isSamePod(node, cached, view));
    const { actions } = this.#decide(view, nodes);
    await this.#carryOut(actions, { ...access, pods: view.pods, nodes });
  }

  #decide(view: KubeView, nodes: readonly NodeView[]): Plan {
    const { plan, defaults, clock } = this.#parts;
    this.#observed = { ...view, nodes, now: clock.now() };
    this.#plan = plan(this.#observed, defaults);
    assertOneStoreAction(this.#plan);
    this.#events = [...this.#plan.story, ...this.#plan.events];
    return this.#plan;
  }

  /**
   * Without a secret there is no store to ask: it is made before the first pod starts.
   * @returns null when asking failed as a whole; a node that does not answer is an answer
   */
  async #survey({ pods }: KubeView): Promise<StoreAccess | null> {
    const { kube, members } = this.#parts;
    let access: StoreAccess = { pods, nodes: [], secret: new Uint8Array() };
    const isAsked = await this.#attempt("ask the nodes", async () => {
      const secret = await kube.adminSecret(this.#cluster);
      if (secret === null) return;
      access = { pods, secret, nodes: await members.survey(this.#cluster, pods, secret) };
    });
    return isAsked ? access : null;
  }

  /** In order, until one fails; what the cluster can do without holds nothing up. */
  async #carryOut(actions: readonly Action[], access: StoreAccess | null = null): Promise<void> {
    for (const action of actions) {
      const key = actionKey(action);
      if (this.#tried.has(key)) continue;
      this.#tried.add(key);
      const what = describeAction(action);
      if (await this.#attempt(what, () => this.#execute(action, access))) {
        this.#done.push(what);
      } else if (!holdsNothingUp(action, this.#failures.at(-1)?.code ?? "")) {
        this.#isBlocked = true;
        return;
      }
    }
  }

  async #execute(action: Action, access: StoreAccess | null): Promise<void> {
    if (isStoreAction(action)) return await this.#askStore(action, known(access));
    if (action.type === "deleteClaim") await this.#proveNoMember(action.member, known(access));
    if (lasting.has(action.type)) this.#hasChangedMuch = true;
    await this.#parts.kube.execute(this.#cluster, action);
  }

  async #askStore(action: StoreAction, access: StoreAccess): Promise<void> {
    // Written before it is done: killed in between, one replacement too many is counted, and none
    // is forgotten.
    if (action.type === "removeMember" && action.isReplacement) await this.#tell();
    // Telling found the resource gone, or another one in its place: its members are not ours.
    if (this.#isGone) return;
    this.#hasChangedMuch = true;
    const result = await this.#parts.members.execute(this.#cluster, action, access);
    // It was the last action, so the status with the new id is written next.
    if (result.type === "bootstrapped") this.#newClusterId = result.clusterId;
  }

  /** @throws when the member is one, or when the store cannot prove that it is none */
  async #proveNoMember(member: string, access: StoreAccess): Promise<void> {
    const members = await this.#parts.members.confirmMembers(this.#cluster, access);
    if (members.has(member)) {
      throw new Error(`${member} is a member of the store: its volume claim must stay`);
    }
  }

  #status(): KVClusterStatus {
    const written = this.#cluster.status ?? {};
    const planned = this.#plan?.status ?? written;
    // Once known it is never forgotten: it is the proof that the store must not be made again.
    const clusterId = written.clusterId ?? this.#newClusterId ?? planned.clusterId;
    const status = { ...planned, ...(clusterId === undefined ? {} : { clusterId }) };
    return tellFailures(status, this.#failures, {
      live: written,
      generation: this.#cluster.metadata.generation,
      now: this.#parts.clock.now(),
    });
  }

  /**
   * Events first: they tell how the status changes. Killed in between, they are told again; when
   * the resource has changed meanwhile, so may have what is to be told.
   */
  async #tell(): Promise<void> {
    await this.#recordEvents();
    if (await this.#write()) return;
    const cluster = await this.#parts.kube.cluster(this.#key, "fresh");
    if (cluster === null || isAnother(cluster, this.#cluster)) {
      this.#isGone = true;
      return;
    }
    this.#cluster = cluster;
    this.#written = null;
    if (this.#observed !== null) {
      this.#observed = { ...this.#observed, cluster };
      this.#plan = this.#parts.plan(this.#observed, this.#parts.defaults);
      // Its actions are the next pass's: they are not told of here.
      this.#events = this.#plan.story;
      await this.#recordEvents();
    }
    if (!(await this.#write())) throw new Error("the resource changes faster than it is told of");
  }

  /** False when the resource has changed since it was read. */
  async #write(): Promise<boolean> {
    const status = this.#status();
    if (isSameJson(status, this.#written ?? this.#cluster.status ?? {})) return true;
    try {
      await this.#parts.kube.writeStatus(this.#cluster, status);
      this.#written = status;
      return true;
    } catch (error) {
      if (codeOf(error) === conflictCode) return false;
      throw error;
    }
  }

  async #recordEvents(): Promise<void> {
    const { kube } = this.#parts;
    for (const event of withRefusals(this.#events, this.#failures)) {
      const said = JSON.stringify(event);
      if (this.#recorded.has(said)) continue;
      this.#recorded.add(said);
      await this.#attempt(`record the event ${event.reason}`, () =>
        kube.recordEvent(this.#cluster, event),
      );
    }
  }

  async #attempt(what: string, task: () => Promise<void>): Promise<boolean> {
    try {
      await task();
      return true;
    } catch (error) {
      this.#failures.push(toFailure(what, error));
      return false;
    }
  }
}

/** What cannot be taken back, among what Kubernetes is asked for. */
const lasting: ReadonlySet<Action["type"]> = new Set(["deletePod", "evictPod", "deleteClaim"]);

const isAnother = (found: KVCluster, known: KVCluster): boolean =>
  found.metadata.uid !== known.metadata.uid || found.metadata.deletionTimestamp !== undefined;

/** What a node said counts for the pod that was asked, not for its successor of the same name. */
function isSamePod(node: NodeView, cached: KubeView, fresh: KubeView): boolean {
  const before = cached.pods.find(({ name }) => name === node.pod);
  const now = fresh.pods.find(({ name }) => name === node.pod);
  return before !== undefined && before.uid === now?.uid && before.ip === now.ip;
}

function assertOneStoreAction({ actions }: Plan): void {
  const at = actions.findIndex(isStoreAction);
  if (at === -1 || at === actions.length - 1) return;
  throw new Error(`the plan has an action after ${describeAction(actions[at] ?? impossible())}`);
}

function known(access: StoreAccess | null): StoreAccess {
  return access ?? impossible();
}

function impossible(): never {
  throw new Error("a store action was planned before the store was asked");
}
