/**
 * Members, configurations and snapshot metadata on the wire. Shared by InstallSnapshot and by the
 * first frame of a snapshot stream; the format on disk is the store's own business.
 */
import { type ByteReader, type ByteWriter, DecodeError } from "../../codec/index.ts";
import {
  type Configuration,
  type Member,
  type MemberRole,
  type NodeId,
  type SnapshotMetadata,
  toLogIndex,
  toNodeId,
  toTerm,
} from "../../raft/index.ts";
import { codeTable } from "./code-table.ts";

const roles = codeTable<MemberRole>("member role", { voter: 1, learner: 2 });

/** @throws DecodeError for 0, which is no node. */
export function readNodeId(reader: ByteReader): NodeId {
  const id = reader.u64();
  if (id === 0) throw new DecodeError("node id 0");
  return toNodeId(id);
}

function writeMember(writer: ByteWriter, member: Member): void {
  writer
    .u64(member.id)
    .u8(roles.encode(member.role))
    .text(member.name)
    .text(member.peerAddress)
    .text(member.clientAddress);
}

function readMember(reader: ByteReader): Member {
  return {
    id: readNodeId(reader),
    role: roles.decode(reader.u8()),
    name: reader.text(),
    peerAddress: reader.text(),
    clientAddress: reader.text(),
  };
}

function readConfiguration(reader: ByteReader): Configuration {
  const count = reader.u32();
  const members: Member[] = [];
  let previous = 0;
  for (let at = 0; at < count; at += 1) {
    const member = readMember(reader);
    if (member.id <= previous) throw new DecodeError("members are not sorted by id");
    previous = member.id;
    members.push(member);
  }
  return { members };
}

export function writeSnapshotMetadata(writer: ByteWriter, metadata: SnapshotMetadata): void {
  writer.u64(metadata.index).u64(metadata.term).u64(metadata.configurationIndex);
  writer.u32(metadata.configuration.members.length);
  for (const member of metadata.configuration.members) writeMember(writer, member);
}

/** @throws DecodeError */
export function readSnapshotMetadata(reader: ByteReader): SnapshotMetadata {
  return {
    index: toLogIndex(reader.u64()),
    term: toTerm(reader.u64()),
    configurationIndex: toLogIndex(reader.u64()),
    configuration: readConfiguration(reader),
  };
}
