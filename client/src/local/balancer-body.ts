/**
 * The body of a request on its way through the balancer. A short one is read first and can be sent
 * any number of times; a long one is streamed, and can be sent again only until its first byte
 * left.
 */
import type { IncomingMessage } from "node:http";
import { Readable } from "node:stream";

export type UpstreamBody = Buffer | Readable | null;

export interface RequestBody {
  /** False once a byte of a streamed body was read. */
  canSend(): boolean;
  /** What an attempt sends. */
  open(): UpstreamBody;
}

const none: RequestBody = { canSend: () => true, open: () => null };

/** True for a request without a body: neither of the headers that announce one (RFC 9112 §6). */
function isBodiless(request: IncomingMessage): boolean {
  const length = request.headers["content-length"];
  const isEmpty = length === undefined || length === "0";
  return isEmpty && request.headers["transfer-encoding"] === undefined;
}

/** The length of a body short enough to be read first, or null. */
function shortLength(request: IncomingMessage, bytesMax: number): number | null {
  const length = Number(request.headers["content-length"] ?? Number.NaN);
  return Number.isSafeInteger(length) && length <= bytesMax ? length : null;
}

/**
 * Calls `then` with the body, at once or when a short one has arrived; never when the client goes
 * away before that.
 */
export function takeBody(
  request: IncomingMessage,
  bytesMax: number,
  then: (body: RequestBody) => void,
): void {
  if (isBodiless(request)) {
    then(none);
  } else if (shortLength(request, bytesMax) === null) {
    then(streamed(request));
  } else {
    collect(request, then);
  }
}

function collect(request: IncomingMessage, then: (body: RequestBody) => void): void {
  const chunks: Buffer[] = [];
  request.on("data", (chunk: Buffer) => chunks.push(chunk));
  request.once("end", () => {
    const [first] = chunks;
    const bytes = chunks.length === 1 && first !== undefined ? first : Buffer.concat(chunks);
    then({ canSend: () => true, open: () => bytes });
  });
}

function streamed(request: IncomingMessage): RequestBody {
  let isStarted = false;
  // The answer may come before the body's end (413): the client's socket must survive that.
  async function* read(): AsyncGenerator<Uint8Array> {
    isStarted = true;
    yield* request.iterator({ destroyOnReturn: false });
  }
  // A stream per attempt: undici destroys the one it was given, also when it never read it.
  return { canSend: () => !isStarted, open: () => Readable.from(read(), { objectMode: false }) };
}
