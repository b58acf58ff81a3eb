/** What the tests of the state share: entries, commands, comparison with the model. */
import assert from "node:assert/strict";
import { type Command, encodeCommand, type Revision, toRevision } from "../../kv/index.ts";
import {
  type Draw,
  drawCommand,
  drawEnd,
  drawKey,
  HARD_KEYS,
} from "../../kv/random-command.test-kit.ts";
import {
  type Configuration,
  type Entry,
  encodeConfiguration,
  toLogIndex,
  toNodeId,
  toTerm,
} from "../../raft/index.ts";
import type { ScanRequest } from "../../replica/index.ts";
import type { Engine } from "./engine.ts";
import type { ReferenceState } from "./reference-state.test-kit.ts";
import { EngineReader } from "./state-reader.ts";

export const ORIGIN = 77;

export const bytes = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, "latin1"));

export const commandEntry = (index: number, command: Command, origin: number = ORIGIN): Entry => ({
  index: toLogIndex(index),
  term: toTerm(1 + Math.floor(index / 100)),
  type: "command",
  data: encodeCommand({ origin, sequence: index, timestampMs: 1_000 + index }, command),
});

export const put = (key: string, value: string): Command => ({
  type: "put",
  key: bytes(key),
  value: bytes(value),
  condition: { type: "none" },
});

export const remove = (key: string): Command => ({
  type: "delete",
  key: bytes(key),
  condition: { type: "none" },
});

export const members = (...ids: readonly number[]): Configuration => ({
  members: ids.map((id) => ({
    id: toNodeId(id),
    name: `node-${id}`,
    peerAddress: `127.0.0.1:${5100 + id}`,
    clientAddress: `http://127.0.0.1:${5000 + id}`,
    role: id % 2 === 0 ? "learner" : "voter",
  })),
});

export const configurationEntry = (index: number, configuration: Configuration): Entry => ({
  index: toLogIndex(index),
  term: toTerm(1 + Math.floor(index / 100)),
  type: "configuration",
  data: encodeConfiguration(configuration),
});

export const noopEntry = (index: number): Entry => ({
  index: toLogIndex(index),
  term: toTerm(1 + Math.floor(index / 100)),
  type: "noop",
  data: new Uint8Array(0),
});

/** Mostly commands, sometimes a noop or a configuration. */
export const drawEntry = (draw: Draw, index: number, revision: number): Entry => {
  const kind = draw(30);
  if (kind === 0) return noopEntry(index);
  if (kind === 1) return configurationEntry(index, members(1, 2 + draw(3), 5 + draw(4)));
  return commandEntry(index, drawCommand(draw, revision), draw(4) === 0 ? 1 : ORIGIN);
};

const drawScan = (draw: Draw, revision: Revision): ScanRequest => ({
  start: draw(4) === 0 ? new Uint8Array(0) : drawKey(draw),
  end: drawEnd(draw),
  revision: draw(3) === 0 ? null : toRevision(draw(revision + 2)),
  limit: draw(8),
  bytesMax: draw(2) === 0 ? 1024 : draw(60),
  keysOnly: draw(3) === 0,
  countMax: draw(2) * draw(30),
});

/** Small turns, so that a walk crosses many of them. */
export const readerOf = (engine: Engine): EngineReader =>
  new EngineReader(engine, { rowsPerTurn: 3, bytesPerTurn: 64, defer: () => Promise.resolve() });

/** Values may be Buffers or not; what counts is their bytes. */
const plain = (value: unknown): unknown => {
  if (value instanceof Uint8Array) return Buffer.from(value).toString("hex");
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, plain(inner)]));
};

export const assertSame = (actual: unknown, expected: unknown, message = ""): void => {
  assert.deepEqual({ message, value: plain(actual) }, { message, value: plain(expected) });
};

/** Compares reads of every key and some scans, at revisions drawn from all there were. */
export const assertReadsAsModel = async (
  draw: Draw,
  engine: Engine,
  model: ReferenceState,
): Promise<void> => {
  const reader = readerOf(engine);
  const current = HARD_KEYS.map((key) => model.keys.get(Buffer.from(key).toString("latin1")));
  assertSame(reader.getMany(HARD_KEYS), current);
  for (let round = 0; round < 3; round += 1) {
    const revision = toRevision(draw(model.revision + 2));
    for (const key of HARD_KEYS) {
      assertSame(reader.getAt(key, revision), model.getAt(key, revision), `key ${key}@${revision}`);
    }
    const request = drawScan(draw, model.revision);
    const shown = JSON.stringify(plain(request));
    assertSame(await reader.scan(request), model.scan(request), shown);
  }
};
