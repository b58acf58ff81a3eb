import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { once } from "node:events";
import { type AddressInfo, connect, createServer } from "node:net";
import { test } from "node:test";
import { promisify } from "node:util";
import { resetSocket } from "./reset-socket.test-kit.ts";

const KIT = new URL("./reset-socket.test-kit.ts", import.meta.url).href;
const EXIT_MS = 20_000;

test("the other side of a connection hears of a reset", async (t) => {
  const server = createServer((near) => resetSocket(near)).listen(0, "127.0.0.1");
  t.after(() => server.close());
  await once(server, "listening");
  const far = connect((server.address() as AddressInfo).port, "127.0.0.1");
  const [error] = await once(far, "error");
  assert.equal(error.code, "ECONNRESET");
});

test("a process that reset a connection while it was being ended exits", async () => {
  const script = `
    const { connect, createServer } = await import("node:net");
    const { resetSocket } = await import(${JSON.stringify(KIT)});
    const server = createServer((near) => near.resume().on("error", () => {}));
    server.listen(0, "127.0.0.1", () => {
      const far = connect({ port: server.address().port, host: "127.0.0.1", allowHalfOpen: true });
      far.on("error", () => {});
      far.on("connect", () => {
        far.end();
        resetSocket(far);
        server.close();
      });
    });`;
  const options = { timeout: EXIT_MS, killSignal: "SIGKILL" } as const;
  const run = promisify(execFile);
  await run(process.execPath, ["--input-type=module", "--eval", script], options);
});
