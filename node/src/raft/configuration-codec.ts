/**
 * A Configuration as the data of a log entry and as part of a snapshot's metadata. Begins with a
 * version byte; what this file writes, every later release must read.
 *
 *   u8 version = 1 · u16 members · per member: u64 id, u8 role, text name, peer, client address
 */
import { ByteReader, ByteWriter, DecodeError } from "../codec/index.ts";
import { type Configuration, type Member, toNodeId } from "./types.ts";

const VERSION = 1;
const ROLE_VOTER = 0;
const ROLE_LEARNER = 1;
const ROLE_DEMOTED = 2;

/** The bytes of a configuration; equal configurations give equal bytes. */
export function encodeConfiguration(configuration: Configuration): Uint8Array {
  const writer = new ByteWriter(16 + configuration.members.length * 128);
  writer.u8(VERSION).u16(configuration.members.length);
  for (const member of configuration.members) {
    writer.u64(member.id).u8(roleByte(member)).text(member.name);
    writer.text(member.peerAddress).text(member.clientAddress);
  }
  return writer.finish();
}

/** @throws DecodeError on an unknown version or role, members out of order, or bytes left over. */
export function decodeConfiguration(bytes: Uint8Array): Configuration {
  const reader = new ByteReader(bytes);
  const version = reader.u8();
  if (version !== VERSION)
    throw new DecodeError(`configuration version ${version}, know ${VERSION}`);
  const count = reader.u16();
  const members: Member[] = [];
  for (let n = 0; n < count; n += 1) {
    const member = readMember(reader);
    if (member.id <= (members.at(-1)?.id ?? 0)) {
      throw new DecodeError(`member ${member.id} out of order in a configuration`);
    }
    members.push(member);
  }
  reader.end();
  return { members };
}

function roleByte(member: Member): number {
  if (member.role === "voter") return ROLE_VOTER;
  return member.demoted === true ? ROLE_DEMOTED : ROLE_LEARNER;
}

function readMember(reader: ByteReader): Member {
  const id = reader.u64();
  if (id === 0) throw new DecodeError("member 0 in a configuration");
  const role = reader.u8();
  if (role > ROLE_DEMOTED) throw new DecodeError(`role ${role} in a configuration`);
  const member: Member = {
    id: toNodeId(id),
    name: reader.text(),
    peerAddress: reader.text(),
    clientAddress: reader.text(),
    role: role === ROLE_VOTER ? "voter" : "learner",
  };
  return role === ROLE_DEMOTED ? { ...member, demoted: true } : member;
}
