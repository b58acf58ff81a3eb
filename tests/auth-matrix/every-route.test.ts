/** Every route of the real server × every kind of bad token, and the one token that is right. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { mintToken } from "@kvcluster/client";
import { errorInfo, type Verb } from "@kvcluster/protocol";
import {
  audience,
  issuer,
  signToken,
  unsignedToken,
} from "../../node/src/api/auth/auth.test-kit.ts";
import {
  claimsFor,
  everything,
  foreignIssuer,
  foreignToken,
  kubernetesKeySet,
  type Matrix,
  makeMatrix,
  otherVerbs,
  type RegisteredRoute,
  serviceAccountClaims,
  serviceAccountToken,
  signers,
  tokenFor,
} from "./matrix.test-kit.ts";
import { sampleOf, staleSamples } from "./samples.test-kit.ts";

const publicRoutes = ["/livez", "/metrics", "/openapi.json", "/readyz", "/startupz"];

const isPublic = ({ url }: RegisteredRoute): boolean => publicRoutes.includes(url);

const now = (): number => Math.floor(Date.now() / 1000);
const good = (): object => claimsFor(everything);
/** The claims that a policy matches. */
const account = (): object => serviceAccountClaims("shop", "web");
const pemSigner = (pem: string) => ({ algorithm: "HS256", secret: Buffer.from(pem) }) as const;

/** What is sent, and the code that must come back. */
const badTokens: readonly (readonly [string, () => string | null, string])[] = [
  ["no token", () => null, "UNAUTHENTICATED"],
  ["garbage", () => "garbage", "TOKEN_INVALID"],
  ["an empty JWT", () => "..", "TOKEN_INVALID"],
  ["wrong secret", () => signToken(signers.stranger, good()), "TOKEN_INVALID"],
  [
    "wrong RSA key",
    () => foreignToken("system:serviceaccount:shop:web", signers.rsaStranger.signer),
    "TOKEN_INVALID",
  ],
  ["alg none", () => unsignedToken(good()), "TOKEN_INVALID"],
  ["alg None", () => unsignedToken(good(), "None"), "TOKEN_INVALID"],
  ["HS256 without signature", () => unsignedToken(good(), "HS256"), "TOKEN_INVALID"],
  [
    "HS256 signed with the RSA public key",
    () =>
      signToken(pemSigner(signers.rsa.publicPem), claimsFor(everything, { iss: foreignIssuer })),
    "TOKEN_INVALID",
  ],
  [
    "HS256 signed with the ECDSA public key",
    () => signToken(pemSigner(signers.ecdsa.publicPem), good()),
    "TOKEN_INVALID",
  ],
  [
    "a public key's HMAC that claims to be RS256",
    () =>
      signToken(pemSigner(signers.rsa.publicPem), claimsFor(everything, { iss: foreignIssuer }), {
        alg: "RS256",
      }),
    "TOKEN_INVALID",
  ],
  [
    "a key of its own in the header",
    () => {
      const jwk = { kty: "oct", k: signers.stranger.secret.toString("base64url") };
      return signToken(signers.stranger, good(), { jwk });
    },
    "TOKEN_INVALID",
  ],
  [
    "a service-account token for another audience",
    () => serviceAccountToken("shop", "web", { aud: ["https://kubernetes.default.svc"] }),
    "TOKEN_INVALID",
  ],
  ["a service account without a policy", () => serviceAccountToken("other", "web"), "FORBIDDEN"],
  [
    "a service-account token that grants itself everything",
    () => serviceAccountToken("other", "web", { kv: everything }),
    "FORBIDDEN",
  ],
  [
    "HS256 signed with the key set's public key",
    () => signToken(pemSigner(signers.kubernetes.publicPem), account(), { kid: "current" }),
    "TOKEN_INVALID",
  ],
  [
    "HS256 signed with the key set itself",
    () => signToken(pemSigner(kubernetesKeySet), account(), { kid: "current", alg: "RS256" }),
    "TOKEN_INVALID",
  ],
  [
    "the kid of another key of the set",
    () => signToken(signers.kubernetes.signer, account(), { kid: "next" }),
    "TOKEN_INVALID",
  ],
  [
    "a kid that is in no set",
    () => signToken(signers.kubernetes.signer, account(), { kid: "gone" }),
    "TOKEN_INVALID",
  ],
  [
    "another algorithm with the right key of the set",
    () => signToken({ ...signers.kubernetes.signer, algorithm: "RS512" }, account()),
    "TOKEN_INVALID",
  ],
  [
    "a key that was rotated out of the set",
    () => signToken(signers.kubernetesOld.signer, account(), { kid: "old" }),
    "TOKEN_INVALID",
  ],
  [
    "a rotated-out key under the kid of its successor",
    () => signToken(signers.kubernetesOld.signer, account(), { kid: "current" }),
    "TOKEN_INVALID",
  ],
  [
    "the key set's key in the name of our own issuer",
    () => signToken(signers.kubernetes.signer, good(), { kid: "current" }),
    "TOKEN_INVALID",
  ],
  ["expired", () => tokenFor(everything, { exp: now() - 60 }), "TOKEN_EXPIRED"],
  ["not yet valid", () => tokenFor(everything, { nbf: now() + 60 }), "TOKEN_NOT_YET_VALID"],
  ["without exp", () => tokenFor(everything, { exp: undefined }), "TOKEN_INVALID"],
  ["wrong audience", () => tokenFor(everything, { aud: "other" }), "TOKEN_INVALID"],
  ["no audience", () => tokenFor(everything, { aud: undefined }), "TOKEN_INVALID"],
  ["wrong issuer", () => tokenFor(everything, { iss: "https://evil.test" }), "TOKEN_INVALID"],
  ["another issuer's name", () => tokenFor(everything, { iss: foreignIssuer }), "TOKEN_INVALID"],
  ["no grant at all", () => tokenFor([], { kv: undefined }), "FORBIDDEN"],
  ["an empty grant list", () => tokenFor([]), "FORBIDDEN"],
  ["a malformed grant", () => tokenFor([], { kv: [{ prefix: "" }] }), "TOKEN_INVALID"],
  [
    "a foreign issuer's token that grants itself everything",
    () => foreignToken("nobody"),
    "FORBIDDEN",
  ],
];

async function refusal(
  matrix: Matrix,
  route: RegisteredRoute,
  token: string | null,
): Promise<string> {
  const answer = await matrix.send(sampleOf(route).request, token);
  const challenge = answer.headers["www-authenticate"];
  if (answer.statusCode === 401 || answer.statusCode === 403) {
    assert.match(String(challenge), /^Bearer realm="kvcluster"/);
  }
  if (route.method === "HEAD") return String(answer.statusCode);
  return answer.headers["content-type"] === "application/problem+json"
    ? answer.json<{ code: string }>().code
    : `${answer.statusCode} ${answer.body.slice(0, 80)}`;
}

/** HEAD has no body to name a code in. */
const expectedOf = (route: RegisteredRoute, code: string): string =>
  route.method === "HEAD"
    ? String(errorInfo(code as Parameters<typeof errorInfo>[0]).status)
    : code;

async function assertUntouched(matrix: Matrix): Promise<void> {
  assert.equal(matrix.node.memory.proposals, 0, "something was proposed");
  assert.equal(matrix.node.memory.barriers, 0, "something was read");
  assert.equal(matrix.node.memory.status().raft.configuration.members.length, 1);
  assert.equal(matrix.node.phaseNow, "serving");
  assert.equal(matrix.node.openSnapshots, 0);
}

test("the routes without a token are exactly these, and answer one as well as none", async () => {
  await using matrix = await makeMatrix();
  const open = matrix.routes.filter(({ url }) => !url.startsWith("/v1"));
  assert.deepEqual(open.map(({ method, url }) => `${method} ${url}`).sort(), [
    ...publicRoutes.map((url) => `GET ${url}`),
  ]);
  for (const { url } of open) {
    for (const token of [null, "garbage"]) {
      const answer = await matrix.send({ method: "GET", url }, token);
      assert.equal(answer.statusCode, 200, url);
    }
  }
});

test("the matrix has every route of the server, and no route that is gone", async () => {
  await using matrix = await makeMatrix();
  const closed = matrix.routes.filter((route) => !isPublic(route));
  assert.ok(closed.length >= 20, `${closed.length} routes`);
  for (const route of closed) sampleOf(route);
  assert.deepEqual(staleSamples(matrix.routes), []);
});

for (const [name, makeToken, code] of badTokens) {
  test(`every route refuses: ${name}`, async () => {
    await using matrix = await makeMatrix();
    const token = makeToken();
    for (const route of matrix.routes.filter((one) => !isPublic(one))) {
      const got = await refusal(matrix, route, token);
      assert.equal(got, expectedOf(route, code), `${route.method} ${route.url}`);
    }
    await assertUntouched(matrix);
    const log = matrix.logged.join("");
    if (token !== null && token.length > 10) assert.equal(log.includes(token), false);
  });
}

test("every route refuses a token that has every verb but its own", async () => {
  await using matrix = await makeMatrix();
  for (const route of matrix.routes.filter((one) => !isPublic(one))) {
    const verbs = otherVerbs(sampleOf(route).verb);
    const got = await refusal(matrix, route, tokenFor([{ prefix: "", verbs }]));
    assert.equal(got, expectedOf(route, "FORBIDDEN"), `${route.method} ${route.url}`);
  }
  await assertUntouched(matrix);
});

test("every route refuses all verbs on the prefixes next door", async () => {
  await using matrix = await makeMatrix();
  const verbs: readonly Verb[] = ["read", "write", "admin"];
  const nextDoor = ["app.", "app0", "app/b", "apq/", "App/", "app/a\0", "\0", "~"];
  for (const route of matrix.routes.filter((one) => !isPublic(one))) {
    const token = tokenFor(nextDoor.map((prefix) => ({ prefix, verbs })));
    const got = await refusal(matrix, route, token);
    assert.equal(got, expectedOf(route, "FORBIDDEN"), `${route.method} ${route.url}`);
  }
  await assertUntouched(matrix);
});

test("admin on a prefix is not admin of the cluster", async () => {
  await using matrix = await makeMatrix();
  const token = tokenFor([{ prefix: "a", verbs: ["read", "write", "admin"] }]);
  const routes = matrix.routes.filter((one) => !isPublic(one));
  const adminRoutes = routes.filter((route) => sampleOf(route).verb === "admin");
  assert.ok(adminRoutes.length > 10);
  for (const route of adminRoutes) {
    assert.equal(await refusal(matrix, route, token), "FORBIDDEN", route.url);
  }
  await assertUntouched(matrix);
});

/** Good tokens: the narrowest grant that is enough, in each way to get one. */
const goodTokens: readonly (readonly [string, (verb: Verb) => string])[] = [
  ["HS256", (verb) => tokenFor([narrowest(verb)])],
  ["ES256", (verb) => signToken(signers.ecdsa.signer, claimsFor([narrowest(verb)]))],
  ["EdDSA", (verb) => signToken(signers.eddsa.signer, claimsFor([narrowest(verb)]))],
  [
    "the client's own token",
    (verb) =>
      mintToken({
        secret: signers.secret.secret,
        subject: "cli",
        ttlSeconds: 60,
        grants: [narrowest(verb)],
        issuer,
        audience,
      }),
  ],
];

const narrowest = (verb: Verb): { readonly prefix: string; readonly verbs: readonly Verb[] } => ({
  prefix: verb === "admin" ? "" : "app/",
  verbs: [verb],
});

for (const [name, makeToken] of goodTokens) {
  test(`every route lets the right token in: ${name}`, async () => {
    let routes: readonly RegisteredRoute[];
    {
      await using matrix = await makeMatrix();
      routes = matrix.routes.filter((one) => !isPublic(one));
    }
    for (const route of routes) {
      // A server of its own: bootstrap, join, drain and remove do what they are told.
      await using matrix = await makeMatrix();
      const { verb, request } = sampleOf(route);
      const answer = await matrix.send(request, makeToken(verb));
      const refused = answer.statusCode === 401 || answer.statusCode === 403;
      assert.equal(refused, false, `${route.method} ${route.url}: ${answer.body}`);
      assert.ok(answer.statusCode < 500, `${route.method} ${route.url}: ${answer.body}`);
    }
  });
}

test("a policy lets a foreign issuer's subject in, and only where it grants", async () => {
  await using matrix = await makeMatrix();
  const put = { method: "PUT", url: "/v1/kv/app/a", payload: "x" } as const;
  const web = foreignToken("system:serviceaccount:shop:web");
  assert.equal((await matrix.send(put, web)).statusCode, 201);
  assert.equal((await matrix.send({ ...put, url: "/v1/kv/b" }, web)).statusCode, 403);
  assert.equal((await matrix.send({ url: "/v1/cluster" }, web)).statusCode, 403);
  const other = foreignToken("system:serviceaccount:shop2:web");
  assert.equal((await matrix.send(put, other)).statusCode, 403);
  const ours = tokenFor([], { sub: "system:serviceaccount:shop:web" });
  assert.equal((await matrix.send(put, ours)).statusCode, 403, "the same subject of our issuer");
});

test("a service account's token is good where its policies grant, and nowhere else", async () => {
  await using matrix = await makeMatrix();
  const statusOf = async (token: string, method: "GET" | "PUT", url: string): Promise<number> => {
    const payload = method === "PUT" ? { payload: "x" } : {};
    return (await matrix.send({ method, url, ...payload }, token)).statusCode;
  };
  const web = serviceAccountToken("shop", "web");
  assert.equal(await statusOf(web, "PUT", "/v1/kv/shop/a"), 201);
  assert.equal(await statusOf(web, "GET", "/v1/kv/config/a"), 404, "of its namespace, to read");
  assert.equal(await statusOf(web, "PUT", "/v1/kv/config/a"), 403);
  assert.equal(await statusOf(web, "PUT", "/v1/kv/app/a"), 403);
  assert.equal(await statusOf(web, "GET", "/v1/cluster"), 403);
  const sibling = serviceAccountToken("shop", "worker");
  assert.equal(await statusOf(sibling, "GET", "/v1/kv/config/a"), 404);
  assert.equal(await statusOf(sibling, "PUT", "/v1/kv/shop/a"), 403);
  const namesake = serviceAccountToken("shop2", "web");
  assert.equal(await statusOf(namesake, "PUT", "/v1/kv/shop/a"), 403);
  assert.equal(await statusOf(namesake, "GET", "/v1/kv/config/a"), 403);
  const next = signToken(signers.kubernetesNext.signer, account(), { kid: "next" });
  assert.equal(await statusOf(next, "PUT", "/v1/kv/shop/b"), 201, "the other key of the set");
});
