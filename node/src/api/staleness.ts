/** Reads that do not ask the leader: only when asked for, and with their age told. */
import { headers } from "@kvcluster/protocol";
import type { ReplicaService } from "../replica/index.ts";
import { ApiError } from "./api-error.ts";
import type { Query } from "./query.ts";

const maxStalenessMs = 86_400_000;

/** How stale a read may be. */
export class Staleness {
  readonly #maxMs: number | null;

  /** @param maxMs null: any age. */
  constructor(maxMs: number | null) {
    this.#maxMs = maxMs;
  }

  /**
   * The headers that tell the age of the data of this replica, `unknown` when it never heard from a
   * leader in this life. @throws ApiError STALENESS_EXCEEDED
   */
  headersOf(replica: ReplicaService): readonly string[] {
    const ageMs = replica.stalenessMs();
    if (this.#maxMs !== null && (ageMs === null || ageMs > this.#maxMs)) {
      const age = ageMs === null ? "unknown" : `${Math.ceil(ageMs)} ms`;
      throw new ApiError("STALENESS_EXCEEDED", `age ${age}, limit ${this.#maxMs} ms`);
    }
    return [headers.staleness, ageMs === null ? "unknown" : String(Math.ceil(ageMs))];
  }
}

/** null: linearizable, the default. @throws ApiError INVALID_PARAMETER */
export function readStaleness(query: Query): Staleness | null {
  const consistency = query.choice("consistency", ["linearizable", "stale"]);
  const maxMs = query.integer("maxStaleness", 0, maxStalenessMs);
  if (consistency === "stale") return new Staleness(maxMs);
  if (maxMs === null) return null;
  throw new ApiError("INVALID_PARAMETER", "maxStaleness needs consistency=stale");
}
