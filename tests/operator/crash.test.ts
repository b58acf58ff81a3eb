/** Stopped before, in or after any write, started again: the end is that of the undisturbed run. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Moment } from "./operator-process.test-kit.ts";
import { endState, run } from "./scenario.test-kit.ts";
import { scenarios } from "./scenarios.test-kit.ts";

for (const [name, steps] of Object.entries(scenarios)) {
  test(`${name}: killed around each write, it ends as if nothing had happened`, async (t) => {
    const undisturbed = await run(steps);
    const wanted = endState(undisturbed.server);
    const moments: readonly Moment[] = ["before", "middle", "after"];
    let runs = 0;
    for (const [write, what] of undisturbed.writes.entries()) {
      for (const moment of moments) {
        if (moment === "middle" && !what.startsWith("addMember")) continue;
        const { server, wasKilled } = await run(steps, { kill: { write, moment } });
        assert.ok(wasKilled, `write ${write} was not reached`);
        assert.deepEqual(endState(server), wanted, `killed ${moment} write ${write}, ${what}`);
        runs += 1;
      }
    }
    t.diagnostic(`${undisturbed.writes.length} writes, ${runs} runs`);
  });
}
