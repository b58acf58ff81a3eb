/**
 * The assertions that stay on in production. A failed one means that this process can no longer be
 * trusted with the log: it must crash and recover from its disk. Never catch it and go on.
 */

/** An impossible state of the consensus core: a bug, lost durable data or a foreign message. */
export class InvariantViolation extends Error {
  override readonly name = "InvariantViolation";
}

/** @throws InvariantViolation when `condition` is false; `detail` names the values. */
export function assertInvariant(condition: boolean, detail: () => string): asserts condition {
  if (!condition) throw new InvariantViolation(detail());
}
