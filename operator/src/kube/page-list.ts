/** Lists of objects, asked for in pages, so that neither side ever holds one huge answer. */
import type { KubeConnection } from "./connection.ts";
import { at, decodeObject, type LiveObject, listOf, textOf } from "./decode-json.ts";
import { KubeError } from "./kube-error.ts";
import { pathOf, type Resource } from "./resources.ts";

export interface ListScope {
  readonly resource: Resource;
  /** null: all namespaces. */
  readonly namespace: string | null;
  readonly labelSelector?: string;
  /** `metadata.name=NAME`: reads one object with the right to list. */
  readonly fieldSelector?: string;
}

export interface ListOptions {
  readonly signal?: AbortSignal;
  /** Default: as `KubeRequest`. The reflector repeats by itself. */
  readonly retriesMax?: number;
  readonly onPage?: () => void;
}

export interface ObjectList {
  /** To watch from. */
  readonly resourceVersion: string;
  readonly objects: readonly LiveObject[];
}

const PAGE_SIZE = 500;

/** All objects as of one moment of now. @throws KubeError gone when paging took too long */
export async function listObjects(
  connection: KubeConnection,
  scope: ListScope,
  options: ListOptions = {},
): Promise<ObjectList> {
  const objects: LiveObject[] = [];
  let next = "";
  for (;;) {
    const path = pathOf(scope.resource, scope);
    const page = await connection.request({
      method: "GET",
      path,
      query: { ...selectorOf(scope), limit: `${PAGE_SIZE}`, ...(next && { continue: next }) },
      signal: options.signal,
      ...(options.retriesMax === undefined ? {} : { retriesMax: options.retriesMax }),
    });
    options.onPage?.();
    for (const item of listOf(at(page, "items"))) objects.push(decodeItem(scope, item));
    next = textOf(at(page, "metadata", "continue")) ?? "";
    if (next !== "") continue;
    const resourceVersion = textOf(at(page, "metadata", "resourceVersion"));
    if (resourceVersion === null) {
      throw new KubeError("malformed", `the list of ${path} has no metadata.resourceVersion`);
    }
    return { resourceVersion, objects };
  }
}

export function selectorOf(scope: ListScope): Readonly<Record<string, string>> {
  const { labelSelector, fieldSelector } = scope;
  return {
    ...(labelSelector === undefined ? {} : { labelSelector }),
    ...(fieldSelector === undefined ? {} : { fieldSelector }),
  };
}

/** @throws KubeError malformed */
export function decodeItem(scope: ListScope, item: unknown): LiveObject {
  try {
    return decodeObject(item, scope.resource);
  } catch (cause) {
    const what = `a ${scope.resource.kind} that was listed or watched makes no sense`;
    throw new KubeError("malformed", what, { cause });
  }
}
