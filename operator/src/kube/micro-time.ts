/** metav1.MicroTime, which Leases and Events demand: the API server refuses milliseconds. */

/** @param ms since the epoch */
export function microTime(ms: number): string {
  return new Date(ms).toISOString().replace("Z", "000Z");
}
