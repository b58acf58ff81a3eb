/**
 * The fixed budget of `make test`, first half: the same seeds each time, then every seed that ever
 * failed. `make simulate SECONDS=…` plays new ones.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { SeedRange } from "./seed-range.test-kit.ts";

const range = await SeedRange.load(1, 30);

for (const [first, last] of range.portions(10)) {
  test(`seeds ${first} to ${last} keep every promise and make progress`, () =>
    range.play(first, last));
}

test("the runs reached what they are for", () => range.assertReached());

test("the same seed gives the same trace", async () => {
  for (const seed of [1, 2, 3]) {
    const [one, other] = [await range.playOne(seed), await range.playOne(seed)];
    assert.equal(one.steps, other.steps, `seed ${seed}`);
    assert.equal(one.traceHash, other.traceHash, `seed ${seed}`);
  }
});

const regressions = JSON.parse(
  readFileSync(join(import.meta.dirname, "seeds/regressions.json"), "utf8"),
) as { readonly seeds: readonly { readonly seed: number; readonly found: string }[] };

for (const { seed, found } of regressions.seeds) {
  test(`seed ${seed} stays fixed: ${found}`, async () => {
    await range.playOne(seed);
  });
}

after(() => console.log(range.describe()));
