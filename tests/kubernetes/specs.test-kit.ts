/** A legal spec that uses every field, and ways to change one field of it. */
import { isJsonObject, type Json, type JsonObject } from "../../operator/src/model/index.ts";

const quantities = { cpu: "500m", memory: "1Gi" };

/** Every field of the schema is in it: a test holds it to that. */
export const fullSpec: JsonObject = {
  replicas: 5,
  image: "registry.example:5000/kvcluster/node:1.2.3",
  imagePullPolicy: "Always",
  storage: {
    size: "20Gi",
    storageClassName: "fast",
    retention: { whenDeleted: "Delete", whenScaled: "Retain" },
  },
  resources: { requests: quantities, limits: { cpu: 2, memory: "2Gi" } },
  auth: {
    serviceAccountTokens: true,
    audiences: ["store", "https://store.example"],
    issuers: [
      {
        name: "corporate",
        issuer: "https://login.example",
        audiences: ["kv"],
        jwks: { configMapKeyRef: { name: "login", key: "jwks.json" } },
      },
      {
        name: "partner",
        issuer: "https://partner.example",
        audiences: ["kv"],
        publicKey: { algorithm: "ES256", configMapKeyRef: { name: "partner", key: "key.pem" } },
      },
    ],
    policies: [
      {
        name: "app",
        serviceAccounts: [{ name: "app" }, { name: "job", namespace: "batch" }],
        namespaces: ["batch"],
        claims: { issuer: "https://login.example", match: { groups: ["kv-users", "kv-admins"] } },
        grants: [
          { prefix: "app/", verbs: ["read", "write"] },
          { prefix: "", verbs: ["admin"] },
        ],
      },
    ],
  },
  encryption: { secretName: "my-ring" },
  service: {
    type: "LoadBalancer",
    annotations: { "example.com/Pool": "internal" },
    labels: { team: "storage" },
  },
  monitoring: {
    serviceMonitor: { enabled: true, interval: "15s", labels: { release: "prometheus" } },
    prometheusRule: { enabled: false, labels: { release: "prometheus" } },
    dashboard: { enabled: true, labels: { "example.com/folder": "Stores" } },
  },
  networkPolicy: {
    enabled: true,
    clients: [{ namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": "shop" } } }],
  },
  raft: { electionTimeoutMs: 60_000, heartbeatIntervalMs: 50, entriesKept: 5000 },
  repair: { enabled: true, replaceAfterSeconds: 300, replacementsPerDayMax: 2 },
  logLevel: "debug",
  podTemplate: {
    labels: { team: "storage" },
    annotations: { "example.com/owner": "storage" },
    nodeSelector: { disk: "ssd" },
    affinity: { podAntiAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [] } },
    tolerations: [{ key: "dedicated", operator: "Exists" }],
    topologySpreadConstraints: [
      { maxSkew: 1, topologyKey: "zone", whenUnsatisfiable: "ScheduleAnyway" },
    ],
    priorityClassName: "high",
    imagePullSecrets: [{ name: "registry" }],
  },
  updatePolicy: { pause: false },
  paused: true,
};

/** Steps into a value: names of fields and places in lists. */
export type Path = readonly (string | number)[];

/** `value` with what is at `path` put there; `undefined` takes the field out. */
export function put(value: Json, path: Path, replacement: Json | undefined): Json {
  const [step, ...rest] = path;
  if (step === undefined) return replacement ?? null;
  if (typeof step === "number") {
    const list = Array.isArray(value) ? value : [];
    return list.map((item, i) => (i === step ? put(item, rest, replacement) : item));
  }
  const object = isJsonObject(value) ? value : {};
  if (rest.length === 0 && replacement === undefined) {
    return Object.fromEntries(Object.entries(object).filter(([name]) => name !== step));
  }
  return { ...object, [step]: put(object[step] ?? {}, rest, replacement) };
}

/** What is at `path`. */
export function at(value: Json, path: Path): Json | undefined {
  const [step, ...rest] = path;
  if (step === undefined) return value;
  const next: unknown = Reflect.get(Object(value), step);
  return next === undefined ? undefined : at(JSON.parse(JSON.stringify(next)), rest);
}

/** As the API server writes a path: `spec.auth.policies[0].name`. */
export const shownPath = (path: Path): string =>
  ["spec", ...path]
    .reduce<string>(
      (shown, step) => (typeof step === "number" ? `${shown}[${step}]` : `${shown}.${step}`),
      "",
    )
    .slice(1);
