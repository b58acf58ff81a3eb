/** The state machine's door. */
export type {
  Command,
  CommandFailure,
  CommandHeader,
  CommandResult,
  Condition,
  DeleteOperation,
  KvEvent,
  KvRecord,
  PutOperation,
  Revision,
} from "./types.ts";
export { toRevision } from "./types.ts";
