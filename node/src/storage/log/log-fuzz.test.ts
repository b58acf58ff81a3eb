// Damaged segments and arbitrary bytes: a clean refusal or the true log, nothing else.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { DecodeError } from "../../codec/index.ts";
import { StorageError } from "../errors.ts";
import { seededRandom } from "../seeded-random.test-kit.ts";
import { packEntries, unpackEntries, visitEntries } from "./entry-block.ts";
import { decodeFrameHeader } from "./frame.ts";
import { entries, entry, FOLDER, newLog, openLog, put, readAll } from "./log.test-kit.ts";
import { decodeSegmentHeader, SEGMENT_HEADER_BYTES } from "./segment-header.ts";

const ROUNDS = 3000;

const randomBytes = (random: () => number, length: number): Uint8Array =>
  Uint8Array.from({ length }, () => Math.floor(random() * 256));

/** Some bytes of a valid thing changed, cut off or added. */
const mutated = (bytes: Uint8Array, random: () => number): Uint8Array => {
  const cut = bytes.slice(0, random() < 0.3 ? Math.floor(random() * bytes.length) : bytes.length);
  for (let n = Math.floor(random() * 4); n >= 0; n -= 1) {
    if (cut.length > 0) cut[Math.floor(random() * cut.length)] = Math.floor(random() * 256);
  }
  return cut;
};

describe("fuzz: log decoders", () => {
  it("entry blocks: entries or DecodeError, and the walk agrees with the decoder", () => {
    const random = seededRandom(11);
    const valid = packEntries(entries(1, 5, 3, 40)).bytes;
    for (let round = 0; round < ROUNDS; round += 1) {
      const bytes = round % 2 === 0 ? mutated(valid, random) : randomBytes(random, round % 90);
      const block = { firstIndex: 1, count: 1 + Math.floor(random() * 6), bytes };
      const outcomes = [
        () => unpackEntries(block).length,
        () => {
          let count = 0;
          visitEntries(block, () => {
            count += 1;
          });
          return count;
        },
      ].map((act) => {
        try {
          return act();
        } catch (error) {
          assert.ok(error instanceof DecodeError || error instanceof RangeError, `${error}`);
          return "refused";
        }
      });
      // A term above 2^53 is the one thing that only the decoder looks at.
      if (outcomes[0] !== "refused") assert.equal(outcomes[0], outcomes[1]);
    }
  });

  it("headers: null, a value or StorageError", () => {
    const random = seededRandom(12);
    for (let round = 0; round < ROUNDS; round += 1) {
      const bytes = randomBytes(random, round % 700);
      assert.equal(decodeFrameHeader(bytes, 0, 0), null);
      assert.throws(() => decodeSegmentHeader(bytes, "/x"), StorageError);
    }
  });

  it("segments: the true entries or a refusal that names the file", () => {
    let refused = 0;
    let opened = 0;
    for (let seed = 1; seed <= 400; seed += 1) {
      const random = seededRandom(seed);
      const test = newLog(seed, { segmentBytes: 2048, zeroFillBytes: 512 });
      for (let index = 1; index <= 12; index += 1) put(test.log, [entry(index, 1, 150)], 1);
      test.log.close();
      const names = test.files.list(FOLDER);
      const name = names[Math.floor(random() * names.length)] ?? "";
      const file = test.files.open(`${FOLDER}/${name}`);
      const at = random() < 0.2 ? 0 : SEGMENT_HEADER_BYTES;
      const offset = at + Math.floor(random() * (file.size() - at));
      if (random() < 0.2) file.truncate(offset);
      else file.write([randomBytes(random, 1 + Math.floor(random() * 40))], offset);
      try {
        const log = openLog(test.files, test.options);
        assert.deepEqual(readAll(log), entries(1, log.lastIndex, 1, 150));
        // Only the very end may be taken for a write that was cut short.
        assert.ok(log.lastIndex === 12 || name === names.at(-1));
        opened += 1;
      } catch (error) {
        assert.ok(error instanceof StorageError, `${error}`);
        assert.ok(error.message.includes(FOLDER));
        refused += 1;
      }
    }
    assert.ok(refused > 100 && opened > 20, `${refused} refused, ${opened} opened`);
  });
});
