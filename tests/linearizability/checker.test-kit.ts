/**
 * Is a history linearizable, with the store's revisions as the order of its writes? Exact for that
 * order, in O(n log n): every write has its place, its revision, and a read may stand anywhere
 * between the revisions at which its answer was right. Reads take the earliest place that what
 * returned before them leaves; if that does not work, nothing does, for a later place of one
 * operation only pushes the others on. Pure: no clock, no I/O.
 */
import { type Authors, attributeAcknowledged } from "./authors.test-kit.ts";
import {
  type Answer,
  describeOperation,
  type History,
  isWrite,
  type Operation,
  type Request,
  type Violation,
} from "./operation.test-kit.ts";
import { isMet, isSameRecord, lastAtOrBefore, Timeline } from "./timeline.test-kit.ts";
import { attributeUnknown } from "./unknown-authors.test-kit.ts";

export interface Verdict {
  readonly violations: readonly Violation[];
  /** Writes of unknown outcome that turned out to have taken effect. */
  readonly resolved: ReadonlySet<Operation>;
}

export function check(history: History): Verdict {
  const faults: Violation[] = [];
  const timeline = new Timeline(history, faults);
  // With a hole in the account nothing can be said of the rest.
  if (faults.some(({ rule }) => rule === "revisions are without gaps")) {
    return { violations: faults, resolved: new Set() };
  }
  const { operations } = history;
  const acknowledged = attributeAcknowledged(timeline, operations, faults);
  const floors = placeAll({ timeline, operations, acknowledged }, faults);
  const known = new Set(acknowledged.values());
  const all = history.revisions.map(({ revision }) => revision);
  const revisions = all.filter((revision) => !known.has(revision));
  const floorOf = (operation: Operation): number => floors.get(operation) ?? timeline.baseRevision;
  const resolved = attributeUnknown({ timeline, operations, revisions, floorOf }, faults);
  return { violations: faults, resolved };
}

interface Placing {
  readonly timeline: Timeline;
  readonly operations: readonly Operation[];
  readonly acknowledged: Authors;
}

/**
 * Gives every answered operation its revision, in the order of the calls, and checks it against
 * what had returned before. @returns what had been seen when operations of unknown outcome began
 */
function placeAll(placing: Placing, faults: Violation[]): ReadonlyMap<Operation, number> {
  const { timeline, operations, acknowledged } = placing;
  const byCall = operations.toSorted((a, b) => a.calledAt - b.calledAt);
  const answered = operations.filter(({ outcome }) => outcome.type === "ok");
  const byReturn = answered.toSorted((a, b) => a.returnedAt - b.returnedAt);
  const places = new Map<Operation, number>();
  const floors = new Map<Operation, number>();
  let floor = timeline.baseRevision;
  let returned = 0;
  for (const operation of byCall) {
    for (; returned < byReturn.length; returned += 1) {
      const earlier = byReturn[returned];
      if (earlier === undefined || earlier.returnedAt >= operation.calledAt) break;
      floor = Math.max(floor, places.get(earlier) ?? floor);
    }
    if (operation.outcome.type === "unknown") floors.set(operation, floor);
    if (operation.outcome.type !== "ok") continue;
    const revision = acknowledged.get(operation);
    const place =
      revision === undefined
        ? placeRead(timeline, {
            request: operation.request,
            answer: operation.outcome.answer,
            floor,
          })
        : placeWrite(revision, floor);
    places.set(operation, place.revision);
    if (place.fault === null) continue;
    const message = `${place.fault.message}: ${describeOperation(operation)}`;
    faults.push({ rule: place.fault.rule, message });
  }
  return floors;
}

interface Place {
  readonly revision: number;
  readonly fault: Violation | null;
}

function placeWrite(revision: number, floor: number): Place {
  if (revision > floor) return { revision, fault: null };
  const message = `revision ${floor} was seen before it was called, and it has ${revision}`;
  return { revision: floor, fault: { rule: "revisions follow real time", message } };
}

interface Reading {
  readonly request: Request;
  readonly answer: Answer;
  readonly floor: number;
}

/** An answer that shows a state and changed nothing. */
function placeRead(timeline: Timeline, reading: Reading): Place {
  const { answer, floor } = reading;
  const told = "revision" in answer ? answer.revision : null;
  const at = isWrite(reading.request) ? null : reading.request.at;
  const stay = (rule: Violation["rule"], message: string): Place => ({
    revision: floor,
    fault: { rule, message },
  });
  if (at !== null) {
    const fault = findPastFault(timeline, reading, at);
    return fault === null ? { revision: Math.max(at, floor), fault: null } : stay(...fault);
  }
  if (told !== null) {
    if (told < floor) return stay("reads are not stale", `${floor} was seen before it was called`);
    if (!isRightAt(timeline, reading, told)) {
      return stay("reads show one revision", `that is not the state of revision ${told}`);
    }
    return { revision: told, fault: null };
  }
  const found = firstRightFrom(timeline, reading);
  if (found !== null) return { revision: found, fault: null };
  const ever = firstRightFrom(timeline, { ...reading, floor: timeline.baseRevision });
  return ever === null
    ? stay("reads show one revision", "that was never so")
    : stay("reads are not stale", `no more so at ${floor}, which was seen before it was called`);
}

function findPastFault(
  timeline: Timeline,
  reading: Reading,
  at: number,
): readonly [Violation["rule"], string] | null {
  const { answer } = reading;
  if (at > timeline.lastRevision) {
    return ["reads show one revision", `revision ${at} was never written`];
  }
  if (answer.type === "page" && answer.revision !== at) {
    return ["reads show one revision", `it was asked for revision ${at}`];
  }
  if (isRightAt(timeline, reading, at)) return null;
  return ["reads show one revision", `that is not the state of revision ${at}`];
}

/** Would the store at this revision have answered so? */
function isRightAt(timeline: Timeline, reading: Reading, revision: number): boolean {
  const { request, answer } = reading;
  if (revision < timeline.baseRevision || revision > timeline.lastRevision) return false;
  switch (answer.type) {
    case "written":
      return false;
    case "nothing":
      return isWrite(request) && timeline.effectOf(request, revision)?.size === 0;
    case "conditionFailed": {
      if (request.type !== "put" && request.type !== "delete") return false;
      const record = timeline.recordAt(request.key, revision);
      const isSeen = (record?.modRevision ?? 0) === answer.modRevision;
      return isSeen && !isMet(request.condition, record);
    }
    case "record":
      return (
        request.type === "get" &&
        isSameRecord(answer.record, timeline.recordAt(request.key, revision))
      );
    case "page": {
      if (request.type !== "list") return false;
      const wanted = timeline.recordsAt(request.prefix, revision);
      const isSame = (record: (typeof wanted)[number], i: number): boolean =>
        record.key === answer.records[i]?.key && isSameRecord(record, answer.records[i] ?? null);
      return wanted.length === answer.records.length && wanted.every(isSame);
    }
  }
}

/** The first revision from the floor on at which the answer about one key was right. */
function firstRightFrom(timeline: Timeline, reading: Reading): number | null {
  const { request, floor } = reading;
  if (!("key" in request)) {
    // What names no key tells its revision; where it does not, only a search would show it.
    for (let revision = floor; revision <= timeline.lastRevision; revision += 1) {
      if (isRightAt(timeline, reading, revision)) return revision;
    }
    return null;
  }
  const versions = timeline.versionsOf(request.key);
  if (isRightAt(timeline, reading, floor)) return floor;
  for (let i = lastAtOrBefore(versions, floor) + 1; i < versions.length; i += 1) {
    const revision = versions[i]?.revision ?? 0;
    if (isRightAt(timeline, reading, revision)) return revision;
  }
  return null;
}
