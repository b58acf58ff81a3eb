/**
 * What must come true once everything is healed: every member that is up acknowledges a write, all
 * reach the same index with the same hash, and the whole state of each is what the log means.
 */
import type { CommittedLog } from "./committed-log.test-kit.ts";
import type { EventQueue } from "./event-queue.test-kit.ts";
import type { History } from "./history.test-kit.ts";
import type { Life } from "./life.test-kit.ts";
import type { Machine } from "./machine.test-kit.ts";
import type { Operator } from "./operator.test-kit.ts";
import { promise } from "./violation.test-kit.ts";

export interface ConvergenceSetup {
  readonly machines: readonly Machine[];
  readonly operator: Operator;
  readonly log: CommittedLog;
  readonly queue: EventQueue;
  readonly probe: (life: Life, done: (acknowledged: boolean) => void) => void;
}

export interface Convergence {
  isReached(): boolean;
  /** What is missing, in words. */
  describe(): string;
  compareStates(history: History): Promise<void>;
}

export const checkConvergence = (setup: ConvergenceSetup): Convergence => {
  const { machines, operator, log } = setup;
  const acknowledged = new Set<Life>();
  const asked = new Set<Life>();
  const members = (): Life[] => {
    const ids = new Set(operator.observe()?.configuration.members.map(({ id }) => id));
    return machines.flatMap(({ life }) => {
      return life?.isServing === true && ids.has(life.nodeId) ? [life] : [];
    });
  };
  const askOnce = (life: Life): void => {
    if (asked.has(life) || acknowledged.has(life)) return;
    asked.add(life);
    setup.probe(life, (isDone) => {
      asked.delete(life);
      if (isDone) acknowledged.add(life);
    });
  };
  const isHealed = (): boolean => {
    const wanted = operator.observe()?.configuration.members ?? [];
    const isUseful = (machine: Machine): boolean =>
      machine.state === "up" || wanted.some(({ name }) => name === machine.name);
    return machines.every((machine) => {
      const isDeadMember = machine.state === "refused" && isUseful(machine);
      const isLostMember = machine.state === "blank" && isUseful(machine);
      return !isDeadMember && !isLostMember;
    });
  };
  return {
    isReached: () => {
      const lives = members();
      for (const life of lives) askOnce(life);
      if (lives.length === 0 || !isHealed()) return false;
      return lives.every((life) => {
        return acknowledged.has(life) && life.watch.appliedIndex === log.lastIndex;
      });
    },
    describe: () => {
      const seen = operator.observe();
      const nodes = machines.map(({ name, state, nodeId, life }) => {
        const status = life?.watch.status;
        const raft =
          status == null ? "" : ` ${status.role} ${status.term} commit ${status.commitIndex}`;
        const acked = life !== null && acknowledged.has(life) ? " acknowledged" : "";
        return `${name}/${nodeId} ${state}${raft} applied ${life?.watch.appliedIndex}${acked}`;
      });
      const ids = seen?.configuration.members.map(({ id, role }) => `${id} ${role}`).join(", ");
      return `committed ${log.lastIndex}; members ${ids}; ${nodes.join("; ")}`;
    },
    compareStates: async (history) => {
      for (const life of members()) await compareState(life, log, history);
    },
  };
};

const compareState = async (life: Life, log: CommittedLog, history: History): Promise<void> => {
  const { replica } = life;
  if (replica === null) return;
  promise(!replica.status().corrupt, "same state", () => `node ${life.nodeId} says it is corrupt`);
  const request = {
    start: new Uint8Array(0),
    end: new Uint8Array(0),
    revision: null,
    limit: 1_000_000,
    bytesMax: 1_000_000_000,
    keysOnly: false,
    countMax: 1_000_000,
  };
  const result = await replica.reader.scan(request);
  history.scanned(history.ask(), request, result);
  promise(result.type === "page" && result.count === log.model.keys, "same state", () => {
    return `node ${life.nodeId} counts ${JSON.stringify(result)}, not ${log.model.keys} keys`;
  });
};
