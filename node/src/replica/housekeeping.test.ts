import assert from "node:assert/strict";
import { test } from "node:test";
import type { Command } from "../kv/index.ts";
import type { RaftStatus } from "../raft/index.ts";
import { Housekeeping, type HousekeepingPorts } from "./housekeeping.ts";
import type { StateSummary } from "./ports.ts";
import { at, summaryAt, term } from "./replica.test-kit.ts";

const limits = {
  logEntriesKept: 0,
  logEntriesKeptMax: 100,
  logTrimEntries: 10,
  hashCheckMs: 100,
  diskStallMs: 50,
  historyKeptRevisions: 5,
  historyCheckMs: 100,
};

const createBench = () => {
  const world = {
    nowMs: 0,
    role: "leader",
    oldestWriteMs: 0,
    handOvers: 0,
    state: summaryAt(0) as StateSummary,
    proposed: [] as Command[],
    trims: [] as number[],
    endTrim: () => {},
    endProposal: (_ok: boolean) => {},
  };
  const ports: HousekeepingPorts = {
    store: {
      compactLog: (index, done) => {
        world.trims.push(index);
        world.endTrim = () => done({ index, term: term(1) });
      },
    },
    monotonicMs: () => world.nowMs,
    status: () => ({ role: world.role, progress: [], firstIndex: at(1) }) as never as RaftStatus,
    state: () => world.state,
    oldestWriteMs: () => world.oldestWriteMs,
    snapshotInFlight: () => null,
    compacted: () => {},
    propose: (command) => {
      world.proposed.push(command);
      return new Promise((resolve, reject) => {
        world.endProposal = (ok) => (ok ? resolve(null) : reject(new Error("no leader")));
      });
    },
    handOver: () => {
      world.handOvers += 1;
      return Promise.resolve();
    },
  };
  return { world, housekeeping: new Housekeeping(limits, ports) };
};

const checkpointAt = (index: number): StateSummary => ({
  ...summaryAt(0),
  checkpoint: { index: at(index), hash: 9 },
});

test("the log is trimmed on every node, one trim at a time", () => {
  const { world, housekeeping } = createBench();
  world.role = "follower";
  world.state = summaryAt(30);
  housekeeping.tick();
  housekeeping.tick();
  assert.deepEqual(world.trims, [30]);
  world.endTrim();
  housekeeping.tick();
  assert.deepEqual(world.trims, [30, 30]);
});

test("a leader checks each checkpoint once, one check at a time", async () => {
  const { world, housekeeping } = createBench();
  world.state = checkpointAt(64);
  housekeeping.tick();
  assert.deepEqual(world.proposed, [], "not before the interval");
  world.nowMs = 100;
  housekeeping.tick();
  assert.deepEqual(world.proposed, [{ type: "verifyHash", index: 64, hash: 9 }]);
  world.state = checkpointAt(128);
  world.nowMs = 200;
  housekeeping.tick();
  assert.equal(world.proposed.length, 1, "the check before is still under way");
  world.endProposal(false);
  await Promise.resolve();
  await Promise.resolve();
  housekeeping.tick();
  assert.equal(world.proposed.length, 2);
  assert.equal(housekeeping.failures, 1);
});

test("a leader compacts the history that is not kept", () => {
  const { world, housekeeping } = createBench();
  world.nowMs = 100;
  world.state = { ...summaryAt(3), revision: 5 as never };
  housekeeping.tick();
  assert.deepEqual(world.proposed, []);
  world.state = { ...summaryAt(3), revision: 8 as never };
  housekeeping.tick();
  assert.deepEqual(world.proposed, [{ type: "compact", revision: 3 }]);
});

test("a leader with a stalled disk hands over; a follower does nothing", () => {
  const { world, housekeeping } = createBench();
  world.nowMs = 50;
  world.oldestWriteMs = 49;
  housekeeping.tick();
  assert.equal(world.handOvers, 0);
  world.oldestWriteMs = 50;
  housekeeping.tick();
  assert.equal(world.handOvers, 1);
  const other = createBench();
  other.world.role = "follower";
  Object.assign(other.world, { nowMs: 1000, oldestWriteMs: 1000, state: checkpointAt(64) });
  other.housekeeping.tick();
  assert.equal(other.world.handOvers, 0);
  assert.deepEqual(other.world.proposed, []);
});
