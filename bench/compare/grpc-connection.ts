/**
 * A load connection to etcd: gRPC over HTTP/2 frames made by hand (RFC 9113, and HPACK literals
 * without indexing, RFC 7541 §6.2.2), one request at a time. A response with a message is a
 * success; gRPC answers errors with trailers only.
 */
import { connect, type Socket } from "node:net";
import { type LoadConnection, type Operation, splitEndpoint } from "./protocol.ts";

const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
const FRAME_HEAD_BYTES = 9;
const FRAME_DATA = 0;
const FRAME_HEADERS = 1;
const FRAME_RST_STREAM = 3;
const FRAME_SETTINGS = 4;
const FRAME_PING = 6;
const FRAME_GOAWAY = 7;
const FRAME_WINDOW_UPDATE = 8;
const FLAG_ACK = 1;
const FLAG_END_STREAM = 1;
const FLAG_END_HEADERS = 4;
/** The window is opened wide at the start and again each time so much was received. */
const WINDOW_STEP = 1 << 20;
const NOTHING = Buffer.alloc(0);

interface FrameHead {
  readonly type: number;
  readonly flags?: number;
  readonly stream?: number;
}

const frame = ({ type, flags = 0, stream = 0 }: FrameHead, payload: Buffer): Buffer => {
  const bytes = Buffer.allocUnsafe(FRAME_HEAD_BYTES + payload.length);
  bytes.writeUIntBE(payload.length, 0, 3);
  bytes[3] = type;
  bytes[4] = flags;
  bytes.writeUInt32BE(stream, 5);
  payload.copy(bytes, FRAME_HEAD_BYTES);
  return bytes;
};

const literal = (name: string, value: string): Buffer =>
  Buffer.concat([
    Buffer.from([0, name.length]),
    Buffer.from(name),
    Buffer.from([value.length]),
    Buffer.from(value),
  ]);

const headerBlock = (path: string, authority: string): Buffer =>
  Buffer.concat([
    literal(":method", "POST"),
    literal(":scheme", "http"),
    literal(":path", path),
    literal(":authority", authority),
    literal("content-type", "application/grpc"),
    literal("te", "trailers"),
  ]);

/** Field numbers of etcdserverpb.PutRequest and RangeRequest: 1 key, 2 value. */
const protobufBytes = (field: number, bytes: Buffer): Buffer => {
  const length =
    bytes.length < 0x80 ? [bytes.length] : [(bytes.length & 0x7f) | 0x80, bytes.length >> 7];
  return Buffer.concat([Buffer.from([(field << 3) | 2, ...length]), bytes]);
};

const grpcMessage = ({ kind, key, value }: Operation): Buffer => {
  const keyField = protobufBytes(1, Buffer.from(key));
  const message = kind === "get" ? keyField : Buffer.concat([keyField, protobufBytes(2, value)]);
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
};

export class GrpcConnection implements LoadConnection {
  readonly ready: Promise<void>;
  readonly #socket: Socket;
  readonly #putHeaders: Buffer;
  readonly #getHeaders: Buffer;
  #stream = -1;
  #done: ((error: string | null) => void) | null = null;
  #hasMessage = false;
  #received: Buffer = Buffer.alloc(0);
  #sinceUpdate = 0;

  constructor(endpoint: string) {
    const { host, port } = splitEndpoint(endpoint);
    this.#putHeaders = headerBlock("/etcdserverpb.KV/Put", endpoint);
    this.#getHeaders = headerBlock("/etcdserverpb.KV/Range", endpoint);
    this.#socket = connect({ host, port, noDelay: true });
    this.ready = new Promise((resolve, reject) => {
      this.#socket.once("connect", () => {
        this.#socket.write(Buffer.concat([PREFACE, frame({ type: FRAME_SETTINGS }, NOTHING)]));
        this.#openWindow(WINDOW_STEP);
        resolve();
      });
      this.#socket.once("error", reject);
    });
    this.#socket.on("data", (chunk: Buffer) => this.#take(chunk));
    this.#socket.on("error", (error) => this.#finish(error.message));
    this.#socket.on("close", () => this.#finish("the connection was closed"));
  }

  send(operation: Operation, done: (error: string | null) => void): void {
    this.#done = done;
    this.#hasMessage = false;
    this.#stream += 2;
    const stream = this.#stream;
    const headers = operation.kind === "put" ? this.#putHeaders : this.#getHeaders;
    this.#socket.write(
      Buffer.concat([
        frame({ type: FRAME_HEADERS, flags: FLAG_END_HEADERS, stream }, headers),
        frame({ type: FRAME_DATA, flags: FLAG_END_STREAM, stream }, grpcMessage(operation)),
      ]),
    );
  }

  close(): void {
    this.#done = null;
    this.#socket.destroy();
  }

  #take(chunk: Buffer): void {
    let bytes = this.#received.length === 0 ? chunk : Buffer.concat([this.#received, chunk]);
    while (bytes.length >= FRAME_HEAD_BYTES) {
      const end = FRAME_HEAD_BYTES + bytes.readUIntBE(0, 3);
      if (bytes.length < end) break;
      this.#takeFrame(bytes.subarray(0, end));
      bytes = bytes.subarray(end);
    }
    this.#received = bytes;
  }

  #takeFrame(bytes: Buffer): void {
    const [type = 0, flags = 0] = bytes.subarray(3, 5);
    const payload = bytes.subarray(FRAME_HEAD_BYTES);
    switch (type) {
      case FRAME_DATA:
        this.#hasMessage ||= payload.length > 0;
        this.#countReceived(payload.length);
        break;
      case FRAME_SETTINGS:
        if ((flags & FLAG_ACK) === 0) {
          this.#socket.write(frame({ type: FRAME_SETTINGS, flags: FLAG_ACK }, NOTHING));
        }
        break;
      case FRAME_PING:
        if ((flags & FLAG_ACK) === 0)
          this.#socket.write(frame({ type: FRAME_PING, flags: FLAG_ACK }, payload));
        break;
      case FRAME_RST_STREAM:
      case FRAME_GOAWAY:
        this.#finish(`etcd ended the stream, frame type ${type}`);
        break;
    }
    const isEnd =
      (type === FRAME_DATA || type === FRAME_HEADERS) && (flags & FLAG_END_STREAM) !== 0;
    if (isEnd) this.#finish(this.#hasMessage ? null : "etcd answered an error (trailers only)");
  }

  /** The connection's window; streams are too short-lived to need theirs. */
  #countReceived(bytes: number): void {
    this.#sinceUpdate += bytes;
    if (this.#sinceUpdate < WINDOW_STEP / 2) return;
    this.#openWindow(this.#sinceUpdate);
    this.#sinceUpdate = 0;
  }

  #openWindow(bytes: number): void {
    const payload = Buffer.alloc(4);
    payload.writeUInt32BE(bytes);
    this.#socket.write(frame({ type: FRAME_WINDOW_UPDATE }, payload));
  }

  #finish(error: string | null): void {
    const done = this.#done;
    this.#done = null;
    done?.(error);
  }
}
