/** Historic bugs of terms, votes and leadership. */
import { byGolden, byPaper, byUnit, type Mutant, THREE } from "./mutant.test-kit.ts";

export const electionBugs: readonly Mutant[] = [
  {
    bug: "a vote is forgotten over a restart",
    seenIn: "Raft §5.2",
    edits: [
      {
        file: "raft/restore.ts",
        find: "votedFor: restore.hardState.votedFor,",
        replace: "votedFor: null,",
      },
    ],
    caughtBy: byPaper("§5.2: a vote survives a restart"),
  },
  {
    bug: "term and vote are written in two steps",
    seenIn: "hashicorp/raft #661",
    edits: [
      {
        file: "replica/log-writer.ts",
        find:
          "    this.#inFlight.push({ write, startedAtMs, messages });\n" +
          "    this.#store.append(write, () => this.#completed());",
        replace:
          "    this.#inFlight.push({ write, startedAtMs, messages });\n" +
          "    const { hardState } = write;\n" +
          "    if (hardState === null || write.entries.length > 0) {\n" +
          "      return this.#store.append(write, () => this.#completed());\n    }\n" +
          "    const term = { ...hardState, votedFor: null };\n" +
          "    this.#store.append({ hardState: term, entries: [] }, () => this.#completed());\n" +
          "    this.#store.append(write, () => {});",
      },
    ],
    caughtBy: {
      suite: "simulation",
      promises: ["vote only after the write"],
      scenario: { ...THREE, faults: ["crash"] },
      seedsMax: 5,
    },
  },
  {
    bug: "stepping down within a term clears the vote",
    seenIn: "CCF #8094, seaweedfs/raft 9",
    edits: [
      {
        file: "raft/roles.ts",
        find: "    node.votedFor = null;\n  }\n  if (node.leadership",
        replace: "  }\n  node.votedFor = null;\n  if (node.leadership",
      },
    ],
    caughtBy: byPaper("§5.2: stepping down within a term keeps its vote"),
  },
  {
    bug: "a vote is given to a log that lacks entries",
    seenIn: "Raft §5.4.1",
    edits: [
      {
        file: "raft/vote.ts",
        find:
          "    isVoteFree(node, message) && " +
          "node.log.isUpToDate(message.lastLogIndex, message.lastLogTerm);\n",
        replace: "    isVoteFree(node, message);\n",
      },
    ],
    caughtBy: byPaper("§5.4.1: no vote for a log that is less up to date"),
  },
  {
    bug: "the longer log wins an election, whatever its last term",
    seenIn: "Raft §5.4.1, Figure 8",
    edits: [
      {
        file: "raft/log.ts",
        find:
          "    return term > this.lastTerm || " +
          "(term === this.lastTerm && index >= this.#lastIndex);",
        replace: "    return index >= this.#lastIndex;",
      },
    ],
    caughtBy: byGolden("figure 7 divergent logs are repaired"),
  },
  {
    bug: "messages of an earlier term are handled",
    seenIn: "Raft §5.1",
    edits: [
      {
        file: "raft/admission.ts",
        find: "  if (message.term === node.currentTerm) return true;",
        replace: "  if (message.term <= node.currentTerm) return true;",
      },
    ],
    caughtBy: byGolden("deposed leader learns of the new term"),
  },
  {
    bug: "a server that lost contact deposes a live leader by its later term",
    seenIn: "thesis §4.2.3",
    edits: [
      {
        file: "raft/admission.ts",
        find: "      if (!message.leadershipTransfer && isLeaderAlive(node)) return false;\n",
        replace: "",
      },
    ],
    caughtBy: byGolden("votes refused while a live leader is known"),
  },
  {
    bug: "a pre-vote is granted although a live leader is known",
    seenIn: "thesis §9.6",
    edits: [
      {
        file: "raft/vote.ts",
        find: "    !isLeaderAlive(node) &&\n",
        replace: "",
      },
    ],
    caughtBy: byGolden("forget a leader and grant pre votes"),
  },
  {
    bug: "a leader without a quorum goes on leading",
    seenIn: "thesis §6.2",
    edits: [
      {
        file: "raft/tick.ts",
        find: "  if (hasLostQuorum(node, leadership)) {",
        replace: "  if (hasLostQuorum(node, leadership) && node.ticks < 0) {",
      },
    ],
    caughtBy: byGolden("check quorum leader steps down"),
  },
  {
    bug: "a lone voter tells of its term before its own vote is durable",
    seenIn: "this repository",
    edits: [
      {
        file: "raft/heartbeat.ts",
        find: "if (leadershipOf(node).isVoteDurable) node",
        replace: "if (leadershipOf(node).isVoteDurable || node.id > 0) node",
      },
    ],
    caughtBy: byGolden("single voter says nothing before its vote is durable"),
  },
  {
    bug: "leadership is handed to a node that lacks entries",
    seenIn: "thesis §3.10",
    edits: [
      {
        file: "raft/transfer.ts",
        find: "  if (peer.matchIndex === node.log.lastIndex) sendTimeoutNow(node, peer.id);",
        replace: "  if (peer.matchIndex >= 0) sendTimeoutNow(node, peer.id);",
      },
    ],
    caughtBy: byGolden("leader transfer to a lagging target"),
  },
  {
    bug: "proposals are taken while leadership is handed over",
    seenIn: "thesis §3.10",
    edits: [
      {
        file: "raft/own-log.ts",
        find: "  if (node.transfer !== null) {",
        replace: "  if (node.transfer !== null && node.ticks < 0) {",
      },
    ],
    caughtBy: byGolden("leader transfer"),
  },
  {
    bug: "a deposed leader goes on sending a snapshot in the next leader's term",
    seenIn: "this repository, seed 5095",
    edits: [
      {
        file: "replica/snapshot-sender.ts",
        find: "    if (this.#ports.leadingTerm() !== term) ended(false);\n    else this",
        replace:
          "    const now = this.#ports.leadingTerm() ?? ((term + 1) as Term);\n" +
          "    if (now < term) ended(false);\n    else this",
      },
      {
        file: "replica/snapshot-sender.ts",
        find: ".sendSnapshot(to, term, source, ended);",
        replace: ".sendSnapshot(to, now, source, ended);",
      },
    ],
    caughtBy: byUnit(
      "node/src/replica/snapshot-transfer.test.ts",
      "a snapshot that was opened too late for its leader never leaves (seed 5095)",
    ),
  },
];
