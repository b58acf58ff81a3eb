/** A live StatefulSet as `plan` sees it. */
import { claimTemplate, nodeContainer, type ObservedStatefulSet } from "../model/index.ts";
import { at, type LiveObject, numberOf, recordsOf, textOf } from "./decode-json.ts";

export function observeStatefulSet(set: LiveObject): ObservedStatefulSet {
  const { spec, status } = { spec: set["spec"], status: set["status"] };
  const generation = numberOf(at(set, "metadata", "generation")) ?? 0;
  const observedGeneration = numberOf(at(status, "observedGeneration")) ?? 0;
  const containers = recordsOf(at(spec, "template", "spec", "containers"));
  const claims = recordsOf(at(spec, "volumeClaimTemplates"));
  const claim = claims.find((one) => at(one, "metadata", "name") === claimTemplate);
  return {
    uid: set.metadata.uid,
    replicas: numberOf(at(spec, "replicas")) ?? 1,
    generation,
    observedGeneration,
    // Until the controller has seen the spec, its revision is of an older one.
    updateRevision: observedGeneration < generation ? null : textOf(at(status, "updateRevision")),
    image: textOf(containers.find(({ name }) => name === nodeContainer)?.["image"]) ?? "",
    claimSize: textOf(at(claim, "spec", "resources", "requests", "storage")) ?? "",
    isDeleting: set.metadata.deletionTimestamp !== undefined,
  };
}
