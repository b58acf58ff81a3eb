/** Verifiers for tests, over keys in files of a test folder. */
import { makeSecret, makeSpec, nowMs, type Signer, type TestFolder } from "./auth.test-kit.ts";
import { type AuthKeySpec, loadKeys } from "./keys.ts";
import { noPolicies } from "./policies.ts";
import { createVerifier, type Verifier, type VerifierLimits } from "./verifier.ts";

export const limits: VerifierLimits = {
  clockSkewSeconds: 30,
  lifetimeSecondsMax: null,
  tokenCharsMax: 8192,
  cachedTokensMax: 100,
};

export async function makeVerifier(
  specs: readonly AuthKeySpec[],
  overrides: Partial<VerifierLimits> = {},
): Promise<Verifier> {
  const rules = { keys: await loadKeys(specs), policies: noPolicies };
  return createVerifier(rules, { ...limits, ...overrides });
}

export async function makeSecretVerifier(
  folder: TestFolder,
  overrides: Partial<VerifierLimits> = {},
): Promise<{ verifier: Verifier; signer: Signer; secret: Buffer }> {
  const signer = makeSecret();
  const spec = makeSpec({ file: folder.write("secret", signer.secret) });
  return { verifier: await makeVerifier([spec], overrides), signer, secret: signer.secret };
}

export function reasonOf(verifier: Verifier, token: string, atMs: number = nowMs): string {
  const outcome = verifier.verify(`Bearer ${token}`, atMs);
  return outcome.type === "refused" ? outcome.reason : outcome.type;
}
