import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { test } from "node:test";
import { AnswerLimits, requestsAheadMax } from "./answer-limits.ts";

const LARGE = 100_000;
const overloaded = { code: "OVERLOADED" };

interface Connection {
  readonly socket: Socket;
  readonly answers: readonly ServerResponse[];
}

/** The answers of requests sent ahead on one real connection, none of them written yet. */
async function connectionWith(requests: number): Promise<Connection & Disposable> {
  const answers: ServerResponse[] = [];
  const server = createServer((request, response) => {
    answers.push(response);
    if (answers.length === requests) arrived(request.socket);
  });
  let arrived: (socket: Socket) => void = () => undefined;
  const socket = await new Promise<Socket>((resolve) => {
    arrived = resolve;
    server.listen(0, "127.0.0.1", () => {
      const client = connect((server.address() as AddressInfo).port, "127.0.0.1");
      client.on("error", () => undefined).resume();
      client.write("GET / HTTP/1.1\r\nhost: x\r\n\r\n".repeat(requests));
    });
  });
  const dispose = (): void => {
    server.close();
    server.closeAllConnections();
  };
  return { socket, answers, [Symbol.dispose]: dispose };
}

const closed = (emitter: EventEmitter): Promise<unknown> => EventEmitter.once(emitter, "close");

test("large answers have room until they are taken, small ones always", async () => {
  using connection = await connectionWith(2);
  const { socket, answers } = connection;
  const [first, second] = answers as [ServerResponse, ServerResponse];
  const limits = new AnswerLimits(LARGE * 1.5);
  limits.hold(socket, first, LARGE);
  assert.throws(() => limits.hold(socket, second, LARGE), overloaded);
  limits.hold(socket, second, 65_536);
  assert.equal(limits.bytes, LARGE);
  const taken = closed(first);
  first.end("x".repeat(LARGE));
  await taken;
  assert.equal(limits.bytes, 0);
  limits.hold(socket, second, LARGE * 10);
  assert.equal(limits.bytes, LARGE * 10, "one answer has room, whatever its size");
});

test("a connection that is gone gives all its room back, once", async () => {
  using connection = await connectionWith(3);
  const { socket, answers } = connection;
  const limits = new AnswerLimits(LARGE * 10);
  for (const answer of answers) {
    limits.admit(socket, answer);
    limits.hold(socket, answer, LARGE);
  }
  assert.equal(limits.bytes, 3 * LARGE);
  const gone = closed(socket);
  socket.destroy();
  await gone;
  assert.equal(limits.bytes, 0);
  for (const answer of answers) answer.emit("close");
  assert.equal(limits.bytes, 0);
  const [answer] = answers;
  assert.ok(answer !== undefined);
  limits.hold(socket, answer, LARGE);
  assert.equal(limits.bytes, 0, "nobody takes it");
});

test("requests sent ahead on one connection are limited", async () => {
  using connection = await connectionWith(requestsAheadMax + 2);
  const { socket, answers } = connection;
  const limits = new AnswerLimits(LARGE);
  for (const answer of answers.slice(0, -1)) limits.admit(socket, answer);
  const last = answers.at(-1);
  assert.ok(last !== undefined);
  assert.throws(() => limits.admit(socket, last), overloaded);
  answers[1]?.emit("close");
  limits.admit(socket, last);
});
