/**
 * Clients: each asks one thing at a time of a random node, through the service that the HTTP layer
 * uses, and writes down what it was told. An answer that did not come is of unknown outcome.
 */
import type { Command, Condition, Revision } from "../../node/src/kv/index.ts";
import type { ScanRequest } from "../../node/src/replica/index.ts";
import type { Coverage } from "./coverage.test-kit.ts";
import type { EventQueue } from "./event-queue.test-kit.ts";
import type { Asked, History } from "./history.test-kit.ts";
import type { Life } from "./life.test-kit.ts";
import { keyText } from "./model.test-kit.ts";
import type { Random } from "./random.test-kit.ts";
import type { Scenario } from "./scenario.test-kit.ts";

export interface WorkloadSetup {
  readonly queue: EventQueue;
  readonly random: Random;
  readonly coverage: Coverage;
  readonly history: History;
  readonly scenario: Pick<Scenario, "keys" | "thinkUs" | "clients">;
  /** Nodes that answer now. */
  readonly serving: () => readonly Life[];
  /** A row of its state is rotten: a read of that may fail, never lie. */
  readonly hasRot: (life: Life) => boolean;
  /** The revision that the history knows at most, for reads of the past. */
  readonly revision: () => number;
  /** A checker objects, or something threw that must not. */
  readonly failed: (error: unknown) => void;
}

const DEADLINE_MS = 1_500;
/** Codes that say that nothing was proposed and nothing will happen. */
const NO_EFFECT: ReadonlySet<string> = new Set([
  "NO_LEADER",
  "OVERLOADED",
  "SHUTTING_DOWN",
  "REMOVED",
  "CORRUPT",
]);

const encoder = new TextEncoder();

/** Keys whose versions must not interleave, with every border that escaping could get wrong. */
const toKey = (number: number): Uint8Array => {
  const base = encoder.encode(`k${number >> 2}`);
  const tails: readonly (readonly number[])[] = [[], [0], [0, 255], [255]];
  return Uint8Array.from([...base, ...(tails[number & 3] ?? [])]);
};

const codeOf = (error: unknown): string =>
  error instanceof Error && "code" in error ? String(error.code) : "";

export class Workload {
  readonly #setup: WorkloadSetup;
  #values = 0;
  #isOn = true;
  #inFlight = 0;

  constructor(setup: WorkloadSetup) {
    this.#setup = setup;
    this.resume();
  }

  /** All clients begin; none may be under way. */
  resume(): void {
    this.#isOn = true;
    for (let client = 0; client < this.#setup.scenario.clients; client += 1) this.#think();
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  /** No new questions; those under way may end. */
  stop(): void {
    this.#isOn = false;
  }

  /** One unconditional write to `life`; tells whether it was acknowledged. */
  probe(life: Life, done: (acknowledged: boolean) => void): void {
    const key = encoder.encode("probe");
    const command = {
      type: "put",
      key,
      value: this.#value(),
      condition: { type: "none" },
    } as const;
    this.#propose(life, command, done);
  }

  #think(): void {
    const { queue, random, scenario } = this.#setup;
    queue.schedule(random.exponential(scenario.thinkUs), () => this.#ask());
  }

  #ask(): void {
    if (!this.#isOn) return;
    const serving = this.#setup.serving();
    if (serving.length === 0) {
      this.#think();
      return;
    }
    const life = this.#setup.random.pick(serving);
    const next = (): void => this.#think();
    if (this.#setup.random.chance(0.6)) this.#propose(life, this.#command(), next);
    else this.#read(life, next);
  }

  #propose(life: Life, command: Command, done: (acknowledged: boolean) => void): void {
    const { history, coverage, failed } = this.#setup;
    const asked = history.ask();
    this.#watch(life, done, (end) => {
      const { replica } = life;
      if (replica === null) return;
      const answer = replica.propose(command, DEADLINE_MS).then(
        (result) => {
          history.wrote(asked, command, result);
          end(true);
        },
        (error: unknown) => {
          const code = codeOf(error);
          coverage.count(`write ended ${code === "" ? String(error) : code}`);
          if (NO_EFFECT.has(code)) history.refused(command);
          else if (code !== "OUTCOME_UNKNOWN") throw error;
          end(false);
        },
      );
      answer.catch(failed);
    });
  }

  #read(life: Life, done: () => void): void {
    const { history, coverage, random, failed } = this.#setup;
    const asked = history.ask();
    const { replica } = life;
    if (replica === null) return;
    if (random.chance(0.1)) {
      const key = this.#key();
      life.run(() => history.readStale(key, replica.reader.getMany([key])[0]));
      done();
      return;
    }
    this.#watch(life, done, (end) => {
      const answer = replica.readBarrier(DEADLINE_MS).then(
        () => (life.isAlive ? this.#answerRead(life, asked) : undefined),
        (error: unknown) => {
          coverage.count(`read ended ${codeOf(error)}`);
          if (codeOf(error) === "") throw error;
        },
      );
      const isRot = (error: unknown): boolean =>
        codeOf(error) === "CORRUPT" && this.#setup.hasRot(life);
      answer
        .then(() => end(true))
        .catch((error: unknown) => {
          if (!isRot(error)) failed(error);
          coverage.count("reads refused for rot");
          end(false);
        });
    });
  }

  /** After the barrier: what the local state says. */
  async #answerRead(life: Life, asked: Asked): Promise<void> {
    const { history, random } = this.#setup;
    const { replica } = life;
    if (replica === null) return;
    const kind = random.next();
    if (kind < 0.5) {
      const keys = [this.#key(), this.#key()];
      const records = replica.reader.getMany(keys);
      keys.forEach((key, place) => {
        history.read(asked, key, records[place]);
      });
    } else if (kind < 0.7) {
      const key = this.#key();
      const revision = this.#pastRevision(asked.floor);
      history.readAt(asked, { key, revision }, replica.reader.getAt(key, revision));
    } else {
      const request = this.#scanRequest(asked.floor);
      history.scanned(asked, request, await replica.reader.scan(request));
    }
  }

  /** Runs `begin` in the process; `done` is called once, also when the process dies meanwhile. */
  #watch(
    life: Life,
    done: (acknowledged: boolean) => void,
    begin: (end: (acknowledged: boolean) => void) => void,
  ): void {
    let isOver = false;
    this.#inFlight += 1;
    const end = (acknowledged: boolean): void => {
      if (isOver) return;
      isOver = true;
      this.#inFlight -= 1;
      done(acknowledged);
    };
    life.onEnd(() => end(false));
    life.run(() => begin(end));
  }

  #command(): Command {
    const { random, revision } = this.#setup;
    const kind = random.next();
    if (kind < 0.55) {
      const condition = this.#condition();
      return { type: "put", key: this.#key(), value: this.#value(), condition };
    }
    if (kind < 0.7) return { type: "delete", key: this.#key(), condition: this.#condition() };
    if (kind < 0.85) return { type: "batch", operations: this.#operations() };
    if (kind < 0.93) return this.#deleteRange();
    const behind = random.integer(-2, 30);
    return { type: "compact", revision: Math.max(0, revision() - behind) as Revision };
  }

  #operations(): Extract<Command, { type: "batch" }>["operations"] {
    const { random } = this.#setup;
    const operations = Array.from({ length: random.integer(1, 4) }, () => {
      const key = this.#key();
      return random.chance(0.75)
        ? ({ type: "put", key, value: this.#value() } as const)
        : ({ type: "delete", key } as const);
    });
    // Now and then a batch names a key twice and must be refused whole.
    if (random.chance(0.1)) return operations;
    const unique = new Map(operations.map((operation) => [keyText(operation.key), operation]));
    return [...unique.values()];
  }

  #deleteRange(): Command {
    const { random } = this.#setup;
    const [start, end] = [this.#key(), this.#key()].sort((a, b) =>
      keyText(a) < keyText(b) ? -1 : 1,
    ) as [Uint8Array, Uint8Array];
    const isOpen = random.chance(0.1);
    const keysMax = random.pick([1, 5, 1000]);
    return { type: "deleteRange", start, end: isOpen ? new Uint8Array(0) : end, keysMax };
  }

  #scanRequest(floor: number): ScanRequest {
    const { random } = this.#setup;
    const [start, end] = [this.#key(), this.#key()].sort((a, b) =>
      keyText(a) < keyText(b) ? -1 : 1,
    ) as [Uint8Array, Uint8Array];
    return {
      start,
      end: random.chance(0.3) ? new Uint8Array(0) : end,
      revision: random.chance(0.5) ? null : (this.#pastRevision(floor) as Revision),
      limit: random.pick([1, 3, 1000]),
      bytesMax: 1024 * 1024,
      keysOnly: random.chance(0.2),
      countMax: 0,
    };
  }

  #pastRevision(floor: number): Revision {
    return Math.max(0, floor - this.#setup.random.integer(0, 40)) as Revision;
  }

  #condition(): Condition {
    const { random, revision } = this.#setup;
    const kind = random.next();
    if (kind < 0.6) return { type: "none" };
    if (kind < 0.7) return { type: "absent" };
    if (kind < 0.8) return { type: "exists" };
    const guess = Math.max(0, revision() - random.integer(0, 6));
    return { type: "modRevision", revision: guess as Revision };
  }

  #key(): Uint8Array {
    const { random, scenario } = this.#setup;
    return toKey(random.integer(0, scenario.keys - 1));
  }

  /** No two writes have the same value. */
  #value(): Uint8Array {
    this.#values += 1;
    const filler = ".".repeat(this.#setup.random.pick([0, 10, 100]));
    return encoder.encode(`v${this.#values}${filler}`);
  }
}
