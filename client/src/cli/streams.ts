/** The world of one run of `kv`: streams and environment, given, so that runs can be tested. */
import type { Readable, Writable } from "node:stream";

export interface CliStreams {
  readonly stdin: Readable;
  readonly stdout: Writable & { readonly isTTY?: boolean };
  readonly stderr: Writable;
  readonly env: Readonly<NodeJS.ProcessEnv>;
}

/** Standard input is taken up to this: more than any value or batch that a node accepts. */
const STDIN_BYTES_MAX = 67_108_864;

/** Writes and waits until it is taken: a pipe to a slow reader must not grow in memory. */
export function write(stream: Writable, data: string | Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.write(data, (error) => {
      if (error === null || error === undefined) resolve();
      else reject(error);
    });
  });
}

/** @throws RangeError beyond STDIN_BYTES_MAX */
export async function readAll(stdin: Readable): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of stdin) {
    const piece: Uint8Array = typeof chunk === "string" ? Buffer.from(chunk) : chunk;
    bytes += piece.byteLength;
    if (bytes > STDIN_BYTES_MAX) {
      throw new RangeError(`standard input is longer than ${STDIN_BYTES_MAX} bytes`);
    }
    chunks.push(piece);
  }
  return Buffer.concat(chunks);
}
