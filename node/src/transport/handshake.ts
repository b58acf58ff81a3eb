/**
 * Mutual proof of the cluster's shared secret before any frame is decoded, as two pure machines:
 *
 *   dialler  → acceptor   hello: magic, version, purpose, cluster id, both node ids, its nonce
 *   acceptor → dialler    its nonce
 *   dialler  → acceptor   HMAC-SHA-256(secret, dialler's label, hello, acceptor's nonce)
 *   acceptor → dialler    HMAC-SHA-256(secret, acceptor's label, hello, acceptor's nonce)
 *
 * Fresh nonces of both sides defeat a replay, the two labels a reflection. The dialler proves
 * itself first, so that whoever can merely reach the port never gets anything made with the secret.
 * Every message has a fixed length: a byte too many refuses the connection.
 */
import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { ByteReader, ByteWriter } from "../codec/index.ts";
import { type ClusterId, type NodeId, toNodeId } from "../raft/index.ts";
import { codeTable } from "./codec/code-table.ts";
import { PROTOCOL_VERSION } from "./frame.ts";

/** A secret below it could be guessed from one recorded handshake. */
export const SECRET_BYTES_MIN = 32;

/** What a connection is for: messages of all kinds, or one snapshot. */
export type Purpose = "messages" | "snapshot";

/** Why a connection was refused before its first frame; each has a counter. */
export type RefusalReason =
  /** Not our protocol, or a version of it that this node does not speak. */
  | "badHello"
  | "wrongCluster"
  /** Meant for another node: an address that moved. */
  | "wrongNode"
  /** Claims to be this very node: a copy of its data folder, or a loop. */
  | "ownId"
  | "wrongProof"
  /** More bytes than the step allows. */
  | "unexpectedBytes"
  | "deadline"
  /** The other side closed, or the socket failed. */
  | "closed"
  /** Gave way to a newer one: too many connections had not proved themselves yet. */
  | "crowded"
  /** Too many connections of nodes that are not members. */
  | "tooManyStrangers"
  /** As many snapshots as allowed are being received. */
  | "tooManySnapshots"
  /** The driver has not started yet. */
  | "notReady";

export interface HandshakeOptions {
  readonly clusterId: ClusterId;
  readonly self: NodeId;
  /** The cluster's shared secret, at least 32 bytes. */
  readonly secret: Uint8Array;
  /** Draws nonces; only tests give another. */
  readonly nonce?: () => Uint8Array;
}

/** What to do after some bytes came in. */
export type HandshakeStep =
  | { readonly type: "wait" }
  | { readonly type: "send"; readonly bytes: Uint8Array }
  | { readonly type: "refused"; readonly reason: RefusalReason }
  | {
      readonly type: "proved";
      readonly peer: NodeId;
      readonly purpose: Purpose;
      /** Still to be sent by the acceptor. */
      readonly bytes: Uint8Array | null;
      /** Received after the last message of the handshake: frames already. */
      readonly rest: Uint8Array;
    };

/** One side of a handshake. `push` after `refused` or `proved` is a mistake of the caller. */
export interface Handshake {
  push(chunk: Uint8Array): HandshakeStep;
}

const MAGIC = 0x4b56_5043; // "KVPC"
const NONCE_BYTES = 32;
const PROOF_BYTES = 32;
const CLUSTER_BYTES = 16;
export const HELLO_BYTES: number = 4 + 1 + 1 + CLUSTER_BYTES + 8 + 8 + NONCE_BYTES;
const DIALLER_LABEL = "kvcluster peer handshake v1: the dialler knows the secret";
const ACCEPTOR_LABEL = "kvcluster peer handshake v1: the acceptor knows the secret";

const purposes = codeTable<Purpose>("purpose", { messages: 1, snapshot: 2 });
const WAIT: HandshakeStep = { type: "wait" };
const NOTHING = new Uint8Array(0);

interface Challenge {
  readonly hello: Uint8Array;
  readonly nonce: Uint8Array;
}

function proof(secret: Uint8Array, label: string, challenge: Challenge): Uint8Array {
  const hmac = createHmac("sha256", secret);
  return hmac.update(label).update(challenge.hello).update(challenge.nonce).digest();
}

const drawNonce = (options: HandshakeOptions): Uint8Array =>
  options.nonce?.() ?? randomBytes(NONCE_BYTES);

const refused = (reason: RefusalReason): HandshakeStep => ({ type: "refused", reason });

/** Gathers exactly the bytes of one message. */
class FixedBytes {
  readonly #bytes: Uint8Array;
  #filled = 0;

  constructor(count: number) {
    this.#bytes = new Uint8Array(count);
  }

  /** The whole message and what came after it, or null while bytes are missing. */
  push(chunk: Uint8Array): { readonly whole: Uint8Array; readonly rest: Uint8Array } | null {
    const taken = chunk.subarray(0, this.#bytes.length - this.#filled);
    this.#bytes.set(taken, this.#filled);
    this.#filled += taken.length;
    if (this.#filled < this.#bytes.length) return null;
    return { whole: this.#bytes, rest: chunk.subarray(taken.length) };
  }
}

/** The side that made the connection. Send `hello` first. */
export class DialHandshake implements Handshake {
  readonly hello: Uint8Array;
  readonly #options: HandshakeOptions;
  readonly #peer: NodeId;
  readonly #purpose: Purpose;
  #awaited: FixedBytes = new FixedBytes(NONCE_BYTES);
  #challenge: Challenge | null = null;

  constructor(options: HandshakeOptions, peer: NodeId, purpose: Purpose) {
    this.#options = options;
    this.#peer = peer;
    this.#purpose = purpose;
    this.hello = new ByteWriter(HELLO_BYTES)
      .u32(MAGIC)
      .u8(PROTOCOL_VERSION)
      .u8(purposes.encode(purpose))
      .raw(Buffer.from(options.clusterId, "hex"))
      .u64(options.self)
      .u64(peer)
      .raw(drawNonce(options))
      .finish();
  }

  push(chunk: Uint8Array): HandshakeStep {
    const message = this.#awaited.push(chunk);
    if (message === null) return WAIT;
    return this.#challenge === null
      ? this.#answer(message.whole, message.rest)
      : this.#verify(this.#challenge, message.whole, message.rest);
  }

  #answer(nonce: Uint8Array, rest: Uint8Array): HandshakeStep {
    if (rest.length > 0) return refused("unexpectedBytes");
    this.#challenge = { hello: this.hello, nonce };
    this.#awaited = new FixedBytes(PROOF_BYTES);
    const bytes = proof(this.#options.secret, DIALLER_LABEL, this.#challenge);
    return { type: "send", bytes };
  }

  #verify(challenge: Challenge, answer: Uint8Array, rest: Uint8Array): HandshakeStep {
    const wanted = proof(this.#options.secret, ACCEPTOR_LABEL, challenge);
    if (!timingSafeEqual(wanted, answer)) return refused("wrongProof");
    return { type: "proved", peer: this.#peer, purpose: this.#purpose, bytes: null, rest };
  }
}

/** The side that was connected to. */
export class AcceptHandshake implements Handshake {
  readonly #options: HandshakeOptions;
  #awaited: FixedBytes = new FixedBytes(HELLO_BYTES);
  #claim: { readonly peer: NodeId; readonly purpose: Purpose } | null = null;
  #challenge: Challenge = { hello: NOTHING, nonce: NOTHING };

  constructor(options: HandshakeOptions) {
    this.#options = options;
  }

  push(chunk: Uint8Array): HandshakeStep {
    const message = this.#awaited.push(chunk);
    if (message === null) return WAIT;
    // The dialler waits for our answer to each of its messages: nothing can follow one yet.
    if (message.rest.length > 0) return refused("unexpectedBytes");
    return this.#claim === null
      ? this.#challengeHello(message.whole)
      : this.#verify(this.#claim, message.whole);
  }

  #challengeHello(hello: Uint8Array): HandshakeStep {
    const reader = new ByteReader(hello);
    const magic = reader.u32();
    const version = reader.u8();
    const purpose = reader.u8();
    if (magic !== MAGIC || version !== PROTOCOL_VERSION || purpose < 1 || purpose > 2) {
      return refused("badHello");
    }
    const cluster = Buffer.from(reader.raw(CLUSTER_BYTES)).toString("hex");
    if (cluster !== this.#options.clusterId) return refused("wrongCluster");
    const ids = new DataView(hello.buffer, hello.byteOffset + reader.offset, 16);
    const from = Number(ids.getBigUint64(0));
    if (from === 0 || !Number.isSafeInteger(from)) return refused("badHello");
    if (Number(ids.getBigUint64(8)) !== this.#options.self) return refused("wrongNode");
    if (from === this.#options.self) return refused("ownId");
    this.#claim = { peer: toNodeId(from), purpose: purposes.decode(purpose) };
    const nonce = drawNonce(this.#options);
    this.#challenge = { hello, nonce };
    this.#awaited = new FixedBytes(PROOF_BYTES);
    return { type: "send", bytes: nonce };
  }

  #verify(claim: { peer: NodeId; purpose: Purpose }, answer: Uint8Array): HandshakeStep {
    const wanted = proof(this.#options.secret, DIALLER_LABEL, this.#challenge);
    if (!timingSafeEqual(wanted, answer)) return refused("wrongProof");
    const bytes = proof(this.#options.secret, ACCEPTOR_LABEL, this.#challenge);
    return { type: "proved", ...claim, bytes, rest: NOTHING };
  }
}
