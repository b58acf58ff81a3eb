/**
 * etcd's requests as gRPC messages, and its answer to a range: protobuf by hand (rpc.proto of etcd
 * 3.x), because the generator must cost little and needs six fields of it.
 */
import type { Operation, Page, PageRequest, Put } from "./protocol.ts";

const LENGTH_DELIMITED = 2;
const GRPC_HEAD_BYTES = 5;

const varint = (value: number): number[] => {
  const bytes: number[] = [];
  let rest = value;
  while (rest >= 0x80) {
    bytes.push((rest % 0x80) | 0x80);
    rest = Math.floor(rest / 0x80);
  }
  bytes.push(rest);
  return bytes;
};

const bytesField = (field: number, bytes: Buffer): Buffer =>
  Buffer.concat([Buffer.from([(field << 3) | LENGTH_DELIMITED, ...varint(bytes.length)]), bytes]);

const numberField = (field: number, value: number): Buffer =>
  Buffer.from([field << 3, ...varint(value)]);

/** PutRequest: 1 key, 2 value. */
const putRequest = ({ key, value }: Put): Buffer =>
  Buffer.concat([bytesField(1, Buffer.from(key)), bytesField(2, value)]);

/** TxnRequest: 2 what to do when all of no conditions hold; RequestOp: 2 a put. */
const txnRequest = (puts: readonly Put[]): Buffer =>
  Buffer.concat(puts.map((put) => bytesField(2, bytesField(2, putRequest(put)))));

/** The first key after all that start with the prefix, which is ASCII. */
const endOf = (prefix: string): Buffer => {
  const end = Buffer.from(prefix);
  end[end.length - 1] = (end[end.length - 1] ?? 0) + 1;
  return end;
};

/** RangeRequest: 1 key, 2 range end, 3 limit, 4 revision. `after` is `revision:last key`. */
const rangeRequest = ({ prefix, limit, after }: PageRequest): Buffer => {
  const colon = after?.indexOf(":") ?? -1;
  const start =
    after === null
      ? Buffer.from(prefix)
      : Buffer.concat([Buffer.from(after.slice(colon + 1)), Buffer.alloc(1)]);
  const range = [bytesField(1, start), bytesField(2, endOf(prefix)), numberField(3, limit)];
  if (after !== null) range.push(numberField(4, Number(after.slice(0, colon))));
  return Buffer.concat(range);
};

const requestOf = (operation: Operation): Buffer => {
  switch (operation.kind) {
    case "put":
      return putRequest(operation);
    case "get":
      return bytesField(1, Buffer.from(operation.key));
    case "batch":
      return txnRequest(operation.puts);
    case "page":
      return rangeRequest(operation);
  }
};

/** A request as gRPC frames it: not compressed, length, message. */
export const grpcMessage = (operation: Operation): Buffer => {
  const message = requestOf(operation);
  const framed = Buffer.allocUnsafe(GRPC_HEAD_BYTES + message.length);
  framed[0] = 0;
  framed.writeUInt32BE(message.length, 1);
  message.copy(framed, GRPC_HEAD_BYTES);
  return framed;
};

/** Reads fields of one message, front to back. */
class FieldReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#bytes.length;
  }

  varint(): number {
    let value = 0;
    for (let scale = 1; ; scale *= 0x80) {
      const byte = this.#bytes[this.#at] ?? 0;
      this.#at += 1;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
  }

  bytes(): Buffer {
    const length = this.varint();
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }
}

/** Calls with each field's number and either its bytes or its value. */
const eachField = (
  message: Buffer,
  use: (field: number, content: { readonly bytes: Buffer | null; readonly value: number }) => void,
): void => {
  const reader = new FieldReader(message);
  while (!reader.isAtEnd) {
    const tag = reader.varint();
    const isBytes = (tag & 7) === LENGTH_DELIMITED;
    use(
      tag >> 3,
      isBytes ? { bytes: reader.bytes(), value: 0 } : { bytes: null, value: reader.varint() },
    );
  }
};

/** Field 1 of KeyValue. */
const keyOf = (keyValue: Buffer): string => {
  const reader = new FieldReader(keyValue);
  reader.varint();
  return reader.bytes().toString("latin1");
};

/**
 * RangeResponse: 1 header (whose 3 is the revision), 2 each key, 3 more. A page that follows is
 * read at the first one's revision, which its own header does not tell: it names the present one.
 */
export const readRangePage = ({ after }: PageRequest, body: Buffer): Page => {
  let keys = 0;
  let revision = 0;
  let more = false;
  let last: Buffer | null = null;
  eachField(body.subarray(GRPC_HEAD_BYTES), (field, { bytes, value }) => {
    if (field === 1 && bytes !== null) {
      eachField(bytes, (inner, content) => {
        if (inner === 3) revision = content.value;
      });
    } else if (field === 2) {
      keys += 1;
      last = bytes;
    } else if (field === 3) {
      more = value === 1;
    }
  });
  if (after !== null) revision = Number(after.slice(0, after.indexOf(":")));
  return { revision, keys, next: more && last !== null ? `${revision}:${keyOf(last)}` : null };
};
