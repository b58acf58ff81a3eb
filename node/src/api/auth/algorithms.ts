/**
 * The signature algorithms a key may be pinned to, and the key each one demands. A key is checked
 * once, when it is loaded: afterwards no token can make it act under another algorithm (RFC 8725
 * §3.1), and `none` is not in the list.
 */
import type { KeyObject } from "node:crypto";

export const algorithms = [
  "HS256",
  "RS256",
  "RS384",
  "RS512",
  "PS256",
  "PS384",
  "PS512",
  "ES256",
  "ES384",
  "ES512",
  "EdDSA",
] as const;

export type Algorithm = (typeof algorithms)[number];

const names: ReadonlySet<string> = new Set(algorithms);

export const isAlgorithm = (name: string): name is Algorithm => names.has(name);

/** RFC 7518 §3.2: at least as long as the hash. */
export const hmacSecretBytesMin = 32;
/** RFC 7518 §3.3. */
const rsaBitsMin = 2048;

const curves: Readonly<Record<"ES256" | "ES384" | "ES512", string>> = {
  ES256: "prime256v1",
  ES384: "secp384r1",
  ES512: "secp521r1",
};

function checkRsa(algorithm: Algorithm, key: KeyObject): string | null {
  if (key.asymmetricKeyType === "rsa-pss") {
    if (!algorithm.startsWith("PS")) return `${algorithm} cannot use a key restricted to RSA-PSS`;
    const hash = key.asymmetricKeyDetails?.hashAlgorithm;
    if (hash !== undefined && hash !== `sha${algorithm.slice(2)}`) {
      return `${algorithm} cannot use a key restricted to ${hash}`;
    }
  } else if (key.asymmetricKeyType !== "rsa") {
    return `${algorithm} needs an RSA key, this is ${key.asymmetricKeyType ?? "unknown"}`;
  }
  const bits = key.asymmetricKeyDetails?.modulusLength ?? 0;
  return bits < rsaBitsMin
    ? `an RSA key needs at least ${rsaBitsMin} bits, this has ${bits}`
    : null;
}

function checkCurve(algorithm: keyof typeof curves, key: KeyObject): string | null {
  const curve = key.asymmetricKeyDetails?.namedCurve;
  if (key.asymmetricKeyType === "ec" && curve === curves[algorithm]) return null;
  const found = curve ?? key.asymmetricKeyType ?? "unknown";
  return `${algorithm} needs a key on ${curves[algorithm]}, this is ${found}`;
}

/** null when `key`, a public key, may verify under `algorithm`; else what is wrong. */
export function checkPublicKey(
  algorithm: Exclude<Algorithm, "HS256">,
  key: KeyObject,
): string | null {
  switch (algorithm) {
    case "RS256":
    case "RS384":
    case "RS512":
    case "PS256":
    case "PS384":
    case "PS512":
      return checkRsa(algorithm, key);
    case "ES256":
    case "ES384":
    case "ES512":
      return checkCurve(algorithm, key);
    case "EdDSA":
      return key.asymmetricKeyType === "ed25519"
        ? null
        : `EdDSA needs an Ed25519 key, this is ${key.asymmetricKeyType ?? "unknown"}`;
  }
}

/** Bytes of every signature of `key` under `algorithm`; any other length is no signature of it. */
export function signatureBytes(algorithm: Algorithm, key: KeyObject): number {
  switch (algorithm) {
    case "HS256":
      return 32;
    case "ES256":
    case "EdDSA":
      return 64;
    case "ES384":
      return 96;
    case "ES512":
      return 132;
    default:
      return Math.ceil((key.asymmetricKeyDetails?.modulusLength ?? 0) / 8);
  }
}
