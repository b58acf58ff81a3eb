/**
 * The rights of the chart are the least that work. The operator begins with the right to nothing;
 * it is given one verb on one resource at a time, and only what the API server has just refused it.
 * When every part of its work is done, what it was given must be what the chart gives: a verb of
 * the chart that was never missed is one too many.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { isReady, type KubeItem } from "../e2e/kubernetes/kube.test-kit.ts";
import { setStage } from "../e2e/kubernetes/stage.test-kit.ts";
import type { Store } from "../e2e/kubernetes/store.test-kit.ts";
import { becomes, NotYet } from "../e2e/kubernetes/waiting.test-kit.ts";

let store: Store;
const stage = setStage("rbac", {
  prepare: async (it) => {
    store = it.store("kv");
  },
});

interface Rule {
  readonly apiGroups?: readonly string[];
  readonly resources?: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly nonResourceURLs?: readonly string[];
  readonly verbs: readonly string[];
}

interface Role extends KubeItem {
  readonly rules: readonly Rule[];
}

const ROLES = "/apis/rbac.authorization.k8s.io/v1/clusterroles";
const DEADLINE_MS = 1_500_000;

/** `group|resource|verb`: the smallest thing that can be granted. */
const grantsOf = (rules: readonly Rule[]): readonly string[] =>
  rules.flatMap(({ apiGroups = [], resources = [], nonResourceURLs = [], verbs }) => [
    ...apiGroups.flatMap((group) =>
      resources.flatMap((resource) => verbs.map((verb) => `${group}|${resource}|${verb}`)),
    ),
    ...nonResourceURLs.flatMap((url) => verbs.map((verb) => `url|${url}|${verb}`)),
  ]);

function ruleOf(grant: string, rules: readonly Rule[]): Rule {
  const [group = "", resource = "", verb = ""] = grant.split("|");
  if (group === "url") return { nonResourceURLs: [resource], verbs: [verb] };
  const named = rules.find(
    (rule) => rule.apiGroups?.includes(group) && rule.resources?.includes(resource),
  );
  const only = named?.resourceNames === undefined ? {} : { resourceNames: named.resourceNames };
  return { apiGroups: [group], resources: [resource], verbs: [verb], ...only };
}

/** The API server's words, within JSON: quotes may be escaped. */
const RESOURCE = /cannot (\w+) resource \\*"([^"\\]+)\\*" in API group \\*"([^"\\]*)\\*"/g;
const PATH = /cannot (\w+) path \\*"([^"\\]+)\\*"/g;

/** What the API server refused, by what the operator logged of it. */
async function refusals(): Promise<ReadonlySet<string>> {
  const found = new Set<string>();
  for (const { metadata } of await stage().operator.pods()) {
    const { namespace } = stage().operator;
    const flags = ["-n", namespace, "logs", metadata.name, "--since=30s"];
    const log = await stage()
      .kube.kubectl(flags)
      .catch(() => "");
    for (const [, verb, resource, group] of log.matchAll(RESOURCE)) {
      found.add(`${group}|${resource}|${verb}`);
    }
    for (const [, verb, url] of log.matchAll(PATH)) found.add(`url|${url}|${verb}`);
  }
  return found;
}

class Ladder {
  readonly #role: Role;
  readonly #given = new Set<string>();

  private constructor(role: Role) {
    this.#role = role;
  }

  /** Takes everything away. */
  static async begin(): Promise<Ladder> {
    const selector = encodeURIComponent("app.kubernetes.io/instance=kvcluster-operator");
    const roles = await stage().kube.list<Role>(`${ROLES}?labelSelector=${selector}`);
    const role = roles.find(({ rules }) => grantsOf(rules).includes("apps|statefulsets|patch"));
    const ladder = new Ladder(role ?? assert.fail("the chart has no ClusterRole"));
    await ladder.#write();
    return ladder;
  }

  get wanted(): readonly string[] {
    return grantsOf(this.#role.rules);
  }

  get given(): readonly string[] {
    return [...this.#given].sort();
  }

  /** Gives what was refused until `look` is content. */
  async climb(what: string, look: () => Promise<true | NotYet>): Promise<void> {
    await becomes(
      what,
      async () => {
        const seen = await look().catch((error: unknown) => new NotYet(String(error)));
        if (seen === true) return true;
        const refused = [...(await refusals())].filter((grant) => !this.#given.has(grant));
        const stray = refused.filter((grant) => !this.wanted.includes(grant));
        assert.deepEqual(stray, [], "the operator asks for what the chart does not give");
        for (const grant of refused) this.#given.add(grant);
        if (refused.length > 0) await this.#write();
        return new NotYet(`${seen.state}\ngiven: ${this.given.join(" ")}`);
      },
      { withinMs: DEADLINE_MS, everyMs: 1_000 },
    );
  }

  async #write(): Promise<void> {
    const rules = this.given.map((grant) => ruleOf(grant, this.#role.rules));
    await stage().kube.patch(`${ROLES}/${this.#role.metadata.name}`, { rules });
    if (rules.length === 0) await stage().operator.kill();
  }
}

const isSettled = async (): Promise<true | NotYet> => {
  await store.settles(1_000);
  return true;
};

/** Changes each kind of child, deletes it, and what can be turned off is turned off. */
async function workToDo(ladder: Ladder): Promise<void> {
  await store.create({ monitoring: { dashboard: { enabled: true } } });
  await ladder.climb("the cluster is settled", isSettled);
  await store.scale(4);
  await ladder.climb("it has a fourth member", isSettled);
  await store.scale(3);
  await ladder.climb("it has three again", isSettled);
  await store.change({ podTemplate: { annotations: { "e2e/roll": "1" } } });
  await ladder.climb("it was rolled", isSettled);
  await store.change({ storage: { size: "640Mi" } });
  await ladder.climb("volumes have grown", async () => {
    const path = `/api/v1/namespaces/${store.namespace}/persistentvolumeclaims`;
    const claims = await stage().kube.list<KubeItem & { spec: { resources: object } }>(path);
    const told = claims.map(({ spec }) => JSON.stringify(spec.resources));
    return told.every((text) => text.includes("640Mi")) || new NotYet(told.join());
  });
  const off = { enabled: false };
  await store.change({
    networkPolicy: off,
    monitoring: { serviceMonitor: off, prometheusRule: off, dashboard: off },
  });
  await ladder.climb("what was turned off is gone", async () => {
    const { namespace } = store;
    const listed = "networkpolicies,servicemonitors,prometheusrules,configmaps";
    const left = await stage().kube.kubectl(["-n", namespace, "get", listed, "-o", "name"]);
    const ours = left.split("\n").filter((name) => /\/kv(-dashboard)?$/.test(name));
    return ours.length === 0 || new NotYet(ours.join(", "));
  });
  await ladder.climb("it is settled in the end", isSettled);
}

test("the chart's rights are those that the operator was refused and missed", {
  timeout: 2 * DEADLINE_MS,
}, async (t) => {
  const ladder = await Ladder.begin();
  await ladder.climb("the operator is ready", async () => {
    const ready = (await stage().operator.pods()).filter(isReady).length;
    return ready === 2 || new NotYet(`${ready} ready`);
  });
  await workToDo(ladder);
  stage().measure(t, { "rights given by the chart": ladder.wanted.length });
  const unmissed = ladder.wanted.filter((grant) => !ladder.given.includes(grant));
  assert.deepEqual(unmissed, [], "rights that were never missed");
});
