/** Settings that are each valid but cannot all be meant. Pure; says which settings and why. */
import type { AuthKeyConfig, Config } from "./types.ts";

/** Settings that contradict each other. */
export interface Contradiction {
  readonly paths: readonly string[];
  readonly why: string;
}

/** [smaller, larger]: the first must not be above the second. */
const ordered: readonly (readonly [string, string])[] = [
  ["timeouts.requestDefaultMs", "timeouts.requestMaxMs"],
  ["timeouts.headersMs", "timeouts.bodyMs"],
  ["limits.pageItemsDefault", "limits.pageItemsMax"],
  ["raft.tickMs", "raft.heartbeatIntervalMs"],
  ["raft.appendBytesMax", "raft.inflightBytesMax"],
  ["limits.valueBytesMax", "raft.uncommittedBytesMax"],
  ["limits.valueBytesMax", "replica.proposalBytesMax"],
  ["replica.healthCheckMs", "replica.healthTimeoutMs"],
  ["log.entriesKept", "log.entriesKeptMax"],
  ["peers.reconnectMinMs", "peers.reconnectMaxMs"],
  ["peers.frameBytesMax", "peers.queueBytesMax"],
];

const valueAt = (config: Config, path: string): number =>
  Number(
    path.split(".").reduce<unknown>((inner, name) => Reflect.get(Object(inner), name), config),
  );

function orderProblems(config: Config): Contradiction[] {
  return ordered
    .filter(([low, high]) => valueAt(config, low) > valueAt(config, high))
    .map(([low, high]) => ({
      paths: [low, high],
      why: `${low}: ${valueAt(config, low)} must not be above ${high}: ${valueAt(config, high)}`,
    }));
}

function sizeProblems({ limits }: Config): Contradiction[] {
  const problems: Contradiction[] = [];
  // One put of the largest value must fit a batch: base64 makes 4 characters of 3 bytes.
  const bodyBytesMin = Math.ceil((limits.valueBytesMax + limits.keyBytesMax) / 3) * 4 + 256;
  if (limits.bodyBytesMax < bodyBytesMin) {
    problems.push({
      paths: ["limits.bodyBytesMax", "limits.valueBytesMax"],
      why: `limits.bodyBytesMax: must be at least ${bodyBytesMin} to hold the largest value`,
    });
  }
  const headerBytesMin = limits.keyBytesMax * 3 + 2048;
  if (limits.headerBytesMax < headerBytesMin) {
    problems.push({
      paths: ["limits.headerBytesMax", "limits.keyBytesMax"],
      why: `limits.headerBytesMax: must be at least ${headerBytesMin} for a percent-encoded key`,
    });
  }
  return problems;
}

/** What one operation of a batch takes beside its JSON: its lengths, and what sealing adds. */
const operationBytesMax = 128;

/**
 * A write that fits no frame would be appended and never replicated: nothing after it would commit,
 * ever. A message holds entries up to its limit and the one that exceeds it, each with its header,
 * which is shorter than any command.
 */
function frameProblems({ limits, raft, peers }: Config): Contradiction[] {
  const commandBytesMax =
    Math.max(limits.bodyBytesMax, limits.valueBytesMax + limits.keyBytesMax) +
    limits.batchOperationsMax * operationBytesMax;
  const frameBytesMin = 2 * raft.appendBytesMax + commandBytesMax;
  if (peers.frameBytesMax >= frameBytesMin) return [];
  return [
    {
      paths: ["peers.frameBytesMax", "raft.appendBytesMax", "limits.bodyBytesMax"],
      why:
        `peers.frameBytesMax: must be at least ${frameBytesMin} ` +
        "to hold a full append and the largest write",
    },
  ];
}

function raftProblems({ raft }: Config): Contradiction[] {
  if (raft.electionTimeoutMs >= raft.heartbeatIntervalMs * 3) return [];
  return [
    {
      paths: ["raft.electionTimeoutMs", "raft.heartbeatIntervalMs"],
      why: "raft.electionTimeoutMs: must be at least three heartbeat intervals",
    },
  ];
}

const portOf = (hostPort: string): number => Number(hostPort.slice(hostPort.lastIndexOf(":") + 1));

function addressProblems({ listen, advertise }: Config): Contradiction[] {
  const problems: Contradiction[] = [];
  const listeners = [
    ["listen.http", listen.http],
    ["listen.peer", listen.peer],
    ["listen.metrics", listen.metrics],
  ] as const;
  for (const [i, [path, address]] of listeners.entries()) {
    if (portOf(address) > 65_535) {
      problems.push({ paths: [path], why: `${path}: port ${portOf(address)} does not exist` });
    }
    const twin = listeners.slice(0, i).find(([, other]) => other === address);
    if (twin !== undefined && portOf(address) !== 0) {
      problems.push({ paths: [twin[0], path], why: `${path}: ${address} is also ${twin[0]}` });
    }
  }
  const wildcard = /^(0\.0\.0\.0|\[[:0]+\]):/;
  if (wildcard.test(listen.peer) && advertise.peerAddress === "") {
    problems.push({
      paths: ["advertise.peerAddress", "listen.peer"],
      why: "advertise.peerAddress: must be set when listen.peer names no host of its own",
    });
  }
  if (wildcard.test(listen.http) && advertise.clientAddress === "") {
    problems.push({
      paths: ["advertise.clientAddress", "listen.http"],
      why: "advertise.clientAddress: must be set when listen.http names no host of its own",
    });
  }
  return problems;
}

/** What is wrong with the way a key is named: one key with its algorithm, or a set of keys. */
function findKeyFault(key: AuthKeyConfig): string | null {
  const given = (["keyId", "algorithm", "file"] as const).filter((field) => field in key);
  if (key.jwksFile !== undefined) {
    return given.length === 0 ? null : `${given.join(" and ")} must be left out beside jwksFile`;
  }
  return key.algorithm !== undefined && key.file !== undefined
    ? null
    : "needs algorithm and file, or jwksFile alone";
}

function authProblems({ auth }: Config): Contradiction[] {
  const problems: Contradiction[] = [];
  for (const key of auth.keys) {
    const fault = findKeyFault(key);
    if (fault === null) continue;
    problems.push({ paths: ["auth.keys"], why: `auth.keys: key "${key.name}": ${fault}` });
  }
  const names = auth.keys.map((key) => key.name);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) {
    problems.push({ paths: ["auth.keys"], why: `auth.keys: two keys are named "${twice}"` });
  }
  if (auth.policiesFile === "" && auth.keys.every((key) => key.grants === "policies")) {
    problems.push({
      paths: ["auth.keys", "auth.policiesFile"],
      why: "auth.policiesFile: must be set when no key is trusted to grant, or nobody may act",
    });
  }
  return problems;
}

/** Everything that contradicts. */
export const contradictions = (config: Config): readonly Contradiction[] => [
  ...orderProblems(config),
  ...sizeProblems(config),
  ...frameProblems(config),
  ...raftProblems(config),
  ...addressProblems(config),
  ...authProblems(config),
];
