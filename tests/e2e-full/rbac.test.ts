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
  readonly verbs: readonly string[];
}

interface Role extends KubeItem {
  readonly rules: readonly Rule[];
}

const RBAC = "/apis/rbac.authorization.k8s.io/v1";
const SELECTOR = encodeURIComponent("app.kubernetes.io/instance=kvcluster-operator");
const DEADLINE_MS = 900_000;
/** Needed where an admission plugin is on that the lab has not: owner-references.test.ts. */
const neededElsewhere: ReadonlySet<string> = new Set(["kvcluster.io|kvclusters/finalizers|update"]);

/** `group|resource|verb`: the smallest thing that can be granted. */
const grantsOf = (rules: readonly Rule[]): readonly string[] =>
  rules.flatMap(({ apiGroups = [], resources = [], verbs }) =>
    apiGroups.flatMap((group) =>
      resources.flatMap((resource) => verbs.map((verb) => `${group}|${resource}|${verb}`)),
    ),
  );

function ruleOf(grant: string, rules: readonly Rule[]): Rule {
  const [group = "", resource = "", verb = ""] = grant.split("|");
  const named = rules.find((rule) => grantsOf([rule]).includes(grant));
  const only = named?.resourceNames === undefined ? {} : { resourceNames: named.resourceNames };
  return { apiGroups: [group], resources: [resource], verbs: [verb], ...only };
}

/** The API server's words, within JSON: quotes may be escaped. */
const REFUSED = /cannot (\w+) resource \\*"([^"\\]+)\\*" in API group \\*"([^"\\]*)\\*"/g;

/** What is said where Secrets are dealt with goes into no log: only that it was refused. */
const UNTOLD = /(GET|POST|PATCH) \S+\/(?:(secrets)\S*|(persistentvolumeclaims)\/\S+) answered 403/g;
const verbOf: Readonly<Record<string, string>> = { GET: "get", POST: "create", PATCH: "patch" };

/** What the API server refused lately, by what the operator logged of it. */
async function refusals(): Promise<ReadonlySet<string>> {
  const found = new Set<string>();
  for (const { metadata } of await stage().operator.pods()) {
    const { namespace } = stage().operator;
    const flags = ["-n", namespace, "logs", metadata.name, "--since=30s"];
    const log = await stage()
      .kube.kubectl(flags)
      .catch(() => "");
    for (const [, verb, resource, group] of log.matchAll(REFUSED)) {
      found.add(`${group}|${resource}|${verb}`);
    }
    for (const [, method = "", secrets, claims] of log.matchAll(UNTOLD)) {
      found.add(`|${secrets ?? claims}|${verbOf[method]}`);
    }
  }
  return found;
}

/** One of the operator's roles, from nothing to what it was given. */
class RoleInHand {
  readonly #path: string;
  readonly #rules: readonly Rule[];
  readonly given = new Set<string>();

  constructor(path: string, rules: readonly Rule[]) {
    this.#path = path;
    this.#rules = rules;
  }

  get wanted(): readonly string[] {
    return grantsOf(this.#rules);
  }

  async write(): Promise<void> {
    const rules = [...this.given].map((grant) => ruleOf(grant, this.#rules));
    await stage().kube.patch(this.#path, { rules });
  }
}

class Ladder {
  readonly #roles: readonly RoleInHand[];

  private constructor(roles: readonly RoleInHand[]) {
    this.#roles = roles;
  }

  /** Takes everything away and starts the operator again. */
  static async begin(): Promise<Ladder> {
    const { operator, namespace, kube } = stage();
    const folders = [
      `${RBAC}/clusterroles`,
      `${RBAC}/namespaces/${namespace}/roles`,
      `${RBAC}/namespaces/${operator.namespace}/roles`,
    ];
    const roles: RoleInHand[] = [];
    for (const folder of folders) {
      for (const role of await kube.list<Role>(`${folder}?labelSelector=${SELECTOR}`)) {
        // Roles for people have the operator's labels, too.
        if (role.metadata.labels?.["rbac.authorization.k8s.io/aggregate-to-view"]) continue;
        if (/-(view|edit|admin)$/.test(role.metadata.name)) continue;
        roles.push(new RoleInHand(`${folder}/${role.metadata.name}`, role.rules));
      }
    }
    assert.equal(roles.length, 3, "a ClusterRole, one for the KVClusters, one for the Lease");
    for (const role of roles) await role.write();
    const lease = "/apis/coordination.k8s.io/v1/namespaces";
    await kube.text(`${lease}/${operator.namespace}/leases/kvcluster-operator`, {
      method: "DELETE",
    });
    await operator.kill();
    return new Ladder(roles);
  }

  get wanted(): readonly string[] {
    return this.#roles.flatMap(({ wanted }) => wanted);
  }

  get given(): readonly string[] {
    return this.#roles.flatMap(({ given }) => [...given]);
  }

  /** Gives what was refused until `look` is content. */
  async climb(what: string, look: () => Promise<true | NotYet>): Promise<void> {
    await becomes(
      what,
      async () => {
        const seen = await look().catch((error: unknown) => new NotYet(String(error)));
        const refused = await refusals();
        const stray = [...refused].filter((grant) => !this.wanted.includes(grant));
        assert.deepEqual(stray, [], "the operator asks for what the chart does not give");
        for (const role of this.#roles) await giveTo(role, refused);
        if (seen === true) return true;
        return new NotYet(`${seen.state}\ngiven: ${this.given.join(" ")}`);
      },
      { withinMs: DEADLINE_MS, everyMs: 1_000 },
    );
  }
}

async function giveTo(role: RoleInHand, refused: ReadonlySet<string>): Promise<void> {
  const { given, wanted } = role;
  const missed = wanted.filter((grant) => refused.has(grant) && !given.has(grant));
  for (const grant of missed) given.add(grant);
  if (missed.length > 0) await role.write();
}

const isSettled = async (): Promise<true | NotYet> => {
  await store.settles(1_000);
  return true;
};

/** Changes each kind of child, deletes it, and what can be turned off is turned off. */
async function workToDo(ladder: Ladder): Promise<void> {
  await store.create({ monitoring: { dashboard: { enabled: true } } });
  await ladder.climb("the cluster is settled", isSettled);
  await scaleThereAndBack(ladder);
  await store.change({ podTemplate: { annotations: { "e2e/roll": "1" } } });
  await ladder.climb("it was rolled", isSettled);
  await replaceStuckPod(ladder);
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
  const retention = { whenDeleted: "Delete", whenScaled: "Delete" };
  await store.change({ storage: { retention } });
  await ladder.climb("claims and Secrets will go with the cluster", async () => {
    const { namespace } = store;
    const secret = await stage().kube.get(`/api/v1/namespaces/${namespace}/secrets/kv-auth`);
    const owned = [secret, ...(await store.claims())].filter(
      ({ metadata }) => (metadata.ownerReferences ?? []).length > 0,
    );
    return owned.length === 4 || new NotYet(`${owned.length} of 4 are owned`);
  });
  await replaceHeadlessService(ladder);
  // To an operator that was started since, an Event of before is one to be told again.
  await scaleThereAndBack(ladder);
}

async function scaleThereAndBack(ladder: Ladder): Promise<void> {
  for (const replicas of [4, 3]) {
    await store.scale(replicas);
    await ladder.climb(`it has ${replicas} members`, isSettled);
  }
}

/** A pod that does not run is deleted; one that does is evicted. */
async function replaceStuckPod(ladder: Ladder): Promise<void> {
  await store.change({ image: "docker.io/kvcluster/node:no-such-tag" });
  await ladder.climb("a pod has no image", async () => {
    const told = JSON.stringify((await store.status()).conditions);
    return /ImagePull|ErrImage|no-such-tag/.test(told) || new NotYet(told);
  });
  await store.change({ image: stage().images.node });
  await ladder.climb("it was replaced", isSettled);
}

/** The one child that can only be put right by making it anew. */
async function replaceHeadlessService(ladder: Ladder): Promise<void> {
  const path = `/api/v1/namespaces/${store.namespace}/services/kv-peers`;
  const service = await stage().kube.get<KubeItem & { spec: { clusterIP?: string } }>(path);
  const { clusterIP: _, ...rest } = service.spec;
  const spec = { ...rest, clusterIPs: undefined, ports: undefined };
  const { name, namespace, labels, ownerReferences } = service.metadata;
  await stage().operator.scale(0);
  await stage().kube.text(path, { method: "DELETE" });
  await stage().kube.apply({
    ...{ apiVersion: "v1", kind: "Service" },
    metadata: { name, namespace, labels, ownerReferences },
    spec: { ...spec, ports: [{ name: "http", port: 5_000 }] },
  });
  await stage().operator.scale(2);
  await ladder.climb("the Service has no address again", async () => {
    const now = await stage().kube.get<KubeItem & { spec: { clusterIP?: string } }>(path);
    return now.spec.clusterIP === "None" || new NotYet(`${now.spec.clusterIP}`);
  });
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
  const unmissed = ladder.wanted.filter(
    (grant) => !ladder.given.includes(grant) && !neededElsewhere.has(grant),
  );
  assert.deepEqual(unmissed, [], "rights that were never missed");
});
