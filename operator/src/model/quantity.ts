/**
 * Kubernetes quantities ("500m", "1Gi", "1e3"), exactly, so that two spellings of one amount
 * compare as equal (apimachinery, `resource.Quantity`).
 */

/** Powers of ten of the decimal suffixes. */
const decimalExponents: Readonly<Record<string, number>> = {
  n: -9,
  u: -6,
  m: -3,
  "": 0,
  k: 3,
  M: 6,
  G: 9,
  T: 12,
  P: 15,
  E: 18,
};
const binarySuffixes = ["Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];

const pattern =
  /^([+-]?)(\d+(?:\.\d*)?|\.\d+)(?:([eE])([+-]?\d{1,2})|(Ki|Mi|Gi|Ti|Pi|Ei|[numkMGTPE]?))$/;

/** Amounts are counted in billionths, the finest that Kubernetes knows; finer is rounded up. */
const scale = 9;

/** A quantity in billionths, or null when the text is none. */
export function parseQuantity(text: string): bigint | null {
  const [, sign, digits, isExponent, exponent, suffix = ""] = pattern.exec(text) ?? [];
  if (digits === undefined) return null;
  const [whole = "", fraction = ""] = digits.split(".");
  const power = isExponent === undefined ? (decimalExponents[suffix] ?? 0) : Number(exponent);
  const binary = 1024n ** BigInt(binarySuffixes.indexOf(suffix) + 1);
  const unscaled = BigInt(`${whole}${fraction}` || "0") * binary;
  const shift = scale + power - fraction.length;
  const amount =
    shift >= 0 ? unscaled * 10n ** BigInt(shift) : divideUp(unscaled, 10n ** BigInt(-shift));
  return sign === "-" ? -amount : amount;
}

const divideUp = (amount: bigint, divisor: bigint): bigint => (amount + divisor - 1n) / divisor;

/** Bytes of a quantity of memory or storage, or null when the text is none. */
export function bytesOf(text: string): number | null {
  const amount = parseQuantity(text);
  return amount === null ? null : Number(amount / 1_000_000_000n);
}

/** Less than 0 when `a` is less; null when one is no quantity. */
export function compareQuantities(a: string, b: string): number | null {
  const [left, right] = [parseQuantity(a), parseQuantity(b)];
  if (left === null || right === null) return null;
  return left < right ? -1 : left > right ? 1 : 0;
}
