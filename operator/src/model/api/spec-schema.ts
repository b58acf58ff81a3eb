/** Schema of `spec`: every field's type, bounds, default, meaning and rules. `{}` is legal. */
import { type JsonSchema, schemaOf } from "@kvcluster/protocol";
import Type from "typebox";
import { authSchema } from "./auth-schema.ts";
import {
  annotations,
  checked,
  flag,
  labels,
  list,
  objectName,
  oneOf,
  opaque,
  quantityMap,
  text,
  textMap,
  whole,
} from "./fields.ts";
import type {
  KVClusterSpec,
  MonitoringSpec,
  NetworkPolicySpec,
  PodTemplateSpec,
  RaftSpec,
  RepairSpec,
  ResourceList,
  ServiceSpec,
  StorageSpec,
} from "./types.ts";

const retention = ["Retain", "Delete"] as const;

const storage: JsonSchema<StorageSpec> = schemaOf<StorageSpec>()(
  Type.Object(
    {
      size: text("Size of each node's volume. It may grow when the class allows it.", {
        max: 32,
        default: "10Gi",
        rules: [
          {
            rule: "isQuantity(self)",
            message: "must be a quantity such as 10Gi",
          },
          {
            rule: "!isQuantity(self) || quantity(self).compareTo(quantity('256Mi')) >= 0",
            message: "must be at least 256Mi: log, state and a reserve do not fit into less",
          },
          {
            rule:
              "!isQuantity(self) || !isQuantity(oldSelf) || " +
              "quantity(self).compareTo(quantity(oldSelf)) >= 0",
            message:
              "a volume cannot shrink: give the former size or a larger one (for smaller volumes " +
              "make a new KVCluster and copy the data)",
          },
        ],
      }),
      storageClassName: Type.Optional(
        text("Storage class of the volumes. Left out: the default class. Immutable.", {
          min: 0,
          max: 253,
        }),
      ),
      retention: Type.Object(
        {
          whenDeleted: oneOf(
            "Volume claims and generated Secrets when the KVCluster is deleted. A KVCluster of " +
              "the same name adopts retained ones.",
            { values: retention, default: "Retain" },
          ),
          whenScaled: oneOf("The volume claim of a member that a scale-down removed.", {
            values: retention,
            default: "Delete",
          }),
        },
        { description: "What becomes of data that is no longer served." },
      ),
    },
    {
      description: "The nodes' volumes.",
      ...checked([
        {
          rule:
            "has(self.storageClassName) == has(oldSelf.storageClassName) && " +
            "(!has(self.storageClassName) || self.storageClassName == oldSelf.storageClassName)",
          message:
            "storageClassName is immutable: put the former value back (for another class make a " +
            "new KVCluster and copy the data)",
        },
      ]),
    },
  ),
);

const resources: JsonSchema<ResourceList> = schemaOf<ResourceList>()(
  Type.Object(
    {
      requests: Type.Optional(quantityMap("What the scheduler sets aside.")),
      limits: Type.Optional(quantityMap("What the container may use at most.")),
    },
    {
      description: "Resources of the node's container, as in a pod. A change rolls the pods.",
      default: { requests: { cpu: "100m", memory: "256Mi" } },
      ...checked([
        {
          rule:
            "!has(self.requests) || !has(self.limits) || self.requests.all(k, " +
            "!(k in self.limits) || !isQuantity(string(self.requests[k])) || " +
            "!isQuantity(string(self.limits[k])) || quantity(string(self.requests[k]))" +
            ".compareTo(quantity(string(self.limits[k]))) <= 0)",
          message: "a request is above its limit: raise the limit or lower the request",
        },
      ]),
    },
  ),
);

const encryption = Type.Object(
  {
    secretName: Type.Optional(
      objectName(
        "A Secret of yours with the key ring in its key `key-ring.json`. Left out: the operator " +
          "generates `NAME-keyring`. Immutable; keys are rotated inside the Secret.",
      ),
    ),
  },
  {
    description: "Encryption of values at rest.",
    ...checked([
      {
        rule:
          "has(self.secretName) == has(oldSelf.secretName) && " +
          "(!has(self.secretName) || self.secretName == oldSelf.secretName)",
        message:
          "secretName is immutable, for stored values need its keys: put the former value back " +
          "and rotate keys inside that Secret",
      },
    ]),
  },
);

const service: JsonSchema<ServiceSpec> = schemaOf<ServiceSpec>()(
  Type.Object(
    {
      type: oneOf("Type of the Service.", {
        values: ["ClusterIP", "NodePort", "LoadBalancer"],
        default: "ClusterIP",
      }),
      annotations: annotations("Annotations of the Service, for example for a load balancer."),
      labels: labels("Labels of the Service."),
    },
    { description: "The Service for clients, `NAME` on port 5000." },
  ),
);

const monitoring: JsonSchema<MonitoringSpec> = schemaOf<MonitoringSpec>()(
  Type.Object(
    {
      serviceMonitor: Type.Object(
        {
          enabled: flag("Make it.", true),
          interval: text("How often Prometheus scrapes.", {
            max: 16,
            default: "30s",
            rules: [
              {
                rule: "self.matches('^[1-9][0-9]?[0-9]?[sm]$') && duration(self) <= duration('2m')",
                message:
                  "must be a number of seconds or minutes such as 30s, at most 2m: the alerts " +
                  "look back over five minutes",
              },
            ],
          }),
          labels: labels("Labels that a Prometheus selects it by, such as `release`."),
        },
        { description: "A ServiceMonitor, once the API server knows that kind." },
      ),
      prometheusRule: Type.Object(
        {
          enabled: flag("Make it.", true),
          labels: labels("Labels that a Prometheus selects it by, such as `release`."),
        },
        { description: "A PrometheusRule with the alerts, once the API server knows that kind." },
      ),
      dashboard: Type.Object(
        {
          enabled: flag("Make it.", false),
          labels: labels('Labels of the ConfigMap, beside `grafana_dashboard: "1"`.'),
        },
        { description: "A ConfigMap with a dashboard, for the sidecar of Grafana." },
      ),
    },
    { description: "What Prometheus and Grafana are told." },
  ),
);

const networkPolicy: JsonSchema<NetworkPolicySpec> = schemaOf<NetworkPolicySpec>()(
  Type.Object(
    {
      enabled: flag("Make it.", true),
      clients: list(opaque("A `NetworkPolicyPeer`."), {
        description:
          "Who may reach the client port. Empty: every pod. The peer port is open to the " +
          "cluster's own nodes only.",
        max: 64,
        default: [],
      }),
    },
    { description: "The NetworkPolicy of the nodes." },
  ),
);

const raft: JsonSchema<RaftSpec> = schemaOf<RaftSpec>()(
  Type.Object(
    {
      electionTimeoutMs: whole(
        "Without a leader for so long, up to twice as long, a follower campaigns. Milliseconds.",
        { min: 250, max: 60_000, default: 700 },
      ),
      heartbeatIntervalMs: whole("A leader shows itself so often. Milliseconds.", {
        min: 50,
        max: 10_000,
        default: 100,
      }),
      entriesKept: whole("Log entries kept for followers that lag, before a snapshot is sent.", {
        min: 100,
        max: 100_000,
        default: 10_000,
      }),
    },
    {
      description: "Consensus. The defaults suit nodes within one region. A change rolls the pods.",
      ...checked([
        {
          rule: "self.electionTimeoutMs >= 5 * self.heartbeatIntervalMs",
          message:
            "electionTimeoutMs must be at least 5 times heartbeatIntervalMs: raise the former or " +
            "lower the latter",
        },
      ]),
    },
  ),
);

const repair: JsonSchema<RepairSpec> = schemaOf<RepairSpec>()(
  Type.Object(
    {
      enabled: flag("Replace members whose volume is lost or whose pod cannot come back.", true),
      replaceAfterSeconds: whole("A member is away for so long before it is replaced. Seconds.", {
        min: 30,
        max: 604_800,
        default: 600,
      }),
      replacementsPerDayMax: whole("Replacements within 24 hours, all members together.", {
        min: 1,
        max: 100,
        default: 3,
      }),
    },
    { description: "Replacement of lost members, one at a time and never below a quorum." },
  ),
);

const nameOnly = Type.Object({ name: objectName("Name of a Secret.") });

const podTemplate: JsonSchema<PodTemplateSpec> = schemaOf<PodTemplateSpec>()(
  Type.Object(
    {
      labels: labels("Labels of the pods."),
      annotations: annotations("Annotations of the pods."),
      nodeSelector: Type.Optional(
        textMap("Labels that a Kubernetes node must have.", { valueMax: 63, max: 32 }),
      ),
      affinity: Type.Optional(opaque("`Affinity`. Left out: nodes are spread over hosts.")),
      tolerations: Type.Optional(
        list(opaque("A `Toleration`."), { description: "Taints that are tolerated.", max: 64 }),
      ),
      topologySpreadConstraints: Type.Optional(
        list(opaque("A `TopologySpreadConstraint`."), {
          description: "Instead of the operator's: spread over zones and hosts where possible.",
          max: 16,
        }),
      ),
      priorityClassName: Type.Optional(objectName("Priority class of the pods.")),
      imagePullSecrets: Type.Optional(
        list(nameOnly, {
          description: "Secrets to pull the image with.",
          max: 16,
          unique: "name",
        }),
      ),
    },
    { description: "Laid over the pods that the operator makes. A change rolls the pods." },
  ),
);

/** `spec`. */
export const specSchema: JsonSchema<KVClusterSpec> = schemaOf<KVClusterSpec>()(
  Type.Object(
    {
      replicas: whole("Nodes. Odd is advised. 0 stops the nodes and keeps their data.", {
        min: 0,
        max: 9,
        default: 3,
      }),
      image: Type.Optional(
        text("Image of the nodes. Left out: what the cluster was made with. A change rolls.", {
          max: 512,
          rules: [
            {
              rule: "self.matches('^[^\\\\s@]+(@sha256:[0-9a-f]{64})?$')",
              message: "must be an image such as registry.example/kvcluster/node:1.2.3",
            },
          ],
        }),
      ),
      imagePullPolicy: oneOf("When the image is pulled.", {
        values: ["IfNotPresent", "Always", "Never"],
        default: "IfNotPresent",
      }),
      storage,
      resources,
      auth: authSchema,
      encryption,
      service,
      monitoring,
      networkPolicy,
      raft,
      repair,
      logLevel: oneOf("Least severe level that the nodes log. A change rolls the pods.", {
        values: ["trace", "debug", "info", "warn", "error"],
        default: "info",
      }),
      podTemplate,
      updatePolicy: Type.Object(
        { pause: flag("Pods keep running as they are; changes that need a restart wait.", false) },
        { description: "Rolling updates." },
      ),
      paused: flag("The operator looks and writes status, and changes nothing.", false),
    },
    { description: "What is wanted. `spec: {}` is a cluster of three nodes." },
  ),
);
