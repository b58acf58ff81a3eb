/**
 * A load connection to etcd: gRPC over HTTP/2 frames made by hand (RFC 9113, and HPACK literals
 * without indexing, RFC 7541 §6.2.2), one request at a time. A response with a message is a
 * success; gRPC answers errors with trailers only.
 */
import { connect, type Socket } from "node:net";
import { grpcMessage, readRangePage } from "./etcd-messages.ts";
import {
  type Done,
  type LoadConnection,
  type Operation,
  type Page,
  type PageRequest,
  splitEndpoint,
} from "./protocol.ts";
import { SendWindow } from "./send-window.ts";

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
const SETTING_INITIAL_WINDOW = 4;
/** An answer fits into its stream's window whole. */
const STREAM_WINDOW = 1 << 30;
/** The connection's window is opened wide at the start and again each time half was received. */
const WINDOW_STEP = 1 << 24;
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

const headerBlock = (method: string, authority: string): Buffer =>
  Buffer.concat([
    literal(":method", "POST"),
    literal(":scheme", "http"),
    literal(":path", `/etcdserverpb.KV/${method}`),
    literal(":authority", authority),
    literal("content-type", "application/grpc"),
    literal("te", "trailers"),
  ]);

const ourSettings = (): Buffer => {
  const payload = Buffer.alloc(6);
  payload.writeUInt16BE(SETTING_INITIAL_WINDOW, 0);
  payload.writeUInt32BE(STREAM_WINDOW, 2);
  return frame({ type: FRAME_SETTINGS }, payload);
};

export class GrpcConnection implements LoadConnection {
  readonly ready: Promise<void>;
  readonly #socket: Socket;
  readonly #headers: Readonly<Record<Operation["kind"], Buffer>>;
  readonly #window = new SendWindow();
  #stream = -1;
  #done: Done | null = null;
  /** What is not sent yet of the request under way. */
  #unsent: Buffer = NOTHING;
  #message: Buffer[] = [];
  #received: Buffer = NOTHING;
  #sinceUpdate = 0;

  constructor(endpoint: string) {
    const { host, port } = splitEndpoint(endpoint);
    const range = headerBlock("Range", endpoint);
    const put = headerBlock("Put", endpoint);
    this.#headers = { put, get: range, page: range, batch: headerBlock("Txn", endpoint) };
    this.#socket = connect({ host, port, noDelay: true });
    this.ready = new Promise((resolve, reject) => {
      this.#socket.once("connect", () => {
        this.#socket.write(Buffer.concat([PREFACE, ourSettings()]));
        this.#openWindow(WINDOW_STEP);
        resolve();
      });
      this.#socket.once("error", reject);
    });
    this.#socket.on("data", (chunk: Buffer) => this.#take(chunk));
    this.#socket.on("error", (error) => this.#finish(error.message));
    this.#socket.on("close", () => this.#finish("the connection was closed"));
  }

  send(operation: Operation, done: Done): void {
    this.#done = done;
    this.#message = [];
    this.#stream += 2;
    this.#window.nextStream();
    this.#unsent = grpcMessage(operation);
    const stream = this.#stream;
    const flags = FLAG_END_HEADERS;
    const head = frame({ type: FRAME_HEADERS, flags, stream }, this.#headers[operation.kind]);
    this.#socket.write(Buffer.concat([head, ...this.#dataFrames()]));
  }

  readPage(request: PageRequest, body: Buffer): Page {
    return readRangePage(request, body);
  }

  close(): void {
    this.#done = null;
    this.#socket.destroy();
  }

  /** As much of the request as both windows let through. */
  #dataFrames(): Buffer[] {
    const frames: Buffer[] = [];
    while (this.#unsent.length > 0) {
      const bytes = this.#window.take(this.#unsent.length);
      if (bytes === 0) break;
      const flags = bytes === this.#unsent.length ? FLAG_END_STREAM : 0;
      const payload = this.#unsent.subarray(0, bytes);
      frames.push(frame({ type: FRAME_DATA, flags, stream: this.#stream }, payload));
      this.#unsent = this.#unsent.subarray(bytes);
    }
    return frames;
  }

  #sendOn(): void {
    if (this.#unsent.length > 0) for (const data of this.#dataFrames()) this.#socket.write(data);
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
        if (payload.length > 0) this.#message.push(payload);
        this.#countReceived(payload.length);
        break;
      case FRAME_SETTINGS:
        if ((flags & FLAG_ACK) === 0) this.#takeSettings(payload);
        break;
      case FRAME_PING:
        if ((flags & FLAG_ACK) === 0)
          this.#socket.write(frame({ type: FRAME_PING, flags: FLAG_ACK }, payload));
        break;
      case FRAME_WINDOW_UPDATE:
        this.#takeWindowUpdate(bytes.readUInt32BE(5) & 0x7fff_ffff, payload);
        break;
      case FRAME_RST_STREAM:
      case FRAME_GOAWAY:
        this.#finish(`etcd ended the stream, frame type ${type}`);
        break;
    }
    const isEnd =
      (type === FRAME_DATA || type === FRAME_HEADERS) && (flags & FLAG_END_STREAM) !== 0;
    if (isEnd) {
      this.#finish(this.#message.length > 0 ? null : "etcd answered an error (trailers only)");
    }
  }

  #takeSettings(payload: Buffer): void {
    for (let at = 0; at + 6 <= payload.length; at += 6) {
      if (payload.readUInt16BE(at) !== SETTING_INITIAL_WINDOW) continue;
      this.#window.setInitial(payload.readUInt32BE(at + 2));
    }
    this.#socket.write(frame({ type: FRAME_SETTINGS, flags: FLAG_ACK }, NOTHING));
    this.#sendOn();
  }

  #takeWindowUpdate(stream: number, payload: Buffer): void {
    const bytes = payload.readUInt32BE(0);
    if (stream === 0) this.#window.openConnection(bytes);
    else if (stream === this.#stream) this.#window.openStream(bytes);
    this.#sendOn();
  }

  /** The connection's window; a stream's is large enough for any answer. */
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
    if (done === null) return;
    const [first = NOTHING] = this.#message;
    done(error, this.#message.length < 2 ? first : Buffer.concat(this.#message));
  }
}
