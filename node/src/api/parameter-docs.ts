/** Parameters that several routes share, as the OpenAPI document shows them. */
import type { ParameterDoc } from "./route.ts";

/** The key in the path. */
export const keyParameter: ParameterDoc = {
  name: "key",
  in: "path",
  description: "The key's bytes, percent-encoded; / may stand raw or as %2F",
  type: "string",
};

/** The deadline of a request, in either form. */
export const timeoutParameters: readonly ParameterDoc[] = [
  { name: "timeout", in: "query", description: "Deadline in ms", type: "integer" },
  { name: "X-KV-Timeout-Ms", in: "header", description: "Deadline in ms", type: "integer" },
];

/** Compare-and-set. */
export const conditionParameters: readonly ParameterDoc[] = [
  {
    name: "If-Match",
    in: "header",
    description: 'Only if the key exists (*) or has this revision ("42")',
    type: "string",
  },
  {
    name: "If-None-Match",
    in: "header",
    description: "Only if the key does not exist (*)",
    type: "string",
  },
];

/** How fresh a read is, and of when. */
export const consistencyParameters: readonly ParameterDoc[] = [
  {
    name: "consistency",
    in: "query",
    description: "linearizable (default) or stale",
    type: "string",
  },
  { name: "maxStaleness", in: "query", description: "With stale: oldest age, ms", type: "integer" },
  { name: "revision", in: "query", description: "Read as of this revision", type: "integer" },
];

/** What a range is. */
export const rangeParameters: readonly ParameterDoc[] = [
  { name: "prefix", in: "query", description: "Keys that start so; empty: all", type: "string" },
  { name: "start", in: "query", description: "First key, inclusive", type: "string" },
  {
    name: "end",
    in: "query",
    description: "Last key, exclusive; empty: to the end",
    type: "string",
  },
];
