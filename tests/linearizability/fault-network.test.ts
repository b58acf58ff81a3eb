/** The network between peers does to a link what it is told, in one direction, and heals. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { type TestContext, test } from "node:test";
import { HELLO_BYTES } from "../../node/src/transport/handshake.ts";
import { eventually, pause } from "../cluster/polling.test-kit.ts";
import { FaultNetwork } from "./fault-network.test-kit.ts";

/** A node that keeps what it receives and answers each chunk with "ok". */
interface Node {
  readonly server: Server;
  readonly address: string;
  received: string;
  ended: number;
}

async function startNode(t: TestContext): Promise<Node> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    socket.on("data", (bytes) => {
      node.received += bytes.toString().replaceAll(/[^0-9a-z]/g, "");
      socket.write("ok");
    });
    socket.on("close", () => {
      node.ended += 1;
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const node: Node = { server, address: `127.0.0.1:${port}`, received: "", ended: 0 };
  t.after(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return node;
}

/** A connection as the node with this id makes it. */
async function dial(t: TestContext, address: string, id: number): Promise<Socket> {
  const [host, port] = address.split(":");
  const socket = connect({ host: host ?? "", port: Number(port) });
  t.after(() => socket.destroy());
  socket.on("error", () => undefined);
  await once(socket, "connect");
  socket.resume();
  const hello = Buffer.alloc(HELLO_BYTES);
  hello.writeBigUInt64BE(BigInt(id), 22);
  socket.write(hello);
  return socket;
}

async function layNetwork(t: TestContext): Promise<{ network: FaultNetwork; b: Node; at: string }> {
  const network = new FaultNetwork();
  t.after(() => network.close());
  const b = await startNode(t);
  const at = await network.lay("b", b.address);
  network.learn(
    new Map([
      [1, "a"],
      [3, "c"],
    ]),
  );
  return { network, b, at };
}

test("what is held arrives when the link heals, other links go on", async (t) => {
  const { network, b, at } = await layNetwork(t);
  const fromA = await dial(t, at, 1);
  fromA.write("1");
  await eventually("the first arrives", () => b.received === "1");
  network.set("a", "b", { type: "held" });
  fromA.write("2");
  const fromC = await dial(t, at, 3);
  fromC.write("3");
  await eventually("the other link is open", () => b.received === "13");
  const late = await dial(t, at, 1);
  late.write("4");
  await pause(50);
  assert.equal(b.received, "13");
  network.heal();
  await eventually("all arrives", () => [...b.received].sort().join("") === "1234");
});

test("a side that goes while its link is held is noticed when it heals", async (t) => {
  const { network, b, at } = await layNetwork(t);
  const fromA = await dial(t, at, 1);
  fromA.write("1");
  await eventually("it arrives", () => b.received === "1");
  network.set("a", "b", { type: "held" });
  fromA.destroy();
  await pause(50);
  assert.equal(b.ended, 0);
  network.heal();
  await eventually("it is told", () => b.ended === 1);
});

test("a delayed link keeps the order and takes its time", async (t) => {
  const { network, b, at } = await layNetwork(t);
  network.set("a", "b", { type: "delayed", delayMs: 100 });
  const startedMs = performance.now();
  const fromA = await dial(t, at, 1);
  for (const text of ["1", "2", "3"]) fromA.write(text);
  await eventually("it arrives", () => b.received === "123");
  assert.ok(performance.now() - startedMs >= 100);
});

test("a cut passes half of the next bytes, then ends both sides", async (t) => {
  const { network, b, at } = await layNetwork(t);
  const fromA = await dial(t, at, 1);
  fromA.write("1");
  await eventually("it arrives", () => b.received === "1");
  assert.equal(network.cutInFrame("a", "b"), 1);
  fromA.write("abcdefgh");
  await eventually("both sides end", () => b.ended === 1 && fromA.destroyed);
  assert.equal(b.received, "1abcd");
});
