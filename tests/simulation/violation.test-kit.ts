/** What a checker throws: the system broke a promise. Nothing may catch it but the run itself. */
export class Violation extends Error {
  override readonly name = "Violation";
  /** Which promise, in few words. */
  readonly promise: string;
  constructor(promise: string, detail: string) {
    super(`${promise}: ${detail}`);
    this.promise = promise;
  }
}

/** @throws Violation unless `holds` */
export function promise(holds: boolean, what: string, detail: () => string): asserts holds {
  if (!holds) throw new Violation(what, detail());
}
