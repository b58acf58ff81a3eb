/** After each start: what the disk holds is what the log means up to its applied index. */
import type { Revision } from "../../node/src/kv/index.ts";
import type { StateReader, StateSummary } from "../../node/src/replica/index.ts";
import { keyText, type Model, sameRecord } from "./model.test-kit.ts";
import type { Random } from "./random.test-kit.ts";
import { promise } from "./violation.test-kit.ts";

const toKey = (text: string): Uint8Array =>
  Uint8Array.from(text, (character) => character.charCodeAt(0));

interface Found {
  readonly reader: StateReader;
  readonly summary: StateSummary;
  readonly who: string;
}

/** Compares every key there ever was, now and at one revision of the past. */
export const checkState = ({ reader, summary, who }: Found, model: Model, random: Random): void => {
  const { revision, compactRevision } = summary;
  const keys = model.keysEver().map(toKey);
  const records = keys.length === 0 ? [] : reader.getMany(keys);
  keys.forEach((key, place) => {
    const expected = model.at(keyText(key), revision);
    promise(sameRecord(records[place], expected), "the state after a start", () => {
      const found = records[place]?.modRevision ?? "absent";
      const wanted = expected?.modRevision ?? "absent";
      return `${who} at ${revision}: ${keyText(key)} is ${found}, not ${wanted}`;
    });
  });
  const past = random.integer(compactRevision, revision) as Revision;
  for (const key of keys) {
    const got = reader.getAt(key, past);
    const record = got.type === "found" ? got.record : undefined;
    const isSame = got.type !== "failed" && sameRecord(record, model.at(keyText(key), past));
    promise(isSame, "the state after a start", () => {
      return `${who} at ${past} of ${revision}: ${keyText(key)} is ${JSON.stringify(got)}`;
    });
  }
};
