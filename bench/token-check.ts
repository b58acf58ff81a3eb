/**
 * What checking a token costs: remembered as its header came, remembered by digest, and verified
 * anew, for each kind of key. Run it alone: `node bench/token-check.ts`.
 */
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import jwt from "jsonwebtoken";
import { loadKeys } from "../node/src/api/auth/keys.ts";
import { noPolicies } from "../node/src/api/auth/policies.ts";
import { recentHeadersMs } from "../node/src/api/auth/token-memory.ts";
import { createVerifier } from "../node/src/api/auth/verifier.ts";

const rounds = 7;
const clients = 200;
const limits = {
  clockSkewSeconds: 30,
  lifetimeSecondsMax: null,
  tokenCharsMax: 8192,
  cachedTokensMax: 10_000,
};

/** CPU time of this thread in the best of some rounds, µs a call: others only ever add to it. */
function measure(calls: number, work: (i: number) => void): number {
  for (let i = 0; i < calls; i += 1) work(i);
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < rounds; round += 1) {
    const before = process.threadCpuUsage();
    for (let i = 0; i < calls; i += 1) work(i);
    const { user, system } = process.threadCpuUsage(before);
    best = Math.min(best, (user + system) / calls);
  }
  return best;
}

type Algorithm = "HS256" | "RS256" | "ES256";

/** What tokens are signed with, and what the node's file holds. */
function makeKey(algorithm: Algorithm): { readonly signing: string; readonly file: string } {
  const pem = { publicKeyEncoding: { type: "spki", format: "pem" } } as const;
  const options = { ...pem, privateKeyEncoding: { type: "pkcs8", format: "pem" } } as const;
  if (algorithm === "HS256") {
    const secret = randomBytes(32).toString("hex");
    return { signing: secret, file: secret };
  }
  const { publicKey, privateKey } =
    algorithm === "RS256"
      ? generateKeyPairSync("rsa", { modulusLength: 2048, ...options })
      : generateKeyPairSync("ec", { namedCurve: "P-256", ...options });
  return { signing: privateKey, file: publicKey };
}

function makeHeader(algorithm: Algorithm, signing: string, client: number): Buffer {
  const claims = { jti: `${client}`, kv: [{ prefix: "app/", verbs: ["read", "write"] }] };
  const names = { issuer: "bench", audience: "bench", subject: "alice" };
  return Buffer.from(
    `Bearer ${jwt.sign(claims, signing, { algorithm, expiresIn: 3600, ...names })}`,
  );
}

async function report(algorithm: Algorithm, folder: string): Promise<void> {
  const { signing, file } = makeKey(algorithm);
  const path = join(folder, algorithm);
  writeFileSync(path, file, { mode: 0o600 });
  const about = { name: "bench", keyId: null, algorithm, file: path, grants: "trusted" } as const;
  const keys = await loadKeys([{ ...about, issuer: "bench", audiences: ["bench"] }]);
  const nowMs = Date.now();
  const rules = { keys, policies: noPolicies };
  const verifier = createVerifier(rules, limits);
  const headers = Array.from({ length: clients }, (_, i) => makeHeader(algorithm, signing, i));
  // A string of its own for each call, as the HTTP parser makes it: nothing of it is cached in V8.
  const check = (i: number, atMs: number): void => {
    const outcome = verifier.verify(headers[i % clients]?.toString("latin1"), atMs);
    if (outcome.type !== "identity") throw new Error(outcome.reason);
  };
  const string = measure(50_000, (i) => void headers[i % clients]?.toString("latin1"));
  const recent = measure(50_000, (i) => check(i, nowMs));
  let clock = nowMs;
  const digest = measure(20_000, (i) => {
    clock = clock === nowMs ? nowMs + recentHeadersMs : nowMs;
    check(i, clock);
  });
  const anew = measure(clients, (i) => {
    verifier.setRules(rules);
    check(i, nowMs);
  });
  const columns = [recent - string, digest - string, anew].map((one) => one.toFixed(2).padStart(9));
  console.log(`${algorithm.padEnd(8)}${columns.join("")}   ${headers[0]?.length} bytes`);
}

const folder = mkdtempSync(join(tmpdir(), "kvcluster-bench-"));
try {
  console.log("µs a token  recent   digest     anew");
  for (const algorithm of ["HS256", "RS256", "ES256"] as const) await report(algorithm, folder);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
