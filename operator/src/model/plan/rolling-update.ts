/**
 * Brings pods to the revision of the template, one at a time, while every other member is ready and
 * caught up; followers first, the leader last and after it has handed over to an updated voter: one
 * election a roll. It stops when an updated pod does not become ready.
 */
import { formatTime } from "../time.ts";
import { type Facts, isOutdated } from "./facts.ts";
import { ROLL_READY_WITHIN_MS } from "./limits.ts";
import { describeLag, type MemberFact } from "./member-facts.ts";
import { describePlace, type Place } from "./places.ts";
import { restartPod } from "./pod-actions.ts";
import { event, type Step, type StepResult } from "./step.ts";
import { transferTarget } from "./transfer-target.ts";

export const rollingUpdate: Step = (facts) => {
  const outdated = facts.places.filter(
    (place) => isOutdated(facts, place) && isToStay(facts, place),
  );
  if (outdated.length === 0) return null;
  const task = `${outdated.length} of ${facts.replicas} pods have an old revision`;
  if (facts.spec.updatePolicy.pause) {
    const message = `${task}; spec.updatePolicy.pause is true`;
    return { type: "blocked", reason: "RollPaused", message, event: "RollPaused" };
  }
  const failing = facts.places.find((place) => isFailedUpdate(facts, place));
  if (failing !== undefined) return failure(failing, task);
  if (facts.startFaults.length > 0) return unstartable(facts, task);
  if (facts.leaderView === null) {
    return { type: "wait", reason: "Rolling", message: `${task}; waits for a leader` };
  }
  const candidates = facts.members.filter(
    ({ place }) => place !== null && outdated.includes(place),
  );
  const next = candidates.sort(byTurn)[0];
  const awaited = facts.members.find((member) => member !== next && !isSteady(member));
  if (next?.place == null || awaited !== undefined) {
    const why = awaited === undefined ? "they are no members yet" : describeAwaited(awaited);
    return { type: "wait", reason: "Rolling", message: `${task}; waits: ${why}` };
  }
  if (next.place.claim?.isDeleting === true) return doomed(next.place, task);
  return next.isLeader && facts.quorum.voters > 1
    ? handOver(facts, next, task)
    : restart(facts, next, task);
};

/** Above `replicas` the StatefulSet removes it anyway. */
const isToStay = ({ replicas }: Facts, { pod, ordinal }: Place): boolean =>
  ordinal < replicas && pod?.deletingUntil === null;

/** Members that are down anyway first, then followers by falling ordinal, the leader last. */
function byTurn(a: MemberFact, b: MemberFact): number {
  if (a.isLeader !== b.isLeader) return a.isLeader ? 1 : -1;
  if (a.isHealthy !== b.isHealthy) return a.isHealthy ? 1 : -1;
  return (b.ordinal ?? 0) - (a.ordinal ?? 0);
}

const isSteady = ({ isCaughtUp, place }: MemberFact): boolean =>
  isCaughtUp && place?.pod?.isReady === true;

function describeAwaited({ place, name, lag, isHealthy }: MemberFact): string {
  if (isHealthy && lag !== null && place?.pod?.isReady === true) {
    return `${name} is ${describeLag(lag)}`;
  }
  return place === null ? `pod ${name} does not exist yet` : describePlace(place);
}

function isFailedUpdate(facts: Facts, place: Place): boolean {
  const { pod } = place;
  if (pod === null || isOutdated(facts, place) || !isToStay(facts, place)) return false;
  // A blank node is not ready before it is admitted: nothing is wrong with its revision.
  if (pod.isReady || place.standing === "blank" || place.standing === "joined") return false;
  return facts.now - pod.readySince > ROLL_READY_WITHIN_MS;
}

function failure(place: Place, task: string): StepResult {
  const since = formatTime(place.pod?.readySince ?? 0);
  const what = `${place.name} has the new revision and is not ready since ${since}`;
  const message = `${task}; the roll stops: ${what} (${describePlace(place)})`;
  return { type: "blocked", reason: "RollFailing", message, event: "RollFailing" };
}

/** Pods that run have what they started with; the first that restarts would be down for good. */
function unstartable({ startFaults }: Facts, task: string): StepResult {
  const message = `${task}; the roll stops: a pod would not start: ${startFaults.join("; ")}`;
  return { type: "blocked", reason: "RollFailing", message, event: "RollFailing" };
}

/** Kubernetes keeps a claim that is being deleted for as long as a pod uses it, and no longer. */
function doomed({ name, claim }: Place, task: string): StepResult {
  const what = `claim ${claim?.name} is being deleted and goes with its pod`;
  const message = `${task}; the roll stops: ${what}; delete pod ${name} if its data may go`;
  return { type: "blocked", reason: "RollFailing", message, event: "RollFailing" };
}

function handOver(facts: Facts, leader: MemberFact, task: string): StepResult {
  const target = transferTarget(facts);
  if (target === null) {
    const message = `${task}; no caught-up voter can take over from ${leader.name}`;
    return { type: "wait", reason: "Rolling", message };
  }
  const why = `${task}; ${leader.name} leads and hands over to ${target.name} before it restarts`;
  return {
    type: "act",
    reason: "Rolling",
    message: why,
    actions: [{ type: "transferLeadership", to: target.name, why }],
    events: [event("TransferringLeadership", why)],
  };
}

function restart(facts: Facts, member: MemberFact, task: string): StepResult {
  const { voters } = facts.quorum;
  const cost = voters < 3 ? `; with ${voters} voters no write succeeds until it is back` : "";
  const why = `${task}; restarts ${member.name}${cost}`;
  return {
    type: "act",
    reason: "Rolling",
    message: why,
    actions: restartPod(facts, member, why),
    events: [event("RestartingPod", why)],
  };
}
