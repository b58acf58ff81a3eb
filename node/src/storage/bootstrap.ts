/** Gives a blank node its identity: as the first member of a new cluster, or as one that joins. */
import {
  type ClusterId,
  type Configuration,
  encodeConfiguration,
  type Member,
  toLogIndex,
  toNodeId,
  toTerm,
} from "../raft/index.ts";
import type { Identity } from "../replica/index.ts";
import type { Files } from "./files.ts";
import type { LogOptions } from "./log/log.ts";
import { createMember } from "./member-files.ts";

export interface BootstrapRequest {
  /** Drawn at random by the caller, once in the life of the cluster. */
  readonly clusterId: ClusterId;
  readonly name: string;
  readonly peerAddress: string;
  readonly clientAddress: string;
}

export interface JoinRecord {
  readonly identity: Identity;
  /** Where to find the others before the log tells; not believed for anything else. */
  readonly members: readonly Member[];
}

const FIRST_TERM = toTerm(1);
const FIRST_NODE = toNodeId(1);

/**
 * A cluster of one: its log holds one entry, (index 1, term 1), the configuration with this node as
 * the only voter. The node's id is the index of that entry.
 */
export const bootstrapMember = (
  files: Files,
  root: string,
  { log, ...request }: BootstrapRequest & { readonly log: LogOptions },
): Identity => {
  const { clusterId, name, peerAddress, clientAddress } = request;
  const identity = { clusterId, nodeId: FIRST_NODE, name };
  const member = { id: FIRST_NODE, name, peerAddress, clientAddress, role: "voter" } as const;
  const configuration: Configuration = { members: [member] };
  createMember(files, root, {
    identity,
    provisional: { members: [] },
    hardState: { currentTerm: FIRST_TERM, votedFor: FIRST_NODE },
    entries: [
      {
        index: toLogIndex(1),
        term: FIRST_TERM,
        type: "configuration",
        data: encodeConfiguration(configuration),
      },
    ],
    log,
  });
  return identity;
};

/** A member with an empty log that waits for the leader. */
export const joinMember = (
  files: Files,
  root: string,
  { identity, members, log }: JoinRecord & { readonly log: LogOptions },
): Identity => {
  createMember(files, root, {
    identity,
    provisional: { members: [...members].sort((a, b) => a.id - b.id) },
    hardState: { currentTerm: toTerm(0), votedFor: null },
    entries: [],
    log,
  });
  return identity;
};
