/** One wrong history for each way in which a store can be wrong, beside its right twin. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { check } from "./checker.test-kit.ts";
import type { History, KeyRecord, Rule } from "./operation.test-kit.ts";
import {
  accountOf,
  during,
  failed,
  found,
  get,
  history,
  list,
  ok,
  put,
  recordOf,
  remove,
  unknown,
  written,
} from "./written-history.test-kit.ts";

const rulesOf = (wrong: History): readonly Rule[] => [
  ...new Set(check(wrong).violations.map(({ rule }) => rule)),
];

function assertWrong(wrong: History, rule: Rule): void {
  assert.deepEqual(rulesOf(wrong), [rule], JSON.stringify(check(wrong).violations, null, 1));
}

const assertRight = (right: History): void => assert.deepEqual(check(right).violations, []);

const a1 = put("a", "1");
const a2 = put("a", "2");
const twoWrites = accountOf(a1, a2);
const first = recordOf(twoWrites, 1, "a");
const second = recordOf(twoWrites, 2, "a");
const bothWrites = [during([1, 2], a1, written(1)), during([3, 4], a2, written(2))] as const;

test("a stale read is found, with and without the store's revision in the answer", () => {
  for (const revision of [1, null]) {
    const read = (calledAt: number): History =>
      history(twoWrites, ...bothWrites, during([calledAt, 6], get("a"), found(revision, first)));
    assertRight(read(3.5));
    assertWrong(read(5), "reads are not stale");
  }
});

test("reads that go back in time are found though both are newer than every answered write", () => {
  const read = (when: readonly [number, number], record: KeyRecord): ReturnType<typeof during> =>
    during(when, get("a"), found(null, record));
  const slow = [during([1, 2], a1, written(1)), during([3, 9], a2, written(2))];
  assertRight(history(twoWrites, ...slow, read([4, 5], first), read([6, 7], second)));
  const back = history(twoWrites, ...slow, read([4, 5], second), read([6, 7], first));
  assertWrong(back, "reads are not stale");
});

test("a lost write is found", () => {
  assertWrong(history(accountOf(a1), ...bothWrites), "a write does what was asked");
  const other = accountOf(a1, put("b", "3"));
  const unasked = history(other, ...bothWrites, during([1, 9], put("b", "3"), unknown));
  assertWrong(unasked, "a write does what was asked");
});

test("a write that takes effect twice is found", () => {
  assertWrong(history(accountOf(a1, a2, a1), ...bothWrites), "nothing happens unasked");
});

test("revisions against real time are found", () => {
  const late = [during([1, 2], a2, written(2)), during([3, 4], a1, written(1))];
  assertWrong(history(twoWrites, ...late), "revisions follow real time");
  const overlapping = [during([1, 4], a2, written(2)), during([3, 4], a1, written(1))];
  assertRight(history(twoWrites, ...overlapping));
});

test("a revision given to two writes is found", () => {
  const twice = [during([1, 2], a1, written(1)), during([1, 4], put("a", "x"), written(1))];
  const rules = rulesOf(history(accountOf(a1), ...twice));
  assert.ok(rules.includes("one write per revision"));
});

test("a revision that is not the same when it is read again is found", () => {
  const again = (record: KeyRecord): History =>
    history(twoWrites, ...bothWrites, during([5, 6], get("a", 1), found(1, record)));
  assertRight(again(first));
  assertWrong(again(second), "reads show one revision");
});

test("a revision that is missing is found", () => {
  const holed = twoWrites.filter(({ revision }) => revision !== 1);
  assertWrong(history(holed, ...bothWrites), "revisions are without gaps");
});

test("a torn batch is found, whether its outcome was told or not", () => {
  const batch = {
    type: "batch",
    items: [
      { key: "a", value: "1" },
      { key: "b", value: "2" },
    ],
  } as const;
  for (const outcome of [written(1), unknown]) {
    assertRight(history(accountOf(batch), during([1, 2], batch, outcome)));
    const torn = history(accountOf(a1), during([1, 2], batch, outcome));
    assertWrong(torn, "a write does what was asked");
  }
});

test("a phantom in a range and a key that is missing from it are found", () => {
  const account = accountOf(a1, put("b", "2"));
  const writes = [during([1, 2], a1, written(1)), during([3, 4], put("b", "2"), written(2))];
  const a = { key: "a", ...recordOf(account, 1, "a") };
  const b = { key: "b", ...recordOf(account, 2, "b") };
  const page = (revision: number, records: readonly (typeof a)[]): History =>
    history(account, ...writes, during([3, 6], list(""), ok({ type: "page", revision, records })));
  assertRight(page(1, [a]));
  assertRight(page(2, [a, b]));
  assertWrong(page(1, [a, b]), "reads show one revision");
  assertWrong(page(2, [a]), "reads show one revision");
  assertWrong(page(2, [b, a]), "reads show one revision");
});

test("a compare-and-set that should have failed is found, told or not", () => {
  const expecting = (revision: number): ReturnType<typeof put> =>
    put("a", "3", { type: "modRevision", revision });
  const account = accountOf(a1, a2, put("a", "3"));
  for (const outcome of [written(3), unknown]) {
    assertRight(history(account, ...bothWrites, during([5, 6], expecting(2), outcome)));
    const wrong = history(account, ...bothWrites, during([5, 6], expecting(1), outcome));
    assertWrong(wrong, "a condition is judged at its revision");
  }
});

test("a compare-and-set that should have succeeded, or saw the past, is found", () => {
  const attempt = (expected: number, modRevision: number): History => {
    const request = put("a", "3", { type: "modRevision", revision: expected });
    const outcome = ok({ type: "conditionFailed", modRevision });
    return history(twoWrites, ...bothWrites, during([5, 6], request, outcome));
  };
  assertRight(attempt(1, 2));
  assertWrong(attempt(2, 2), "reads show one revision");
  assertWrong(attempt(2, 1), "reads are not stale");
});

test("a refused write that has an effect is found", () => {
  const effective = history(twoWrites, bothWrites[0], during([3, 4], a2, failed));
  assertWrong(effective, "nothing happens unasked");
  assertRight(history(accountOf(a1), bothWrites[0], during([3, 4], a2, failed)));
  const removal = accountOf(a1, remove("a"));
  const deleted = history(removal, bothWrites[0], during([3, 4], remove("a"), failed));
  assertWrong(deleted, "nothing happens unasked");
});

test("a read from the future is found", () => {
  const early = during([1, 2], get("a"), found(null, second));
  const late = [during([1, 2], a1, written(1)), during([3, 4], a2, written(2))];
  assertWrong(history(twoWrites, ...late, early), "revisions follow real time");
  const never = during([5, 6], get("a"), found(3, { ...second, value: "9", modRevision: 3 }));
  assertWrong(history(twoWrites, ...bothWrites, never), "reads show one revision");
});

test("an unknown write may take effect at once, late or never, but not twice", () => {
  const lost = during([1, 2], put("a", "x"), unknown);
  const account = (...writes: readonly ReturnType<typeof put>[]): History =>
    history(accountOf(...writes), lost, ...bothWritesAt(writes));
  assertRight(account(a1, a2));
  assertRight(account(put("a", "x"), a1, a2));
  assertRight(account(a1, a2, put("a", "x")));
  assertWrong(account(put("a", "x"), a1, a2, put("a", "x")), "nothing happens unasked");
});

/** Both writes, answered with the revisions that they have in an account. */
const bothWritesAt = (writes: readonly ReturnType<typeof put>[]): History["operations"] => [
  during([1, 2], a1, written(writes.indexOf(a1) + 1)),
  during([3, 4], a2, written(writes.indexOf(a2) + 1)),
];

test("an unknown write that took effect before it was called is found", () => {
  const account = accountOf(put("a", "x"), a1);
  const write = during([1, 2], a1, written(2));
  assertRight(history(account, write, during([1, 9], put("a", "x"), unknown)));
  const late = during([3, 9], put("a", "x"), unknown);
  assertWrong(history(account, write, late), "revisions follow real time");
});

test("unknown deletions are found by what they did, each at most once", () => {
  const b = put("b", "3");
  const again = put("a", "4");
  const account = accountOf(a1, b, remove("a"), again, remove("a"));
  const writes = [
    during([1, 2], a1, written(1)),
    during([3, 4], b, written(2)),
    during([5, 6], again, written(4)),
  ];
  const lost = during([3, 4], remove("a"), unknown);
  const ofPrefix = during([3, 4], { type: "deletePrefix", prefix: "a" }, unknown);
  assertRight(history(account, ...writes, lost, lost));
  assertRight(history(account, ...writes, lost, ofPrefix));
  assertWrong(history(account, ...writes, lost), "nothing happens unasked");
  const tooLate = during([7, 8], remove("a"), unknown);
  assertRight(history(account, ...writes, lost, tooLate));
  assertWrong(history(account, ...writes, tooLate, tooLate), "nothing happens unasked");
  const wider = during([3, 4], { type: "deletePrefix", prefix: "" }, unknown);
  assertWrong(history(account, ...writes, lost, wider), "nothing happens unasked");
});

test("unknown deletions are told apart by where they could have been", () => {
  const account = accountOf(a1, remove("a"), put("ab", "3"), put("a", "4"), remove("a"));
  const writes = [
    during([1, 2], a1, written(1)),
    during([3, 4], put("ab", "3"), written(3)),
    during([5, 6], put("a", "4"), written(4)),
  ];
  const one = during([1, 9], remove("a"), unknown);
  const ofPrefix = during([1, 9], { type: "deletePrefix", prefix: "a" }, unknown);
  // Only the deletion of one key can have made revision 5, so the other made revision 2.
  assertRight(history(account, ...writes, one, ofPrefix));
  assertRight(history(account, ...writes, ofPrefix, one));
  assertWrong(history(account, ...writes, ofPrefix, ofPrefix), "nothing happens unasked");
});

test("an answer that is as old as a call is concurrent with it", () => {
  const late = [during([1, 3], a2, written(2)), during([3, 4], a1, written(1))];
  assertRight(history(twoWrites, ...late));
});

test("a batch that miscounts is found", () => {
  const batch = { type: "batch", items: [{ key: "a", value: "1" }] } as const;
  const counted = (puts: number, deletes: number): History => {
    const outcome = ok({ type: "written", revision: 1, puts, deletes });
    return history(accountOf(batch), during([1, 2], batch, outcome));
  };
  assertRight(counted(1, 0));
  assertWrong(counted(2, 0), "a write does what was asked");
  assertWrong(counted(1, 1), "a write does what was asked");
});

test("a wrong version, create revision or count is found", () => {
  const reread = (record: KeyRecord): History =>
    history(twoWrites, ...bothWrites, during([5, 6], get("a"), found(2, record)));
  assertWrong(reread({ ...second, version: 3 }), "reads show one revision");
  assertWrong(reread({ ...second, createRevision: 2 }), "reads show one revision");
  const account = twoWrites.map(({ revision, changes }) => ({
    revision,
    changes: changes.map(({ key, record }) => ({
      key,
      record: record === null ? null : { ...record, version: 1 },
    })),
  }));
  assertWrong(history(account, ...bothWrites), "records count their changes");
  const answer = { type: "written", revision: 2, created: true } as const;
  const created = history(twoWrites, bothWrites[0], during([3, 4], a2, ok(answer)));
  assertWrong(created, "a write does what was asked");
});

test("a deletion that found nothing is a read", () => {
  const nothing = (revision: number | null): History => {
    const outcome = ok({ type: "nothing", revision });
    return history(twoWrites, ...bothWrites, during([5, 6], remove("a"), outcome));
  };
  assertWrong(nothing(null), "reads are not stale");
  assertWrong(nothing(2), "reads show one revision");
  const account = accountOf(a1, remove("a"));
  const writes = [during([1, 2], a1, written(1)), during([3, 4], remove("a"), written(2))];
  const again = during([5, 6], remove("a"), ok({ type: "nothing", revision: null }));
  assertRight(history(account, ...writes, again));
});
