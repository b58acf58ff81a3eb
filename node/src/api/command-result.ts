/** From what a command came to in the state machine to errors of the API. */

import type { CommandFailure, CommandResult } from "../kv/index.ts";
import type { ReadFailure } from "../replica/index.ts";
import { ApiError } from "./api-error.ts";

/** @param current CONDITION_FAILED: the key's modRevision, 0 when absent. */
export function commandFailure(
  code: CommandFailure | ReadFailure,
  revision: number,
  current: number,
): ApiError {
  switch (code) {
    case "CONDITION_FAILED": {
      const now = current === 0 ? "the key does not exist" : `the key has modRevision ${current}`;
      return new ApiError(code, `the condition did not hold: ${now}`, { revision: current });
    }
    case "RANGE_TOO_LARGE":
      return new ApiError(code, "the range holds more keys than one delete may delete");
    case "DUPLICATE_KEY":
      return new ApiError(code, "an operation names a key that an earlier one names");
    case "REVISION_COMPACTED":
      return new ApiError(code, "the revision asked for is compacted", { revision });
    case "REVISION_IN_FUTURE":
      return new ApiError(code, `the store is at revision ${revision}`, { revision });
  }
}

/** A command never has another command's result: a fault of this server. */
export const unexpectedResult = (command: string, result: CommandResult): Error =>
  new Error(`a ${command} command came to a ${result.type} result`);
