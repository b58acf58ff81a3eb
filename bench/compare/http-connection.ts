/** A load connection to a node of KVCluster: HTTP/1.1 with keep-alive, one request at a time. */
import { connect, type Socket } from "node:net";
import {
  type Done,
  type LoadConnection,
  type Operation,
  type Page,
  type PageRequest,
  splitEndpoint,
} from "./protocol.ts";

const HEAD_END = Buffer.from("\r\n\r\n");
const LENGTH = Buffer.from("content-length: ");
const COLON_CASE = 0x20;
const ITEM = Buffer.from('"modRevision":');
const CONTINUE = Buffer.from('"continue":"');
const REVISION = Buffer.from('{"revision":');
const NOTHING = Buffer.alloc(0);

export class HttpConnection implements LoadConnection {
  readonly ready: Promise<void>;
  readonly #socket: Socket;
  readonly #headers: string;
  #done: Done | null = null;
  #chunks: Buffer[] = [];
  #received = 0;
  #bodyAt = 0;
  /** Bytes of the whole answer; 0 until its head is here. */
  #expected = 0;

  constructor(endpoint: string, token: string) {
    const { host, port } = splitEndpoint(endpoint);
    this.#headers = ` HTTP/1.1\r\nHost: ${endpoint}\r\nAuthorization: Bearer ${token}\r\n`;
    this.#socket = connect({ host, port, noDelay: true });
    this.ready = new Promise((resolve, reject) => {
      this.#socket.once("connect", resolve);
      this.#socket.once("error", reject);
    });
    this.#socket.on("data", (chunk: Buffer) => this.#take(chunk));
    this.#socket.on("error", (error) => this.#finish(error.message, NOTHING));
    this.#socket.on("close", () => this.#finish("the connection was closed", NOTHING));
  }

  send(operation: Operation, done: Done): void {
    this.#done = done;
    switch (operation.kind) {
      case "get":
        this.#socket.write(`GET /v1/kv/${operation.key}${this.#headers}\r\n`, "latin1");
        return;
      case "put":
        this.#sendBody(`PUT /v1/kv/${operation.key}${this.#headers}`, operation.value);
        return;
      case "batch":
        this.#sendBody(
          `POST /v1/batch${this.#headers}Content-Type: application/json\r\n`,
          Buffer.from(batchBody(operation.puts), "latin1"),
        );
        return;
      case "page":
        this.#socket.write(`GET ${pageTarget(operation)}${this.#headers}\r\n`, "latin1");
    }
  }

  /** Counts without parsing: values are base64 and cannot hold what is looked for. */
  readPage(_request: PageRequest, body: Buffer): Page {
    let keys = 0;
    for (let at = body.indexOf(ITEM); at !== -1; at = body.indexOf(ITEM, at + ITEM.length)) {
      keys += 1;
    }
    const revision = Number.parseInt(body.toString("latin1", REVISION.length, 40), 10);
    const found = body.lastIndexOf(CONTINUE);
    if (found === -1) return { revision, keys, next: null };
    const from = found + CONTINUE.length;
    return { revision, keys, next: body.toString("latin1", from, body.indexOf('"', from)) };
  }

  close(): void {
    this.#done = null;
    this.#socket.destroy();
  }

  #sendBody(start: string, body: Buffer): void {
    const head = `${start}Content-Length: ${body.length}\r\n\r\n`;
    const request = Buffer.allocUnsafe(head.length + body.length);
    request.write(head, 0, "latin1");
    body.copy(request, head.length);
    this.#socket.write(request);
  }

  #take(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#received += chunk.length;
    if (this.#expected === 0) this.#readHead();
    if (this.#expected === 0 || this.#received < this.#expected) return;
    const bytes = this.#joined();
    const bodyAt = this.#bodyAt;
    this.#chunks = [];
    this.#received = 0;
    this.#expected = 0;
    // "HTTP/1.1 2": everything else but a 404 of a key that was never put is an error.
    const status = bytes.toString("latin1", 9, 12);
    const isFine = status.startsWith("2") || status === "404";
    this.#finish(isFine ? null : bytes.toString("latin1", 0, 400), bytes.subarray(bodyAt));
  }

  #readHead(): void {
    const bytes = this.#joined();
    const headEnd = bytes.indexOf(HEAD_END);
    if (headEnd === -1) return;
    this.#bodyAt = headEnd + HEAD_END.length;
    this.#expected = this.#bodyAt + contentLength(bytes, headEnd);
  }

  #joined(): Buffer {
    const [first = NOTHING] = this.#chunks;
    if (this.#chunks.length < 2) return first;
    const bytes = Buffer.concat(this.#chunks);
    this.#chunks = [bytes];
    return bytes;
  }

  #finish(error: string | null, body: Buffer): void {
    const done = this.#done;
    this.#done = null;
    done?.(error, body);
  }
}

const batchBody = (puts: Extract<Operation, { kind: "batch" }>["puts"]): string => {
  const operations = puts.map(
    ({ key, value }) => `{"type":"put","key":"${key}","value":"${value.toString("base64")}"}`,
  );
  return `{"operations":[${operations.join(",")}]}`;
};

const pageTarget = ({ prefix, limit, after }: PageRequest): string => {
  const range = `/v1/kv?prefix=${prefix}&limit=${limit}`;
  return after === null ? range : `${range}&continue=${after}`;
};

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
