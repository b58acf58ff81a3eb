/** Commands drawn from a seed, over few keys that are chosen to collide and to be hard to order. */
import type { Command, Condition, DeleteOperation, PutOperation } from "./types.ts";
import { toRevision } from "./types.ts";

/** A whole number in [0, below). */
export type Draw = (below: number) => number;

export const drawFrom =
  (random: () => number): Draw =>
  (below) =>
    Math.floor(random() * below);

/** mulberry32, so that a failure replays from its seed. */
export const seeded = (seed: number): (() => number) => {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
};

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);

/** Prefixes of each other, zero bytes, the escape's own bytes, and the highest byte. */
export const HARD_KEYS: readonly Uint8Array[] = [
  bytes(0),
  bytes(0, 0),
  bytes(0, 1),
  bytes(0, 0xff),
  bytes(1),
  bytes(0x61),
  bytes(0x61, 0),
  bytes(0x61, 0, 0),
  bytes(0x61, 0, 1),
  bytes(0x61, 0, 0xff),
  bytes(0x61, 1),
  bytes(0x61, 0x62),
  bytes(0x62),
  bytes(0xff),
  bytes(0xff, 0),
  bytes(0xff, 0xff),
];

export const drawKey = (draw: Draw): Uint8Array => HARD_KEYS[draw(HARD_KEYS.length)] ?? bytes(0);

/** The end of a range: often empty (to the last key), sometimes before the start. */
export const drawEnd = (draw: Draw): Uint8Array => (draw(3) === 0 ? bytes() : drawKey(draw));

const drawValue = (draw: Draw): Uint8Array =>
  Uint8Array.from({ length: draw(20) }, () => draw(256));

const drawCondition = (draw: Draw, revision: number): Condition => {
  switch (draw(8)) {
    case 0:
      return { type: "absent" };
    case 1:
      return { type: "exists" };
    case 2:
      return { type: "modRevision", revision: toRevision(Math.max(0, revision - draw(6))) };
    default:
      return { type: "none" };
  }
};

const drawOperation = (draw: Draw): PutOperation | DeleteOperation =>
  draw(3) === 0
    ? { type: "delete", key: drawKey(draw) }
    : { type: "put", key: drawKey(draw), value: drawValue(draw) };

/** @param revision the state's, so that conditions and compactions often fit */
export const drawCommand = (draw: Draw, revision: number): Command => {
  const kind = draw(100);
  if (kind < 50) {
    const condition = drawCondition(draw, revision);
    return { type: "put", key: drawKey(draw), value: drawValue(draw), condition };
  }
  if (kind < 70) {
    return { type: "delete", key: drawKey(draw), condition: drawCondition(draw, revision) };
  }
  if (kind < 78) {
    const [start, end] = [draw(4) === 0 ? bytes() : drawKey(draw), drawEnd(draw)];
    return { type: "deleteRange", start, end, keysMax: draw(8) };
  }
  if (kind < 94) {
    const operations = Array.from({ length: draw(6) }, () => drawOperation(draw));
    return { type: "batch", operations };
  }
  if (kind < 98) {
    return { type: "compact", revision: toRevision(Math.max(0, revision + 2 - draw(12))) };
  }
  return { type: "verifyHash", index: draw(4096), hash: draw(2 ** 32) };
};
