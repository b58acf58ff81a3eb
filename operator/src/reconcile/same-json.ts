/** Whether two values are the same as JSON: the order of fields and `undefined` do not count. */
export function isSameJson(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (Array.isArray(a) || Array.isArray(b)) {
    return (
      Array.isArray(a) &&
      Array.isArray(b) &&
      a.length === b.length &&
      a.every((item, index) => isSameJson(item, b[index]))
    );
  }
  return hasSameFields(new Map(Object.entries(a)), new Map(Object.entries(b)));
}

function hasSameFields(a: Map<string, unknown>, b: Map<string, unknown>): boolean {
  const names = new Set([...a.keys(), ...b.keys()]);
  return [...names].every((name) => isSameJson(a.get(name), b.get(name)));
}
