/**
 * The intent of a child: every field that we want, with a hash of them all as an annotation. The
 * hash tells what a comparison of fields cannot: that a field was taken out of the intent.
 */
import { intentAnnotation } from "../names.ts";
import type { KubeObject } from "../observed.ts";
import { stableHash } from "./stable-hash.ts";

/** Hash of an object without the annotation that holds it. */
export function intentOf(object: KubeObject): string {
  const { annotations = {}, ...metadata } = object.metadata;
  const others = Object.entries(annotations).filter(([name]) => name !== intentAnnotation);
  return stableHash({
    ...object,
    metadata: { ...metadata, annotations: Object.fromEntries(others) },
  });
}

/** The object with its hash in it: what is applied. */
export const withIntent = (object: KubeObject): KubeObject => ({
  ...object,
  metadata: {
    ...object.metadata,
    annotations: { ...object.metadata.annotations, [intentAnnotation]: intentOf(object) },
  },
});
