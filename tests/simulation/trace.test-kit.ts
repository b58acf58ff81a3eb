/**
 * What happened: the last events to read after a failure, and one running hash over all of them, so
 * that two runs of one seed can be compared. Texts are made only when the trace is printed.
 */
import { hashText } from "./random.test-kit.ts";

const EVENTS_KEPT = 4000;

interface TracedEvent {
  readonly atUs: number;
  readonly who: string;
  readonly what: string;
  /** Numbers and objects that cannot change later. */
  readonly details: readonly unknown[];
}

export class Trace {
  readonly #events: TracedEvent[] = [];
  readonly #hashes = new Map<string, number>();
  #count = 0;
  #hash = 0x811c9dc5;

  get hash(): number {
    return this.#hash >>> 0;
  }
  get count(): number {
    return this.#count;
  }

  record(event: TracedEvent): void {
    this.#events[this.#count % EVENTS_KEPT] = event;
    this.#count += 1;
    this.#mix(event.atUs);
    this.#mix(this.#hashOf(event.who));
    this.#mix(this.#hashOf(event.what));
    for (const detail of event.details) if (typeof detail === "number") this.#mix(detail);
  }

  /** The last `count` events, one a line, oldest first. */
  last(count: number): readonly string[] {
    const from = Math.max(0, this.#count - Math.min(count, EVENTS_KEPT));
    const lines: string[] = [];
    for (let at = from; at < this.#count; at += 1) {
      const event = this.#events[at % EVENTS_KEPT];
      if (event !== undefined) lines.push(format(event));
    }
    return lines;
  }

  #mix(value: number): void {
    this.#hash = Math.imul(this.#hash ^ (value | 0), 0x01000193);
    this.#hash = Math.imul(this.#hash ^ Math.floor(value / 0x1_0000_0000), 0x01000193);
  }

  #hashOf(text: string): number {
    const known = this.#hashes.get(text);
    if (known !== undefined) return known;
    const hash = hashText(text);
    this.#hashes.set(text, hash);
    return hash;
  }
}

const format = ({ atUs, who, what, details }: TracedEvent): string => {
  const at = (atUs / 1000).toFixed(3).padStart(11);
  return `${at} ms  ${who.padEnd(8)} ${what} ${details.map(describe).join(" ")}`.trimEnd();
};

const describe = (detail: unknown): string => {
  if (detail instanceof Uint8Array) return `${detail.length} bytes`;
  if (typeof detail !== "object" || detail === null) return String(detail);
  if (detail instanceof Error) return `${detail.name}: ${detail.message}`;
  return JSON.stringify(detail, (key, value: unknown) => {
    if (value instanceof Uint8Array) return `${value.length} bytes`;
    if (key === "entries" && Array.isArray(value)) return value.map(describeEntry).join(",");
    if (key === "configuration" && typeof value === "object" && value !== null) {
      return describeMembers(value as { members?: readonly { id: number; role: string }[] });
    }
    return value;
  });
};

const describeEntry = (entry: unknown): string => {
  const { index, term, type } = entry as { index: number; term: number; type: string };
  return `${index}/${term}${type === "command" ? "" : `:${type}`}`;
};

const describeMembers = (value: { members?: readonly { id: number; role: string }[] }): string =>
  (value.members ?? []).map(({ id, role }) => `${id}${role === "learner" ? "L" : ""}`).join("+");
