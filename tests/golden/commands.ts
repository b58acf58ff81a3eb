/** The commands of the golden scripts; `README.md` beside this file explains them. */
import {
  type Input,
  type MembershipChange,
  type RaftOptions,
  toLogIndex,
  toNodeId,
  toTerm,
} from "../../node/src/raft/index.ts";
import { type TestCluster, testMember } from "../../node/src/raft/test-cluster.test-kit.ts";
import {
  formatEntries,
  formatProgress,
  formatStatus,
} from "../../node/src/raft/test-format.test-kit.ts";

export type Command = (
  cluster: TestCluster,
  parameters: readonly string[],
  print: (line: string) => void,
) => void;

const encoder = new TextEncoder();

/** `1,2`, `all` or `1`. */
function idsOf(cluster: TestCluster, text: string | undefined): readonly number[] {
  if (text !== undefined && text !== "all") return text.split(",").map(Number);
  return [...cluster.nodes.values()].filter((node) => node.raft !== null).map(({ id }) => id);
}

/** `1->2`, `1<->2`, `1->*` or `*->1`, several by comma. */
function linksOf(cluster: TestCluster, text: string): readonly string[] {
  const links: string[] = [];
  for (const one of text.split(",")) {
    const [from = "", to = ""] = one.split(/<?->/);
    const all = [...cluster.nodes.keys()].map(String);
    for (const a of from === "*" ? all : [from]) {
      for (const b of to === "*" ? all : [to]) {
        if (a === b) continue;
        links.push(`${a}->${b}`);
        if (one.includes("<->")) links.push(`${b}->${a}`);
      }
    }
  }
  return links;
}

/** Positions on the network of what is under way on the links. */
function packetsOn(cluster: TestCluster, links: readonly string[]): readonly number[] {
  const isOn = (at: number): boolean => {
    const packet = cluster.packets[at];
    return packet !== undefined && links.includes(cluster.linkOf(packet));
  };
  return cluster.packets.map((_, at) => at).filter(isOn);
}

function request(
  cluster: TestCluster,
  node: string | undefined,
  make: (id: number) => Input,
): void {
  cluster.step(Number(node), [make(cluster.nextRequest())]);
}

function changeOf(words: readonly string[]): MembershipChange {
  const [type = "", subject = "", address] = words;
  switch (type) {
    case "addLearner":
      return {
        type,
        name: subject,
        peerAddress: `${subject}:5100`,
        clientAddress: `http://${subject}:5000`,
      };
    case "promote":
    case "demote":
    case "remove":
      return { type, nodeId: toNodeId(Number(subject)) };
    case "updateAddresses":
      return {
        type,
        nodeId: toNodeId(Number(subject)),
        peerAddress: `${address}:5100`,
        clientAddress: `http://${address}:5000`,
      };
    default:
      throw new Error(`there is no change ${type}`);
  }
}

function tickUntilCampaign(cluster: TestCluster, id: number): void {
  const { term } = cluster.status(id);
  for (let ticks = 0; ticks < cluster.options.electionTimeoutTicks * 2; ticks += 1) {
    cluster.step(id, [{ type: "tick" }]);
    const { role, term: now } = cluster.status(id);
    if (role === "candidate" || now !== term) return;
  }
}

/** `options name=value …`, before the first node. */
const setOptions: Command = (cluster, parameters) => {
  for (const parameter of parameters) {
    const [name = "", value = ""] = parameter.split("=");
    if (!(name in cluster.options)) throw new Error(`there is no option ${name}`);
    cluster.options = { ...cluster.options, [name as keyof RaftOptions]: Number(value) };
  }
};

/** `add-node 4 joining` (blank log) or `add-node 1 of=3 terms=1,1,4`. */
const addNode: Command = (cluster, [id = "", ...rest]) => {
  const values = new Map(rest.map((one) => one.split("=") as [string, string]));
  const count = Number(values.get("of") ?? 0);
  const members = Array.from({ length: count }, (_, at) => testMember(at + 1));
  const terms = values.get("terms")?.split(",").map(Number) ?? [];
  const term = values.get("term");
  cluster.addNode(Number(id), {
    members,
    compacted: 0,
    entryTerms: terms,
    ...(term === undefined ? {} : { term: Number(term) }),
  });
};

const propose: Command = (cluster, [id, ...texts]) => {
  const inputs = texts.map((text): Input => {
    // `x*1000` is a thousand times x.
    const [piece = "", times = "1"] = text.split("*");
    const data = encoder.encode(piece.repeat(Number(times)));
    return { type: "propose", id: cluster.nextRequest(), data };
  });
  cluster.step(Number(id), inputs);
};

const deliver: Command = (cluster, [links = "*->*", count = "all"]) => {
  // Only what is under way now, not what it causes.
  const wanted = packetsOn(cluster, linksOf(cluster, links)).map((at) => cluster.packets[at]);
  const chosen = count === "all" ? wanted : wanted.slice(0, Number(count));
  for (const packet of chosen) {
    const at = packet === undefined ? -1 : cluster.packets.indexOf(packet);
    if (at >= 0) cluster.deliver(at);
  }
};

const compact: Command = (cluster, [id, index]) => {
  const { disk } = cluster.node(Number(id));
  disk.compact(Number(index));
  const { term } = disk.compacted;
  cluster.step(Number(id), [
    { type: "compacted", index: toLogIndex(Number(index)), term: toTerm(term) },
  ]);
};

/** `request-vote 3->2 term=9`: a RequestVote out of the blue, with a log that is long enough. */
const requestVote: Command = (cluster, [link = "", term = ""]) => {
  const [from = "", to = ""] = link.split("->");
  cluster.send({
    type: "requestVote",
    from: toNodeId(Number(from)),
    to: toNodeId(Number(to)),
    term: toTerm(Number(term.split("=")[1])),
    lastLogIndex: toLogIndex(1_000_000),
    lastLogTerm: toTerm(1_000_000),
    leadershipTransfer: false,
  });
};

/** `misdeliver 1->3 7`: what is under way for 3 reaches the process that is 7 now. */
const misdeliver: Command = (cluster, [link = "", id], print) => {
  for (const at of [...packetsOn(cluster, [link])].reverse()) {
    const [packet] = cluster.packets.splice(at, 1);
    if (packet?.type !== "message") continue;
    print(`${id} receives ${packet.message.type} meant for ${packet.message.to}`);
    cluster.step(Number(id), [{ type: "message", message: packet.message }]);
  }
};

const printStatus: Command = (cluster, [ids], print) => {
  for (const id of idsOf(cluster, ids)) {
    const status = cluster.status(id);
    print(formatStatus(status));
    for (const line of formatProgress(status)) print(line);
  }
};

const isolate: Command = (cluster, [ids]) => {
  for (const id of idsOf(cluster, ids)) {
    for (const link of linksOf(cluster, `${id}<->*`)) cluster.cut.add(link);
  }
};

/** All commands by name. */
export const commands: Readonly<Record<string, Command>> = {
  options: setOptions,
  "add-nodes": (cluster, [voters, learners]) => {
    cluster.addNodes(Number(voters), Number(learners?.split("=")[1] ?? 0));
  },
  "add-node": addNode,
  /** A process without an identity: it has no core at all. */
  "add-blank": (cluster, parameters) => {
    for (const id of idsOf(cluster, parameters[0])) {
      addNode(cluster, [String(id)], () => {});
      cluster.crash(id);
    }
  },
  join: (cluster, [id]) => cluster.start(Number(id)),
  timeout: (cluster, [id, ticks]) => {
    const { electionTimeoutTicks } = cluster.options;
    cluster.node(Number(id)).random = (Number(ticks) - electionTimeoutTicks) / electionTimeoutTicks;
  },
  tick: (cluster, [ids, count = "1"]) => {
    for (let n = 0; n < Number(count); n += 1) {
      for (const id of idsOf(cluster, ids)) cluster.step(id, [{ type: "tick" }]);
    }
  },
  campaign: (cluster, [id]) => tickUntilCampaign(cluster, Number(id)),
  propose,
  read: (cluster, [id, count = "1"]) => {
    const inputs = Array.from(
      { length: Number(count) },
      (): Input => ({ type: "readIndex", id: cluster.nextRequest() }),
    );
    cluster.step(Number(id), inputs);
  },
  change: (cluster, [node, ...words]) =>
    request(cluster, node, (id) => ({ type: "changeMembership", id, change: changeOf(words) })),
  transfer: (cluster, [node, target]) =>
    request(cluster, node, (id) => ({
      type: "transferLeadership",
      id,
      target: target === undefined ? null : toNodeId(Number(target)),
    })),
  unreachable: (cluster, [id, peer]) => {
    cluster.step(Number(id), [{ type: "unreachable", nodeId: toNodeId(Number(peer)) }]);
  },
  "request-vote": requestVote,
  misdeliver,
  stabilize: (cluster) => cluster.stabilize(),
  /** `run 5`: five times a tick of every node, each followed by `stabilize`. */
  run: (cluster, [count = "1"]) => {
    for (let n = 0; n < Number(count); n += 1) {
      for (const id of idsOf(cluster, "all")) cluster.step(id, [{ type: "tick" }]);
      cluster.stabilize();
    }
  },
  deliver,
  /** The newest packet on a link overtakes all others. */
  "deliver-last": (cluster, [link = ""]) =>
    cluster.deliver(packetsOn(cluster, [link]).at(-1) ?? -1),
  drop: (cluster, [links = "*->*"]) => {
    for (const at of [...packetsOn(cluster, linksOf(cluster, links))].reverse()) cluster.drop(at);
  },
  /** What is under way on the links is delivered twice. */
  duplicate: (cluster, [links = "*->*"]) => {
    const copies = packetsOn(cluster, linksOf(cluster, links)).map((at) => cluster.packets[at]);
    for (const packet of copies) if (packet !== undefined) cluster.packets.push(packet);
  },
  /** What is under way on the links arrives in the opposite order. */
  reorder: (cluster, [links = "*->*"]) => {
    const at = packetsOn(cluster, linksOf(cluster, links));
    const packets = at.map((place) => cluster.packets[place]).reverse();
    at.forEach((place, n) => {
      const packet = packets[n];
      if (packet !== undefined) cluster.packets[place] = packet;
    });
  },
  cut: (cluster, [links = ""]) => {
    for (const link of linksOf(cluster, links)) cluster.cut.add(link);
  },
  isolate,
  heal: (cluster) => cluster.cut.clear(),
  hold: (cluster, [links = ""]) => {
    for (const link of linksOf(cluster, links)) cluster.held.add(link);
  },
  release: (cluster) => cluster.held.clear(),
  "hold-writes": (cluster, [ids]) => {
    for (const id of idsOf(cluster, ids)) cluster.node(id).holdsWrites = true;
  },
  "release-writes": (cluster, [ids]) => {
    for (const id of idsOf(cluster, ids)) cluster.node(id).holdsWrites = false;
  },
  "hold-applies": (cluster, [ids]) => {
    for (const id of idsOf(cluster, ids)) cluster.node(id).holdsApplies = true;
  },
  apply: (cluster, [id]) => cluster.apply(Number(id)),
  persist: (cluster, [id, count = "1"]) => {
    for (let n = 0; n < Number(count); n += 1) cluster.persist(Number(id));
  },
  compact,
  crash: (cluster, [id]) => cluster.crash(Number(id)),
  restart: (cluster, [id]) => cluster.start(Number(id)),
  status: printStatus,
  log: (cluster, [ids], print) => {
    for (const id of idsOf(cluster, ids)) {
      print(`${id} ${formatEntries(cluster.node(id).disk.entries)}`);
    }
  },
};
