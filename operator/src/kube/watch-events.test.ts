import assert from "node:assert/strict";
import { test } from "node:test";
import { type WatchEvent, watchEvents } from "./watch-events.ts";

async function* inPieces(text: string, size: number): AsyncGenerator<Uint8Array> {
  const bytes = Buffer.from(text);
  for (let i = 0; i < bytes.length; i += size) yield bytes.subarray(i, i + size);
}

async function readAll(text: string, size: number): Promise<readonly WatchEvent[]> {
  const events: WatchEvent[] = [];
  for await (const event of watchEvents(inPieces(text, size))) events.push(event);
  return events;
}

test("events are whole wherever the network cuts them, also within a character", async () => {
  const events = ["ü", "😀", "{}\\n"].map((name) => ({ type: "ADDED", object: { name } }));
  const text = `${events.map((event) => JSON.stringify(event)).join("\n")}\n\n`;
  for (const size of [1, 2, 3, 7, 1000]) assert.deepEqual(await readAll(text, size), events);
});

test("an event that was cut off by the end is left out: it comes again", async () => {
  const text = '{"type":"BOOKMARK","object":{}}\n{"type":"ADDED","obj';
  assert.deepEqual(await readAll(text, 5), [{ type: "BOOKMARK", object: {} }]);
});

test("what is no JSON, and a line without end, are refused", async () => {
  await assert.rejects(readAll("<html>\n", 100), { code: "malformed" });
  const endless = "x".repeat(17 * 1024 * 1024);
  await assert.rejects(readAll(endless, 1024 * 1024), { code: "malformed" });
});
