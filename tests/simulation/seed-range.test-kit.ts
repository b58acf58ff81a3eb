/** A range of seeds that must all pass, and what they must have reached together. */
import assert from "node:assert/strict";
import { Coverage } from "./coverage.test-kit.ts";
import { describeFailure } from "./report.test-kit.ts";
import { type Outcome, Simulation } from "./simulation.test-kit.ts";
import { loadSystem, type System, shippedSource } from "./system.test-kit.ts";
import { inYears } from "./tally.test-kit.ts";

/** Questions answered in one run; one that did less proved nothing. */
const ANSWERS_MIN = 50;

/** What thirty seeds together must have reached; far below what they do reach. */
const REACHED_MIN: Readonly<Record<string, number>> = {
  "admin addLearner done": 50,
  "admin demote done": 1,
  "admin remove done": 20,
  "admin transfer done": 15,
  "admin updateAddresses done": 1,
  "answered batch": 500,
  "answered compact": 150,
  "answered delete": 500,
  "answered deleteRange": 250,
  "answered put": 2_500,
  "answered read": 2_500,
  "answered read at a revision": 250,
  "answered scan": 500,
  "committed verifyHash": 10,
  crashes: 100,
  "elections won": 100,
  "ends by a bad disk": 25,
  "fault clockJump": 10,
  "fault fullDisk": 10,
  "fault oneWay": 10,
  "fault pause": 10,
  "fault slowDisk": 10,
  "fault split": 10,
  "fault stall": 10,
  "log reads for followers": 50,
  "log trims": 500,
  "log truncations": 3,
  "messages doubled": 2_500,
  "messages lost": 2_500,
  "pre-votes refused": 50,
  "refusals to start": 1,
  "snapshot streams broken": 10,
  "snapshots installed": 25,
  "states checked after a start": 100,
  "votes refused": 10,
};
/** Each kind is rare, because a cluster may lose a minority for ever and nothing more. */
const DAMAGES = ["flipBit", "misdirect", "loseVolume", "rotState"] as const;
const DAMAGES_MIN = 6;
const YEARS_MIN = 0.5;

export class SeedRange {
  readonly #first: number;
  readonly #count: number;
  readonly #system: System;
  readonly #reached = new Coverage();
  #steps = 0;
  #playedUs = 0;
  #leaptUs = 0;

  private constructor(system: System, first: number, count: number) {
    this.#system = system;
    this.#first = first;
    this.#count = count;
  }

  static async load(first: number, count: number): Promise<SeedRange> {
    return new SeedRange(await loadSystem(shippedSource), first, count);
  }

  /** `[first, last]` of portions of `size` seeds. */
  portions(size: number): readonly (readonly [number, number])[] {
    return Array.from({ length: Math.ceil(this.#count / size) }, (_, at) => {
      const first = this.#first + at * size;
      return [first, Math.min(first + size, this.#first + this.#count) - 1] as const;
    });
  }

  async play(first: number, last: number): Promise<void> {
    for (let seed = first; seed <= last; seed += 1) {
      const outcome = await this.playOne(seed);
      const answers = outcome.coverage.sum("answered ");
      assert.ok(answers >= ANSWERS_MIN, `seed ${seed} did too little: ${answers} answers`);
      this.#reached.add(outcome.coverage);
      this.#steps += outcome.steps;
      this.#playedUs += outcome.simulatedUs;
      this.#leaptUs += outcome.leaptUs;
    }
  }

  async playOne(seed: number): Promise<Outcome> {
    const outcome = await new Simulation(this.#system, seed).run();
    assert.ok(outcome.violation === null, describeFailure(outcome));
    return outcome;
  }

  /** The runs did what they are for. */
  assertReached(): void {
    const reached = this.#reached;
    const missed = Object.entries(REACHED_MIN)
      .filter(([what, least]) => reached.get(what) < least)
      .map(([what, least]) => `${what}: ${reached.get(what)}, at least ${least}`);
    assert.deepEqual(missed, [], `the runs did too little:\n${reached.lines().join("\n")}`);
    const damages = DAMAGES.reduce((sum, name) => sum + reached.get(`fault ${name}`), 0);
    assert.ok(damages >= DAMAGES_MIN, `${damages} disks damaged for ever`);
    assert.ok(reached.get("runs that converged") >= 2 * this.#count);
    const years = inYears(this.#playedUs + this.#leaptUs);
    assert.ok(years >= YEARS_MIN, `${years} years of cluster time`);
  }

  describe(): string {
    const played = this.#playedUs / 1e6;
    return (
      `${this.#count} seeds: ${inYears(this.#playedUs + this.#leaptUs).toFixed(2)} years of ` +
      `cluster time, ${played.toFixed(0)} s of it event by event in ${this.#steps} steps, ` +
      `${this.#reached.sum("fault ")} faults`
    );
  }
}
