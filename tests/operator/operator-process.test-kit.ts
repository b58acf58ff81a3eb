/**
 * The operator's process over the model: its ports count every write, may be killed right before,
 * after or in the middle of one (from then on nothing it does has any effect), and its caches may
 * be late, each kind by itself, as if events were lost until the next list.
 */
import type { OperatorDefaults } from "../../operator/src/model/index.ts";
import { plan } from "../../operator/src/model/index.ts";
import { Violation } from "../../operator/src/model/plan/world.test-kit.ts";
import type { Random } from "../../operator/src/model/plan/world-random.test-kit.ts";
import {
  type KubePort,
  type KubeView,
  type MembersPort,
  type Planner,
  type ReadMode,
  type ReconcileResult,
  reconcile,
  type StoreAccess,
} from "../../operator/src/reconcile/index.ts";
import { type ApiServer, ModelKubeError, type Snapshot } from "./api-server.test-kit.ts";

/** Where in a write the process is killed. `middle`: a member is added and has not joined. */
export type Moment = "before" | "middle" | "after";

export interface Kill {
  /** Number of the write, from 0. */
  readonly write: number;
  readonly moment: Moment;
}

export interface ProcessOptions {
  readonly kill?: Kill | null;
  /** Caches are behind by up to so many looks. */
  readonly lateBy?: number;
  readonly random?: Random;
  readonly plan?: Planner;
}

const defaults: OperatorDefaults = {
  image: "kv:1",
  operatorNamespace: "kvcluster-system",
  operatorLabels: { "app.kubernetes.io/name": "kvcluster-operator" },
};

/** A killed process never hears of anything again. */
const never = (): Promise<never> => new Promise(() => {});

export class OperatorProcess {
  readonly writes: string[] = [];
  readonly #server: ApiServer;
  readonly #options: ProcessOptions;
  readonly #history: Snapshot[] = [];
  /** By kind of cache: how many snapshots it has seen. It never goes back. */
  readonly #seen = new Map<string, number>();
  #taken = 0;
  readonly #killed = Promise.withResolvers<"killed">();
  isKilled = false;

  constructor(server: ApiServer, options: ProcessOptions = {}) {
    this.#server = server;
    this.#options = options;
    this.#remember();
  }

  /** One pass, or as much of it as the process lives through. */
  async pass(): Promise<ReconcileResult | "killed"> {
    this.#remember();
    const parts = {
      kube: this.#kube(),
      members: this.#members(),
      clock: { now: () => this.#server.world.now },
      plan: this.#options.plan ?? plan,
      defaults,
    };
    const key = { namespace: "test", name: "demo" };
    return await Promise.race([this.#killed.promise, reconcile(parts, key)]);
  }

  #remember(): void {
    this.#history.push(this.#server.snapshot());
    this.#taken += 1;
    const kept = (this.#options.lateBy ?? 0) + 1;
    while (this.#history.length > kept) this.#history.shift();
  }

  /** What the cache of one kind shows: never older than before, at worst `lateBy` behind. */
  #cached(kind: string): Snapshot {
    const { lateBy = 0, random } = this.#options;
    // Half of the time nothing has arrived for as long as may be: an event was lost.
    const behind = random === undefined || random.chance(0.5) ? lateBy : random.below(lateBy + 1);
    const at = Math.max(this.#seen.get(kind) ?? 0, this.#taken - 1 - behind);
    this.#seen.set(kind, at);
    const oldest = this.#taken - this.#history.length;
    return this.#history[Math.max(0, at - oldest)] ?? this.#server.snapshot();
  }

  /** Carries a write out, unless the process is killed before it. */
  async #write<T>(what: string, act: () => T, half: () => void = () => {}): Promise<T> {
    if (this.isKilled) return await never();
    const number = this.writes.length;
    this.writes.push(what);
    const { kill } = this.#options;
    const moment = kill?.write === number ? kill.moment : null;
    if (moment === "before") return await this.#die();
    if (moment === "middle") half();
    if (moment === "middle") return await this.#die();
    try {
      return act();
    } finally {
      if (moment === "after") await this.#die();
    }
  }

  #die(): Promise<never> {
    this.isKilled = true;
    this.#killed.resolve("killed");
    return never();
  }

  #kube(): KubePort {
    const server = this.#server;
    return {
      cluster: async (_key, mode = "cached") =>
        mode === "fresh" ? server.cluster : this.#cached("clusters").cluster,
      look: async (cluster, mode = "cached") => ({ cluster, ...this.#look(mode) }),
      adminSecret: async () => (server.secrets.has("demo-auth") ? new Uint8Array(32) : null),
      recordEvent: async () => {},
      execute: (cluster, action) =>
        this.#write(`${action.type} ${nameOf(action)}`, () => server.execute(cluster, action)),
      writeStatus: (cluster, status) =>
        this.#write("status", () => server.writeStatus(cluster, status)),
    };
  }

  #look(mode: ReadMode): Omit<KubeView, "cluster"> {
    if (mode === "fresh") return this.#server.view();
    const { secrets, configMaps, issuer, capabilities } = this.#server.view();
    return {
      secrets,
      configMaps,
      issuer,
      capabilities,
      children: this.#cached("children").view.children,
      statefulSet: this.#cached("children").view.statefulSet,
      pods: this.#cached("pods").view.pods,
      claims: this.#cached("claims").view.claims,
    };
  }

  #members(): MembersPort {
    const { world, violations } = this.#server;
    return {
      survey: async (cluster, pods) => {
        const view = { ...this.#server.view(), cluster, pods };
        return world.survey(view, 0);
      },
      execute: (_cluster, action) =>
        this.#write(
          `${action.type} ${nameOf(action)}`,
          () => {
            try {
              world.execute(action);
            } catch (error) {
              if (error instanceof Violation) violations.push(error);
              throw error;
            }
            const { clusterId } = world.store;
            return action.type === "bootstrap" && clusterId !== null
              ? { type: "bootstrapped" as const, clusterId }
              : { type: "done" as const };
          },
          () => {
            if (action.type === "addMember") world.store.addLearner(action.pod);
          },
        ),
      confirmMembers: async (_cluster: unknown, _access: StoreAccess) => {
        if (world.store.leader === null) throw new ModelKubeError("unavailable", "no leader");
        return new Set(world.store.members.map(({ name }) => name));
      },
      forget: () => {},
    };
  }
}

function nameOf(action: object): string {
  const { pod, member, claim, name, object } = action as Record<string, unknown>;
  const ofObject = object as { kind: string; metadata: { name: string } } | undefined;
  const kind = ofObject === undefined ? "" : `${ofObject.kind}/${ofObject.metadata.name}`;
  return String(pod ?? member ?? claim ?? name ?? kind);
}
