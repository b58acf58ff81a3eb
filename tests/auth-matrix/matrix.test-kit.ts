/**
 * The real server with real token checks over the state machine in memory, every route that fastify
 * was ever told of, and a request for each of them that only access control could refuse.
 */
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import type { Grant, Verb } from "@kvcluster/protocol";
import type { FastifyInstance, InjectOptions, LightMyRequestResponse } from "fastify";
import { pino } from "pino";
import { MemoryNode, makeSealer } from "../../node/src/api/api.test-kit.ts";
import {
  audience,
  issuer,
  keySetText,
  makeAuthConfig,
  makeFolder,
  makeKeyConfig,
  makeKeyPair,
  makeKeySetConfig,
  makeSecret,
  type Signer,
  signToken,
  type TestFolder,
  type TestKeyPair,
} from "../../node/src/api/auth/auth.test-kit.ts";
import { openAuth } from "../../node/src/api/auth/index.ts";
import { createHttpServer } from "../../node/src/api/create.ts";
import type { ApiServer } from "../../node/src/api/http-server.ts";
import { type Config, loadConfig } from "../../node/src/config/index.ts";

/** Issuer of tokens whose key is not trusted to grant. */
export const foreignIssuer = "https://foreign.test";
/** Issuer of a Kubernetes cluster, whose keys come as a key set. */
export const kubernetesIssuer = "https://kubernetes.default.svc";
/** `NAMESPACE/NAME` of the store, as the operator has it. */
export const kubernetesAudience = "data/store";

export interface RegisteredRoute {
  readonly method: string;
  /** As fastify has it. */
  readonly url: string;
}

/** Keys of the issuers, made once: RSA keys take a while. */
export const signers: {
  readonly secret: ReturnType<typeof makeSecret>;
  readonly rsa: TestKeyPair;
  readonly ecdsa: TestKeyPair;
  readonly eddsa: TestKeyPair;
  readonly stranger: ReturnType<typeof makeSecret>;
  readonly rsaStranger: TestKeyPair;
  /** In the key set, with the kid `current`. */
  readonly kubernetes: TestKeyPair;
  /** In the key set, with the kid `next`. */
  readonly kubernetesNext: TestKeyPair;
  /** Of the same API server, no longer in the key set. */
  readonly kubernetesOld: TestKeyPair;
} = {
  secret: makeSecret(),
  rsa: makeKeyPair("RS256"),
  ecdsa: makeKeyPair("ES256"),
  eddsa: makeKeyPair("EdDSA"),
  stranger: makeSecret(),
  rsaStranger: makeKeyPair("RS256"),
  kubernetes: makeKeyPair("RS256"),
  kubernetesNext: makeKeyPair("RS256"),
  kubernetesOld: makeKeyPair("RS256"),
};

/** As the API server publishes it under /openid/v1/jwks. */
export const kubernetesKeySet: string = keySetText(
  { use: "sig", alg: "RS256", kid: "current", ...signers.kubernetes.publicJwk },
  { use: "sig", alg: "RS256", kid: "next", ...signers.kubernetesNext.publicJwk },
);

export interface Matrix extends AsyncDisposable {
  readonly server: ApiServer;
  readonly node: MemoryNode;
  /** Every route that was registered with fastify, however it came there. */
  readonly routes: readonly RegisteredRoute[];
  readonly logged: string[];
  send(options: InjectOptions, token: string | null): Promise<LightMyRequestResponse>;
}

function loadTestConfig(folder: TestFolder): Config {
  const config = loadConfig({
    argv: [
      "--name=node-1",
      "--dataFolder=/nowhere",
      "--keyRingFile=/nowhere",
      "--peers.secretFile=/nowhere",
      `--auth.keys=${JSON.stringify([makeKeyConfig({ file: folder.write("secret", "") })])}`,
    ],
    env: {},
    readFile: () => "",
  });
  const foreign = { issuer: foreignIssuer, grants: "policies" } as const;
  const { secret, rsa, ecdsa, eddsa } = signers;
  const pem = (name: string, text: string): string => folder.write(`${name}.pem`, text, 0o644);
  const keys = [
    makeKeyConfig({ name: "hs", file: folder.write("secret", secret.secret) }),
    makeKeyConfig({ name: "rs", algorithm: "RS256", file: pem("rs", rsa.publicPem), ...foreign }),
    makeKeyConfig({ name: "es", algorithm: "ES256", file: pem("es", ecdsa.publicPem) }),
    makeKeyConfig({ name: "ed", algorithm: "EdDSA", file: pem("ed", eddsa.publicPem) }),
    makeKeySetConfig({
      name: "kubernetes",
      jwksFile: folder.write("jwks.json", kubernetesKeySet, 0o644),
      issuer: kubernetesIssuer,
      audiences: [kubernetesAudience],
    }),
  ];
  const policies = JSON.stringify({ policies: testPolicies });
  return { ...config, auth: makeAuthConfig(keys, folder.write("policies.yaml", policies)) };
}

const testPolicies = [
  {
    name: "shop",
    match: { iss: foreignIssuer, sub: "system:serviceaccount:shop:*" },
    grants: [{ prefix: "app/", verbs: ["read", "write"] }],
  },
  {
    name: "one-account",
    match: { iss: kubernetesIssuer, sub: "system:serviceaccount:shop:web" },
    grants: [{ prefix: "shop/", verbs: ["read", "write"] }],
  },
  {
    name: "whole-namespace",
    match: { iss: kubernetesIssuer, "kubernetes.io.namespace": "shop" },
    grants: [{ prefix: "config/", verbs: ["read"] }],
  },
];

/** Watches fastify itself, so that a route is seen whoever registers it. */
function watchRoutes(routes: RegisteredRoute[]): () => void {
  const onFastify = (message: unknown): void => {
    const { fastify } = message as { fastify: FastifyInstance };
    fastify.addHook("onRoute", ({ method, url }) => {
      for (const one of [method].flat()) routes.push({ method: one, url });
    });
  };
  subscribe("fastify.initialization", onFastify);
  return () => unsubscribe("fastify.initialization", onFastify);
}

export async function makeMatrix(): Promise<Matrix> {
  const folder = makeFolder();
  const config = loadTestConfig(folder);
  const logged: string[] = [];
  const logger = pino({ level: "debug" }, { write: (line: string) => logged.push(line) });
  const auth = await openAuth({ config: config.auth, log: logger, nowMs: () => Date.now() });
  const node = new MemoryNode();
  const routes: RegisteredRoute[] = [];
  const stopWatching = watchRoutes(routes);
  const server = createHttpServer({
    node,
    authorizer: auth.authorizer,
    sealer: makeSealer(),
    config,
    metrics: { finished: () => {} },
    metricsPage: { contentType: "text/plain", render: async () => "up 1\n" },
    logger,
    version: "0.0.0-test",
  });
  stopWatching();
  return {
    server,
    node,
    routes,
    logged,
    send: (options, token) => {
      const authorization = token === null ? {} : { authorization: `Bearer ${token}` };
      return server.app.inject({ ...options, headers: { ...options.headers, ...authorization } });
    },
    [Symbol.asyncDispose]: async () => {
      await server.close();
      auth.close();
      folder[Symbol.dispose]();
    },
  };
}

/** Every verb but `verb`. */
export const otherVerbs = (verb: Verb): Verb[] =>
  (["read", "write", "admin"] as const).filter((other) => other !== verb);

/** Claims that every check lets pass now, with these grants. */
export function claimsFor(grants: readonly Grant[], change: object = {}): object {
  const seconds = Math.floor(Date.now() / 1000);
  const times = { iat: seconds - 5, nbf: seconds - 5, exp: seconds + 600 };
  return { iss: issuer, aud: audience, sub: "matrix", ...times, kv: grants, ...change };
}

/** A good token of the trusted secret. */
export const tokenFor = (grants: readonly Grant[], change: object = {}): string =>
  signToken(signers.secret, claimsFor(grants, change));

export const everything: readonly Grant[] = [{ prefix: "", verbs: ["read", "write", "admin"] }];

/** A token of the foreign issuer. */
export const foreignToken = (subject: string, signer: Signer = signers.rsa.signer): string =>
  signToken(signer, claimsFor(everything, { iss: foreignIssuer, sub: subject }));

/** Claims of a projected service-account token, as Kubernetes 1.37 makes them. */
export function serviceAccountClaims(namespace: string, name: string, change: object = {}): object {
  const account = { name, uid: "2a3d0b6e-5c62-4f0f-8a39-5f3e0a6d1c11" };
  const pod = { name: `${name}-0`, uid: "7f9c5f43-0f7e-4a3c-9d0e-6f1f7d1f2b22" };
  const node = { name: "node-0", uid: "d0c4a3f5-3b1a-4c53-8a77-1d9a6b3c4d33" };
  return {
    ...claimsFor([], { iss: kubernetesIssuer, aud: [kubernetesAudience], kv: undefined }),
    sub: `system:serviceaccount:${namespace}:${name}`,
    jti: "b8a1a7f2-62ff-4a3f-8f0b-8c7d6e5f4a44",
    "kubernetes.io": { namespace, node, pod, serviceaccount: account },
    ...change,
  };
}

/** The token in a pod of that account, signed as the API server does. */
export const serviceAccountToken = (namespace: string, name: string, change: object = {}): string =>
  signToken(signers.kubernetes.signer, serviceAccountClaims(namespace, name, change), {
    kid: "current",
    typ: undefined,
  });
