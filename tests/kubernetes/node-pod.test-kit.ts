/**
 * One node in a pod, as strict as the operator makes it but made by hand, and a pod of an
 * application beside it with nothing but a projected service-account token.
 */
import { randomBytes } from "node:crypto";
import type { Kube } from "../e2e/kubernetes/kube.test-kit.ts";

export const image = "docker.io/kvcluster/node:pod-test";
const secrets = "/etc/kvcluster/secrets";
const strict = {
  allowPrivilegeEscalation: false,
  readOnlyRootFilesystem: true,
  capabilities: { drop: ["ALL"] },
};
const ordinaryUser = (uid: number): object => ({
  runAsNonRoot: true,
  runAsUser: uid,
  runAsGroup: uid,
  fsGroup: uid,
  fsGroupChangePolicy: "OnRootMismatch",
  seccompProfile: { type: "RuntimeDefault" },
});

const nodeConfig = (issuer: string, audience: string): object => ({
  dataFolder: "/var/lib/kvcluster/data",
  keyRingFile: `${secrets}/keyring/key-ring.json`,
  listen: { http: "[::]:5000", peer: "[::]:5100", metrics: "[::]:8000" },
  peers: { secretFile: `${secrets}/peer/peer-secret` },
  auth: {
    policiesFile: "/etc/kvcluster/access/policies.yaml",
    reloadMs: 500,
    keys: [
      {
        name: "admin",
        algorithm: "HS256",
        file: `${secrets}/auth/jwt-secret`,
        issuer: "kvcluster",
        audiences: ["kvcluster"],
        grants: "trusted",
      },
      {
        name: "kubernetes",
        jwksFile: "/etc/kvcluster/access/jwks.json",
        issuer,
        audiences: [audience],
        grants: "policies",
      },
    ],
  },
});

const secret = (name: string, stringData: object): object => ({
  apiVersion: "v1",
  kind: "Secret",
  metadata: { name: `store-${name}` },
  stringData,
});

const configMap = (name: string, data: object): object => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name: `store-${name}` },
  data,
});

const mount = (name: string, mountPath: string): object => ({ name, mountPath });
const secretVolume = (name: string): object => ({
  name,
  secret: { secretName: `store-${name}`, defaultMode: 0o400 },
});
const configVolume = (name: string): object => ({ name, configMap: { name: `store-${name}` } });

function nodePod(name: string): object {
  const config = "/etc/kvcluster/config/node.json";
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name },
    spec: {
      enableServiceLinks: false,
      automountServiceAccountToken: false,
      hostname: name,
      // No such Service: the node's own name is not in DNS, as that of a pod that just started.
      subdomain: "store-peers",
      securityContext: ordinaryUser(10_001),
      containers: [
        {
          name: "node",
          image,
          imagePullPolicy: "IfNotPresent",
          args: ["--config", config],
          env: [
            { name: "KVCLUSTER_NAME", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } },
            {
              name: "KVCLUSTER_ADVERTISE_PEER_ADDRESS",
              value: "$(KVCLUSTER_NAME).store-peers:5100",
            },
            {
              name: "KVCLUSTER_ADVERTISE_CLIENT_ADDRESS",
              value: "http://$(KVCLUSTER_NAME).store-peers:5000",
            },
          ],
          securityContext: strict,
          readinessProbe: { httpGet: { path: "/livez", port: 5000 }, periodSeconds: 1 },
          lifecycle: {
            preStop: {
              exec: { command: ["node", "/app/node/dist/pre-stop.js", "--config", config] },
            },
          },
          volumeMounts: [
            mount("data", "/var/lib/kvcluster"),
            mount("config", "/etc/kvcluster/config"),
            mount("access", "/etc/kvcluster/access"),
            ...["auth", "keyring", "peer"].map((one) => mount(one, `${secrets}/${one}`)),
          ],
        },
      ],
      volumes: [
        { name: "data", persistentVolumeClaim: { claimName: "data" } },
        ...["config", "access"].map(configVolume),
        ...["auth", "keyring", "peer"].map(secretVolume),
      ],
    },
  };
}

/** Its tokens: for the store and for something else. */
function applicationPod(name: string, audience: string): object {
  const token = (path: string, wanted: string): object => ({
    serviceAccountToken: { path, audience: wanted, expirationSeconds: 600 },
  });
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name },
    spec: {
      serviceAccountName: name,
      automountServiceAccountToken: false,
      securityContext: ordinaryUser(10_002),
      containers: [
        {
          name: "app",
          image: "docker.io/library/node:26-slim",
          imagePullPolicy: "IfNotPresent",
          command: ["sleep", "3600"],
          securityContext: strict,
          volumeMounts: [mount("tokens", "/tokens")],
        },
      ],
      volumes: [
        {
          name: "tokens",
          projected: { sources: [token("store", audience), token("other", "other/store")] },
        },
      ],
    },
  };
}

export class NodePod {
  readonly namespace: string;
  readonly #kube: Kube;

  constructor(kube: Kube, namespace: string) {
    this.#kube = kube;
    this.namespace = namespace;
  }

  /** A restricted namespace with the node `store-0` and the applications `web` and `stranger`. */
  async make(): Promise<void> {
    const labels = { "pod-security.kubernetes.io/enforce": "restricted" };
    const metadata = { name: this.namespace, labels };
    await this.#kube.apply({ apiVersion: "v1", kind: "Namespace", metadata });
    const { issuer } = await this.#kube.get<{ readonly issuer: string }>(
      "/.well-known/openid-configuration",
    );
    const audience = `${this.namespace}/store`;
    const match = { iss: issuer, sub: `system:serviceaccount:${this.namespace}:web` };
    const grants = [{ prefix: "shop/", verbs: ["read", "write"] }];
    const key = randomBytes(32).toString("base64");
    const ring = { version: 1, id: "ring-1", active: "key-1", keys: { "key-1": key } };
    const accounts = ["web", "stranger"].map((name) => ({
      apiVersion: "v1",
      kind: "ServiceAccount",
      metadata: { name },
    }));
    await this.#apply(
      configMap("config", { "node.json": JSON.stringify(nodeConfig(issuer, audience)) }),
      configMap("access", {
        "policies.yaml": JSON.stringify({ policies: [{ name: "web", match, grants }] }),
        "jwks.json": await this.#kube.text("/openid/v1/jwks"),
      }),
      secret("auth", { "jwt-secret": randomBytes(32).toString("hex") }),
      secret("peer", { "peer-secret": randomBytes(32).toString("hex") }),
      secret("keyring", { "key-ring.json": JSON.stringify(ring) }),
      {
        apiVersion: "v1",
        kind: "PersistentVolumeClaim",
        metadata: { name: "data" },
        spec: {
          accessModes: ["ReadWriteOnce"],
          resources: { requests: { storage: "320Mi" } },
        },
      },
      ...accounts,
      ...["web", "stranger"].map((name) => applicationPod(name, audience)),
    );
  }

  async start(): Promise<void> {
    await this.#apply(nodePod("store-0"));
    const ready = ["wait", "--for=condition=Ready", "--timeout=120s", "pod", "--all"];
    await this.#kube.kubectl(["-n", this.namespace, ...ready], { timeoutMs: 130_000 });
  }

  /** In order, with the hook. */
  async stop(): Promise<void> {
    const stopping = ["delete", "pod", "store-0", "--timeout=60s"];
    await this.#kube.kubectl(["-n", this.namespace, ...stopping]);
  }

  /** The `kv` of the node's own image, with the secret that is mounted there. */
  async kv(...command: readonly string[]): Promise<string> {
    const environment = [
      "KV_ENDPOINTS=http://127.0.0.1:5000",
      `KV_SECRET_FILE=${secrets}/auth/jwt-secret`,
    ];
    return await this.in("store-0", ["env", ...environment, "kv", ...command]);
  }

  async in(pod: string, command: readonly string[]): Promise<string> {
    return await this.#kube.kubectl(["-n", this.namespace, "exec", pod, "--", ...command]);
  }

  /** The status that an application's request gets, with one of its tokens. */
  async ask(pod: string, token: string, request: string): Promise<string> {
    const [method = "", path = ""] = request.split(" ");
    const { podIP } = (
      await this.#kube.get<{ readonly status: { readonly podIP: string } }>(
        `/api/v1/namespaces/${this.namespace}/pods/store-0`,
      )
    ).status;
    const body = method === "PUT" ? "-d x" : "";
    const header = `"Authorization: Bearer $(cat /tokens/${token})"`;
    const url = `http://${podIP}:5000${path}`;
    const curl = `curl -s -m 10 -o /dev/null -w '%{http_code}' -X ${method} ${body} -H ${header}`;
    return await this.in(pod, ["sh", "-c", `${curl} ${url}`]);
  }

  async remove(): Promise<void> {
    await this.#kube.kubectl(["delete", "namespace", this.namespace, "--wait=false"]);
  }

  async #apply(...objects: readonly object[]): Promise<void> {
    const items = objects;
    const input = JSON.stringify({ apiVersion: "v1", kind: "List", items });
    await this.#kube.kubectl(["-n", this.namespace, "apply", "-f", "-"], { input });
  }
}
