/**
 * What encryption at rest costs: CPU per value sealed and opened, beside what Node's AES-256-GCM
 * costs without anything of ours around it.
 *
 *   node_modules/.bin/node bench/crypto.ts
 */
import { createCipheriv, createDecipheriv, createSecretKey, randomBytes } from "node:crypto";
import { generateKeyRing, ValueCipher } from "../node/src/crypto/index.ts";
import { parseKeyRing } from "../node/src/crypto/key-ring.ts";

const ROUNDS = 5;
const keyName = new TextEncoder().encode("orders/2026/11/22/000123456");

/** CPU microseconds per call: the best of some rounds, which other load blurs least. */
function cpuMicros(calls: number, call: () => unknown): number {
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < ROUNDS; round += 1) {
    const start = process.cpuUsage();
    for (let at = 0; at < calls; at += 1) call();
    const { user, system } = process.cpuUsage(start);
    best = Math.min(best, (user + system) / calls);
  }
  return best;
}

function plainNode(value: Uint8Array): { seal: () => unknown; open: () => unknown } {
  const key = createSecretKey(randomBytes(32));
  const nonce = Buffer.alloc(12);
  const seal = (): { ciphertext: Uint8Array; tag: Uint8Array } => {
    const cipher = createCipheriv("aes-256-gcm", key, nonce);
    cipher.setAAD(keyName);
    const ciphertext = cipher.update(value);
    cipher.final();
    return { ciphertext, tag: cipher.getAuthTag() };
  };
  const sealed = seal();
  const open = (): Uint8Array => {
    const decipher = createDecipheriv("aes-256-gcm", key, nonce);
    decipher.setAAD(keyName).setAuthTag(sealed.tag);
    const opened = decipher.update(sealed.ciphertext);
    decipher.final();
    return opened;
  };
  return { seal, open };
}

const cipher = new ValueCipher(parseKeyRing(generateKeyRing(), "bench"));
console.log("CPU µs per value      seal    open    node's seal    node's open");
for (const [bytes, calls] of [
  [256, 100_000],
  [4_096, 50_000],
  [1_048_576, 200],
] as const) {
  const value = randomBytes(bytes);
  const sealed = cipher.seal(keyName, value);
  const plain = plainNode(value);
  const columns = [
    cpuMicros(calls, () => cipher.seal(keyName, value)),
    cpuMicros(calls, () => cipher.open(keyName, sealed)),
    cpuMicros(calls, plain.seal),
    cpuMicros(calls, plain.open),
  ];
  const [seal = "", open = "", nodeSeal = "", nodeOpen = ""] = columns.map((us) => us.toFixed(2));
  console.log(
    `${String(bytes).padStart(9)} bytes  ${seal.padStart(8)}${open.padStart(8)}` +
      `${nodeSeal.padStart(15)}${nodeOpen.padStart(15)}`,
  );
}
