/** A load connection to a node of KVCluster: HTTP/1.1 with keep-alive, one request at a time. */
import { connect, type Socket } from "node:net";
import { type LoadConnection, type Operation, splitEndpoint } from "./protocol.ts";

const HEAD_END = Buffer.from("\r\n\r\n");
const LENGTH = Buffer.from("content-length: ");
const COLON_CASE = 0x20;

export class HttpConnection implements LoadConnection {
  readonly ready: Promise<void>;
  readonly #socket: Socket;
  readonly #headers: string;
  #done: ((error: string | null) => void) | null = null;
  #received: Buffer = Buffer.alloc(0);

  constructor(endpoint: string, token: string) {
    const { host, port } = splitEndpoint(endpoint);
    this.#headers = ` HTTP/1.1\r\nHost: ${endpoint}\r\nAuthorization: Bearer ${token}\r\n`;
    this.#socket = connect({ host, port, noDelay: true });
    this.ready = new Promise((resolve, reject) => {
      this.#socket.once("connect", resolve);
      this.#socket.once("error", reject);
    });
    this.#socket.on("data", (chunk: Buffer) => this.#take(chunk));
    this.#socket.on("error", (error) => this.#finish(error.message));
    this.#socket.on("close", () => this.#finish("the connection was closed"));
  }

  send({ kind, key, value }: Operation, done: (error: string | null) => void): void {
    this.#done = done;
    if (kind === "get") {
      this.#socket.write(`GET /v1/kv/${key}${this.#headers}\r\n`, "latin1");
      return;
    }
    const head = `PUT /v1/kv/${key}${this.#headers}Content-Length: ${value.length}\r\n\r\n`;
    const request = Buffer.allocUnsafe(head.length + value.length);
    request.write(head, 0, "latin1");
    value.copy(request, head.length);
    this.#socket.write(request);
  }

  close(): void {
    this.#done = null;
    this.#socket.destroy();
  }

  #take(chunk: Buffer): void {
    const bytes = this.#received.length === 0 ? chunk : Buffer.concat([this.#received, chunk]);
    this.#received = bytes;
    const headEnd = bytes.indexOf(HEAD_END);
    if (headEnd === -1) return;
    const bodyAt = headEnd + HEAD_END.length;
    if (bytes.length < bodyAt + contentLength(bytes, headEnd)) return;
    this.#received = Buffer.alloc(0);
    // "HTTP/1.1 2": everything else but a 404 of a key that was never put is an error.
    const status = bytes.toString("latin1", 9, 12);
    this.#finish(
      status.startsWith("2") || status === "404" ? null : bytes.toString("latin1", 0, 400),
    );
  }

  #finish(error: string | null): void {
    const done = this.#done;
    this.#done = null;
    done?.(error);
  }
}

/** The node writes its headers in lower case; another server's would be found in either. */
const contentLength = (bytes: Buffer, headEnd: number): number => {
  let at = bytes.indexOf(LENGTH);
  if (at === -1 || at > headEnd) at = bytes.indexOf("Content-Length: ");
  if (at === -1 || at > headEnd) return 0;
  let length = 0;
  for (let i = at + LENGTH.length; (bytes[i] ?? COLON_CASE) >= 0x30; i += 1) {
    length = length * 10 + ((bytes[i] ?? 0) - 0x30);
  }
  return length;
};
