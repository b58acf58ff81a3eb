/**
 * Makes the running nodes one cluster of the wanted size: looks at what is, does the next safe
 * step, looks again. No step is remembered, so it can be stopped anywhere and begun again: on first
 * start, after a restart, after a node's folder was wiped, when the number of nodes changed.
 */
import type { ClusterMember, ClusterStatus, NodePhase } from "@kvcluster/protocol";
import { type Auth, KVClientError, KVStoreClient } from "../index.ts";
import { LaunchError, messageOf } from "./launch-error.ts";
import type { LocalNode } from "./launch-settings.ts";
import { poll } from "./polling.ts";

export interface FormationLimits {
  /** A node that was started must answer within this. */
  readonly answerMs: number;
  /** From there all must be voters and ready within this: elections and catching up included. */
  readonly settleMs: number;
  readonly pollMs: number;
  /** One administrative request. */
  readonly requestMs: number;
}

export const defaultFormationLimits: FormationLimits = {
  answerMs: 30_000,
  settleMs: 90_000,
  pollMs: 50,
  requestMs: 10_000,
};

/** A process of the cluster, as far as forming it is concerned. */
export interface FormationNode {
  readonly node: LocalNode;
  readonly isRunning: boolean;
  explainFailure(what: string): LaunchError;
  /** Stops it, puts its folder out of the way and starts it blank. */
  startOver(): Promise<void>;
}

export interface FormationParts {
  /** Every node that runs, former members included. */
  readonly running: () => readonly FormationNode[];
  /** Ids that are to be members in the end. */
  readonly wanted: ReadonlySet<number>;
  readonly auth: Auth;
  /** As recorded when node 1 was bootstrapped; null before. */
  readonly clusterId: string | null;
  readonly onBootstrapped: (clusterId: string) => void;
  readonly say: (line: string) => void;
  /** At the first start a process that dies will not get better; later it is started again. */
  readonly deadIsFatal: boolean;
  readonly limits: FormationLimits;
  readonly signal: AbortSignal;
}

interface Seen {
  readonly process: FormationNode;
  /** null: it does not answer. */
  readonly phase: NodePhase | null;
  readonly isReady: boolean;
  readonly reasons: readonly string[];
}

/** What to do next; `settled` when there is nothing. */
type Step =
  | { readonly type: "settled" }
  | { readonly type: "wait"; readonly why: string }
  | { readonly type: "done" };

const waitFor = (why: string): Step => ({ type: "wait", why });
const done: Step = { type: "done" };

/** Refusals that pass by themselves: a change under way, an election, a lagging learner. */
const passing: ReadonlySet<string> = new Set([
  "changePending",
  "leaderNotReady",
  "notLeader",
  "learnerLagging",
  "quorumAtRisk",
  "transferFailed",
]);

export class Formation {
  readonly #parts: FormationParts;
  #clusterId: string | null;

  constructor(parts: FormationParts) {
    this.#parts = parts;
    this.#clusterId = parts.clusterId;
  }

  /** @throws LaunchError with the reason when the cluster does not come to be in time */
  async settle(): Promise<void> {
    const { limits, signal } = this.#parts;
    await this.#waitForAnswers();
    let why = "";
    const outcome = await poll(
      async () => {
        const step = await this.#nextStep();
        if (step.type === "wait") why = step.why;
        return step.type === "settled" ? step : null;
      },
      { everyMs: limits.pollMs, withinMs: limits.settleMs, signal },
    );
    if (outcome.type !== "timedOut") return;
    throw new LaunchError(`the cluster is not complete after ${limits.settleMs / 1_000} s: ${why}`);
  }

  /** Every process must answer, ready or not; one that dies first is told with its log. */
  async #waitForAnswers(): Promise<void> {
    const { limits, signal } = this.#parts;
    let silent: readonly Seen[] = [];
    const outcome = await poll(
      async () => {
        const dead = this.#parts.running().find((process) => !process.isRunning);
        if (dead !== undefined && this.#parts.deadIsFatal)
          throw dead.explainFailure("did not start");
        silent = (await this.#look()).filter(({ phase }) => phase === null || phase === "starting");
        return silent.length === 0 ? true : null;
      },
      { everyMs: limits.pollMs, withinMs: limits.answerMs, signal },
    );
    const [first] = silent;
    if (outcome.type !== "timedOut" || first === undefined) return;
    throw first.process.explainFailure(`does not answer after ${limits.answerMs / 1_000} s`);
  }

  async #look(): Promise<readonly Seen[]> {
    return await Promise.all(this.#parts.running().map((process) => this.#lookAt(process)));
  }

  async #lookAt(process: FormationNode): Promise<Seen> {
    try {
      const readiness = await this.#at(process.node, (client) => client.readiness());
      const { phase, ready, reasons } = readiness;
      return { process, phase, isReady: ready, reasons };
    } catch (error) {
      if (!(error instanceof KVClientError)) throw error;
      return { process, phase: null, isReady: false, reasons: [error.message] };
    }
  }

  async #nextStep(): Promise<Step> {
    const seen = await this.#look();
    const damaged = seen.find(({ phase }) => phase === "corrupt");
    if (damaged !== undefined) throw damagedError(damaged.process);
    const formed = seen.filter(({ phase }) => phase === "serving" || phase === "draining");
    if (formed.length === 0) return await this.#begin(seen);
    const serving = formed.find(({ isReady }) => isReady);
    if (serving === undefined) return waitFor(`no leader yet (${reasonsOf(formed)})`);
    try {
      const cluster = await this.#at(serving.process.node, (client) => client.cluster());
      this.#rememberCluster(cluster.clusterId);
      return await this.#change(seen, serving.process.node, cluster);
    } catch (error) {
      if (isPassing(error)) return waitFor(messageOf(error));
      throw error;
    }
  }

  /** No node belongs to a cluster: the very first start, or everything was wiped. */
  async #begin(seen: readonly Seen[]): Promise<Step> {
    const [first] = seen.filter(({ process }) => this.#parts.wanted.has(process.node.id));
    if (first === undefined || first.phase !== "blank") return waitFor("nodes are starting");
    if (seen.some(({ phase }) => phase !== "blank")) return waitFor("nodes are starting");
    if (this.#clusterId !== null) {
      throw new LaunchError(
        `the data of every node is gone, although cluster ${this.#clusterId} was made here.\n` +
          "Bring the node folders back, or move the whole data folder away to begin anew.",
      );
    }
    const { node } = first.process;
    this.#parts.say(`Making a new cluster of ${node.name}`);
    const identity = await this.#at(node, (client) => client.admin.bootstrap());
    this.#rememberCluster(identity.clusterId);
    return done;
  }

  #rememberCluster(clusterId: string): void {
    if (this.#clusterId === clusterId) return;
    if (this.#clusterId !== null) {
      throw new LaunchError(
        `a node belongs to cluster ${clusterId}, but this folder is that of ${this.#clusterId}`,
      );
    }
    this.#clusterId = clusterId;
    this.#parts.onBootstrapped(clusterId);
  }

  /** The first difference between the members that are and those that should be. */
  async #change(seen: readonly Seen[], via: LocalNode, cluster: ClusterStatus): Promise<Step> {
    const { wanted } = this.#parts;
    const former = seen.find(({ phase }) => phase === "removed");
    if (former !== undefined && wanted.has(former.process.node.id)) {
      this.#parts.say(
        `${former.process.node.name} was removed before; it comes back as a new member`,
      );
      await former.process.startOver();
      return done;
    }
    const blank = seen.find(
      ({ phase, process }) => phase === "blank" && wanted.has(process.node.id),
    );
    if (blank !== undefined) return await this.#admit(blank.process.node, via, cluster);
    const names = new Set(seen.filter(isWanted(wanted)).map(({ process }) => process.node.name));
    const extra = cluster.members.findLast(({ name }) => !names.has(name));
    if (extra !== undefined) return await this.#remove(extra, via, cluster);
    const moved = await this.#announceAddresses(seen, via, cluster);
    if (moved) return done;
    return this.#judgeMembers(seen, cluster);
  }

  /** A blank node becomes a learner. If it is a member by name, that member's data is lost. */
  async #admit(node: LocalNode, via: LocalNode, cluster: ClusterStatus): Promise<Step> {
    const old = cluster.members.find(({ name }) => name === node.name);
    if (old !== undefined) {
      this.#parts.say(
        `${node.name} is empty although it is member ${old.id}: removing that member, ` +
          "then adding the node as a new one",
      );
      await this.#at(via, (client) => client.admin.removeMember(old.id));
      return done;
    }
    const { name, peerAddress, clientAddress } = node;
    const added = await this.#at(via, (client) =>
      client.admin.addMember({ name, peerAddress, clientAddress }),
    );
    const { clusterId, nodeId, members } = added;
    await this.#at(node, (client) => client.admin.join({ clusterId, nodeId, members }));
    this.#parts.say(`${node.name} joined as member ${nodeId}`);
    return done;
  }

  /** Takes a member out that is not wanted any more; leadership moves away from it first. */
  async #remove(extra: ClusterMember, via: LocalNode, cluster: ClusterStatus): Promise<Step> {
    if (cluster.leader?.id === extra.id) {
      const heir = cluster.members.find(({ id, role }) => id !== extra.id && role === "voter");
      this.#parts.say(`${extra.name} leads; handing over to ${heir?.name ?? "another voter"}`);
      await this.#at(via, (client) => client.admin.transferLeader(heir?.id ?? null));
      return done;
    }
    this.#parts.say(`Removing ${extra.name} (member ${extra.id})`);
    await this.#at(via, (client) => client.admin.removeMember(extra.id));
    return done;
  }

  /** Other HTTP ports than last time: the members' announced addresses follow. */
  async #announceAddresses(
    seen: readonly Seen[],
    via: LocalNode,
    cluster: ClusterStatus,
  ): Promise<boolean> {
    for (const { process } of seen) {
      const { name, clientAddress } = process.node;
      const member = cluster.members.find((candidate) => candidate.name === name);
      if (member === undefined || member.clientAddress === clientAddress) continue;
      await this.#at(via, (client) => client.admin.updateMember(member.id, { clientAddress }));
      return true;
    }
    return false;
  }

  #judgeMembers(seen: readonly Seen[], cluster: ClusterStatus): Step {
    const learner = cluster.members.find(({ role }) => role === "learner");
    if (learner !== undefined) return waitFor(`${learner.name} is still catching up`);
    const waiting = seen.filter(isWanted(this.#parts.wanted)).filter(({ isReady }) => !isReady);
    if (waiting.length > 0) return waitFor(reasonsOf(waiting));
    return { type: "settled" };
  }

  async #at<T>(node: LocalNode, task: (client: KVStoreClient) => Promise<T>): Promise<T> {
    const { auth, limits, signal } = this.#parts;
    const client = new KVStoreClient({
      endpoints: node.clientAddress,
      auth,
      limits: { timeoutMs: limits.requestMs, attemptsMax: 1 },
    });
    const giveUp = (): void => client.abort();
    signal.addEventListener("abort", giveUp, { once: true });
    try {
      return await task(client);
    } finally {
      signal.removeEventListener("abort", giveUp);
      await client.close();
    }
  }
}

const damagedError = (process: FormationNode): LaunchError =>
  process.explainFailure(
    "found its data damaged and serves nothing. If the other nodes are whole, remove " +
      `${process.node.dataFolder} and start again: it gets a copy from them`,
  );

const isWanted =
  (wanted: ReadonlySet<number>) =>
  ({ process }: Seen): boolean =>
    wanted.has(process.node.id);

const reasonsOf = (seen: readonly Seen[]): string =>
  seen
    .map(({ process, reasons }) => `${process.node.name}: ${reasons.join(", ") || "not ready"}`)
    .join("; ");

/** True when looking again may show that it is done, or that it can be done now. */
function isPassing(error: unknown): boolean {
  if (!(error instanceof KVClientError)) return false;
  if (error.code === "CHANGE_REJECTED") return passing.has(error.problem?.reason ?? "");
  // Unknown outcomes too: the next look tells what became of the change.
  return error.retryable || error.code === "OUTCOME_UNKNOWN";
}
