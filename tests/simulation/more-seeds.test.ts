/** The fixed budget of `make test`, second half, so that two cores share it. */
import { after, test } from "node:test";
import { SeedRange } from "./seed-range.test-kit.ts";

const range = await SeedRange.load(31, 30);

for (const [first, last] of range.portions(10)) {
  test(`seeds ${first} to ${last} keep every promise and make progress`, () =>
    range.play(first, last));
}

test("the runs reached what they are for", () => range.assertReached());

after(() => console.log(range.describe()));
