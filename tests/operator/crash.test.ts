/** Stopped before, in or after any write, started again: the end is that of the undisturbed run. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Kill, Moment } from "./operator-process.test-kit.ts";
import { endState, run, Stage } from "./scenario.test-kit.ts";
import { loseVolume, scenarios } from "./scenarios.test-kit.ts";

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

/** One replacement a day is allowed, and two volumes are lost. @returns the writes until the end */
async function loseTwo(kill: Kill | null): Promise<readonly string[]> {
  const repair = { enabled: true, replaceAfterSeconds: 60, replacementsPerDayMax: 1 };
  const stage = new Stage({ kill });
  stage.server.create({ repair });
  await stage.settle("install");
  loseVolume(1)(stage.server);
  await stage.settle("the first replacement");
  loseVolume(2)(stage.server);
  for (let pass = 0; pass < 40; pass += 1) await stage.pass();
  assert.deepEqual(stage.server.world.store.replacements.length, 1, JSON.stringify(kill));
  assert.equal(stage.server.cluster?.status?.replacements?.length, 1);
  return stage.writes;
}

test("the brake of repair holds, wherever in a replacement the operator is killed", async () => {
  const writes = await loseTwo(null);
  const removal = writes.findIndex((write) => write.startsWith("removeMember"));
  assert.ok(removal > 0);
  for (let write = removal - 2; write < writes.length; write += 1) {
    await loseTwo({ write, moment: "after" });
  }
});
