/**
 * What checking a token costs: remembered as its header came, remembered by digest, and verified
 * anew, for each kind of key. Run it alone: `node bench/token-check.ts`.
 */
import {
  goodClaims,
  makeFolder,
  makeKeyPair,
  makeSecret,
  makeSpec,
  nowMs,
  type Signer,
  signToken,
  type TestFolder,
} from "../node/src/api/auth/auth.test-kit.ts";
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

/** The best of some rounds, µs a call: others on the machine only ever add to it. */
function measure(calls: number, work: (i: number) => void): number {
  for (let i = 0; i < calls; i += 1) work(i);
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < rounds; round += 1) {
    const before = process.hrtime.bigint();
    for (let i = 0; i < calls; i += 1) work(i);
    best = Math.min(best, Number(process.hrtime.bigint() - before) / calls / 1000);
  }
  return best;
}

function makeSigner(
  algorithm: "HS256" | "RS256" | "ES256" | "EdDSA",
  folder: TestFolder,
): { readonly signer: Signer; readonly file: string } {
  if (algorithm === "HS256") {
    const signer = makeSecret();
    return { signer, file: folder.write("secret", signer.secret) };
  }
  const { signer, publicPem } = makeKeyPair(algorithm);
  return { signer, file: folder.write(`${algorithm}.pem`, publicPem) };
}

async function report(algorithm: "HS256" | "RS256" | "ES256" | "EdDSA"): Promise<void> {
  using folder = makeFolder();
  const { signer, file } = makeSigner(algorithm, folder);
  const keys = await loadKeys([makeSpec({ algorithm, file })]);
  const rules = { keys, policies: noPolicies };
  const verifier = createVerifier(rules, limits);
  const headers = Array.from({ length: clients }, (_, i) =>
    Buffer.from(`Bearer ${signToken(signer, { ...goodClaims(), jti: `${i}` })}`),
  );
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

console.log("µs a token  recent   digest     anew");
for (const algorithm of ["HS256", "RS256", "ES256", "EdDSA"] as const) await report(algorithm);
