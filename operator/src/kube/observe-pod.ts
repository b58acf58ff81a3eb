/** A live Pod as `plan` sees it: where it is, whether it is ready, and what is wrong with it. */
import { nodeContainer, type ObservedPod, ordinalOf } from "../model/index.ts";
import {
  at,
  type JsonRecord,
  type LiveObject,
  labelOf,
  numberOf,
  recordsOf,
  textOf,
  timeOf,
} from "./decode-json.ts";

/** What every container waits for at first. */
const USUAL: ReadonlySet<string> = new Set(["ContainerCreating", "PodInitializing"]);
const MESSAGE_CHARACTERS_MAX = 300;
const PHASES: readonly ObservedPod["phase"][] = ["Pending", "Running", "Succeeded", "Failed"];

/** Null for a pod that carries the labels but is none of the StatefulSet's. */
export function observePod(cluster: string, pod: LiveObject): ObservedPod | null {
  const { name, uid, creationTimestamp, deletionTimestamp } = pod.metadata;
  const ordinal = ordinalOf(cluster, name);
  if (ordinal === null) return null;
  const status = pod["status"];
  const ready = conditionOf(status, "Ready");
  const container = named(at(status, "containerStatuses"));
  return {
    name,
    ordinal,
    uid,
    revision: labelOf(pod, "controller-revision-hash") ?? "",
    ip: textOf(at(status, "podIP")) || null,
    nodeName: textOf(at(pod, "spec", "nodeName")) || null,
    phase: PHASES.find((phase) => phase === at(status, "phase")) ?? "Unknown",
    isReady: ready?.["status"] === "True",
    readySince: timeOf(ready?.["lastTransitionTime"]) ?? timeOf(creationTimestamp) ?? 0,
    // Kubernetes sets it to the time of the request plus the grace.
    deletingUntil: timeOf(deletionTimestamp),
    restarts: numberOf(container?.["restartCount"]) ?? 0,
    problem: problemOf(status),
    image: textOf(named(at(pod, "spec", "containers"))?.["image"]) ?? "",
  };
}

const named = (containers: unknown): JsonRecord | undefined =>
  recordsOf(containers).find(({ name }) => name === nodeContainer);

const conditionOf = (status: unknown, type: string): JsonRecord | undefined =>
  recordsOf(at(status, "conditions")).find((condition) => condition["type"] === type);

/** `REASON` or `REASON: MESSAGE`: of the pod, of a container that waits or died, of scheduling. */
function problemOf(status: unknown): string | null {
  const whole = textOf(at(status, "reason"));
  if (whole) return told(whole, at(status, "message"));
  const containers = [
    ...recordsOf(at(status, "initContainerStatuses")),
    ...recordsOf(at(status, "containerStatuses")),
  ];
  const problem = containers.map(containerProblem).find((found) => found !== null) ?? null;
  if (problem !== null) return problem;
  const scheduled = conditionOf(status, "PodScheduled");
  return scheduled?.["status"] === "False"
    ? told(textOf(scheduled["reason"]) ?? "Unschedulable", scheduled["message"])
    : null;
}

function containerProblem(container: JsonRecord): string | null {
  const waiting = at(container, "state", "waiting");
  const reason = textOf(at(waiting, "reason"));
  if (reason && !USUAL.has(reason)) return told(reason, at(waiting, "message"));
  const ended = at(container, "state", "terminated");
  const exitCode = numberOf(at(ended, "exitCode"));
  // An init container that has done its work is no problem.
  if (exitCode === null || exitCode === 0) return null;
  return told(textOf(at(ended, "reason")) ?? "Error", `exit code ${exitCode}`);
}

function told(reason: string, message: unknown): string {
  const words = textOf(message) ?? "";
  return words === "" ? reason : `${reason}: ${words.slice(0, MESSAGE_CHARACTERS_MAX)}`;
}
