import assert from "node:assert/strict";
import { test } from "node:test";
import { DecodeError } from "../codec/index.ts";
import { toClusterId, toNodeId } from "../raft/index.ts";
import { encodeFrame, FRAME_HEADER_BYTES, FrameReader, type FrameType, route } from "./frame.ts";
import { CLUSTER } from "./transport.test-kit.ts";

const WAY = route(CLUSTER, toNodeId(1), toNodeId(2));

function frame(type: FrameType, body: Uint8Array, way: Uint8Array = WAY): Buffer {
  return Buffer.concat(encodeFrame(type, way, (out) => out.rest(body)).segments);
}

function reader(frameBytesMax: number = 1_000_000) {
  const frames: { type: FrameType; body: Uint8Array }[] = [];
  const frameReader = new FrameReader({
    frameBytesMax,
    expected: WAY,
    onFrame: (type, body) => frames.push({ type, body }),
  });
  return { frames, frameReader };
}

const refuses = (bytes: Uint8Array, message: RegExp): void => {
  assert.throws(
    () => reader().frameReader.push(bytes),
    (error: unknown) => {
      assert.ok(error instanceof DecodeError);
      assert.match(error.message, message);
      return true;
    },
  );
};

test("frames come out whole however the stream is cut", () => {
  const bodies = [new Uint8Array(0), Uint8Array.of(1, 2, 3), new Uint8Array(9_000).fill(5)];
  const stream = Buffer.concat(bodies.map((body) => frame("raft", body)));
  for (const step of [1, 2, 3, 5, 41, 42, 43, 4096, stream.length]) {
    const { frames, frameReader } = reader();
    for (let at = 0; at < stream.length; at += step) {
      frameReader.push(stream.subarray(at, at + step));
    }
    assert.deepEqual(
      frames.map(({ body }) => Uint8Array.from(body)),
      bodies,
    );
  }
});

test("a body that lies whole in a chunk is a view on it, not a copy", () => {
  const { frames, frameReader } = reader();
  const chunk = frame("snapshotChunk", new Uint8Array(10_000));
  frameReader.push(chunk);
  assert.equal(frames[0]?.body.buffer, chunk.buffer);
});

test("large data is a segment of its own and not copied on its way out", () => {
  const data = new Uint8Array(10_000);
  const { segments, bytes } = encodeFrame("raft", WAY, (out) => {
    out.fields.u8(1);
    out.data(data);
    out.fields.u8(2);
  });
  assert.equal(segments[1], data);
  assert.equal(bytes, FRAME_HEADER_BYTES + 1 + 4 + 10_000 + 1);
});

test("a length above the limit is refused by its four bytes alone", () => {
  const { frameReader } = reader(1_000);
  const four = Buffer.alloc(4);
  four.writeUInt32BE(0xffff_fff0);
  assert.throws(() => frameReader.push(four), DecodeError);
  reader(1_000).frameReader.push(frame("raft", new Uint8Array(1_000 - FRAME_HEADER_BYTES)));
  const tooLong = frame("raft", new Uint8Array(1_001 - FRAME_HEADER_BYTES));
  assert.throws(() => reader(1_000).frameReader.push(tooLong), DecodeError);
});

test("a length below a header is refused", () => {
  refuses(Buffer.alloc(64), /frame length 0/);
});

test("each flipped bit of a frame is refused, or waits for more bytes than there are", () => {
  const whole = frame("raft", Uint8Array.of(9, 8, 7));
  for (let bit = 0; bit < whole.length * 8; bit += 1) {
    const damaged = Uint8Array.from(whole);
    damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    const { frames, frameReader } = reader();
    try {
      frameReader.push(damaged);
    } catch (error) {
      assert.ok(error instanceof DecodeError, String(error));
    }
    assert.equal(frames.length, 0, `bit ${bit}`);
  }
});

test("a frame of another cluster, sender, receiver or version is refused", () => {
  const other = toClusterId("f".repeat(32));
  const body = Uint8Array.of(1);
  refuses(frame("raft", body, route(other, toNodeId(1), toNodeId(2))), /another cluster/);
  refuses(frame("raft", body, route(CLUSTER, toNodeId(3), toNodeId(2))), /another cluster/);
  refuses(frame("raft", body, route(CLUSTER, toNodeId(1), toNodeId(3))), /another cluster/);
  refuses(frame("raft", body, route(CLUSTER, toNodeId(2), toNodeId(1))), /another cluster/);
});

test("nothing comes out after stop, not even what is already here", () => {
  const frames: FrameType[] = [];
  const frameReader = new FrameReader({
    frameBytesMax: 1_000,
    expected: WAY,
    onFrame: (type) => {
      frames.push(type);
      frameReader.stop();
    },
  });
  frameReader.push(Buffer.concat([frame("ping", new Uint8Array(8)), frame("raft", WAY)]));
  assert.deepEqual(frames, ["ping"]);
});
