/** Writes messages, entries and statuses as the short lines of the golden scripts. */
import type { Configuration, Entry, Message, RaftStatus } from "./index.ts";
import { decodeConfiguration } from "./index.ts";

const decoder = new TextDecoder();

export function formatConfiguration(configuration: Configuration): string {
  const show = (role: string): string =>
    configuration.members
      .filter((member) => member.role === role)
      .map((member) => (member.demoted === true ? `${member.id}*` : `${member.id}`))
      .join(" ");
  return `voters=(${show("voter")}) learners=(${show("learner")})`;
}

/** `5/2 "x"`: index 5, term 2, a command; longer data is cut. */
export function formatEntry(entry: Entry): string {
  const place = `${entry.index}/${entry.term}`;
  if (entry.type === "noop") return `${place} noop`;
  if (entry.type === "configuration") {
    return `${place} ${formatConfiguration(decodeConfiguration(entry.data))}`;
  }
  const text = decoder.decode(entry.data);
  const shown = text.length > 20 ? `"${text.slice(0, 8)}…" ${text.length} bytes` : `"${text}"`;
  return `${place} ${shown}`;
}

export const formatEntries = (entries: readonly Entry[]): string =>
  `[${entries.map(formatEntry).join(", ")}]`;

export function formatMessage(message: Message): string {
  const head = `${message.from}->${message.to} ${message.type} term=${message.term}`;
  const detail = formatDetail(message);
  return detail === "" ? head : `${head} ${detail}`;
}

function formatDetail(m: Message): string {
  switch (m.type) {
    case "requestPreVote":
      return `last=${m.lastLogIndex}/${m.lastLogTerm}`;
    case "requestVote":
      return `last=${m.lastLogIndex}/${m.lastLogTerm}${m.leadershipTransfer ? " transfer" : ""}`;
    case "requestPreVoteResponse":
    case "requestVoteResponse":
      return m.voteGranted ? "granted" : "refused";
    case "appendEntries":
      return [
        `prev=${m.prevLogIndex}/${m.prevLogTerm}`,
        `entries=${formatEntries(m.entries)}`,
        `commit=${m.leaderCommit}`,
      ].join(" ");
    case "appendEntriesResponse":
      if (m.success) return `match=${m.matchIndex}`;
      return `refused=${m.rejectedIndex} hint=${m.conflictIndex}/${m.conflictTerm}`;
    case "heartbeat":
      return `commit=${m.leaderCommit} read=${m.readSequence}`;
    case "heartbeatResponse":
      return `read=${m.readSequence}`;
    case "installSnapshot":
      return [
        `snapshot=${m.snapshot.index}/${m.snapshot.term}`,
        formatConfiguration(m.snapshot.configuration),
      ].join(" ");
    case "timeoutNow":
      return "";
    case "readIndexRequest":
      return `batch=${m.batch}`;
    case "readIndexResponse":
      return `batch=${m.batch} index=${m.readIndex ?? "none"}`;
  }
}

export function formatStatus(status: RaftStatus): string {
  const { id, role, term, votedFor, leader, commitIndex, lastIndex, persistedIndex } = status;
  return (
    `${id} ${role} term=${term} vote=${votedFor ?? "none"} leader=${leader ?? "none"} ` +
    `commit=${commitIndex} last=${lastIndex} persisted=${persistedIndex} ` +
    `first=${status.firstIndex} ` +
    formatConfiguration(status.configuration)
  );
}

export function formatProgress(status: RaftStatus): readonly string[] {
  return status.progress.map(
    (peer) =>
      `  ${peer.id}: ${peer.state} match=${peer.matchIndex} next=${peer.nextIndex}` +
      `${peer.recentActive ? "" : " silent"}`,
  );
}
