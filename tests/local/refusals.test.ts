/** What keeps the local cluster from starting is told clearly, and nothing is changed by it. */
import assert from "node:assert/strict";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import {
  chooseClusterPorts,
  closeServer,
  type Environment,
  listen,
  makeFolder,
  run,
} from "./launched.test-kit.ts";

async function refusedWith(env: Environment): Promise<string> {
  const started = run({ ...(await chooseClusterPorts()), ...env });
  assert.equal(await started.ended(), 1, started.output);
  return started.output;
}

test("a port in use is named with its purpose and the variable that moves it", async () => {
  const ports = await chooseClusterPorts();
  const taken = Number(ports["PEER_PORT_BASE"]) + 2;
  const server = await listen(taken);
  try {
    const output = await refusedWith({ ...ports, KV_DATA: join(makeFolder(), "data") });
    const told = `port ${taken}, the peer port of node-2, is in use; PEER_PORT_BASE moves it`;
    assert.ok(output.includes(told), output);
  } finally {
    await closeServer(server);
  }
});

test("two purposes on one port are told before anything starts", async () => {
  const output = await refusedWith({
    KV_DATA: join(makeFolder(), "data"),
    HTTP_PORT_BASE: "21000",
    PEER_PORT_BASE: "21001",
  });
  assert.match(output, /port 21002 would be both .*PEER_PORT_BASE.* and .*HTTP_PORT_BASE/);
});

test("a foreign folder is refused and nothing is written into it", async () => {
  const folder = makeFolder();
  writeFileSync(join(folder, "thesis.tex"), "precious");
  const output = await refusedWith({ KV_DATA: folder });
  assert.match(output, /is not the data folder of a local cluster: it holds thesis.tex/);
  assert.deepEqual(readdirSync(folder), ["thesis.tex"]);
});

test("a folder with nodes but no record is half-written, and refused", async () => {
  const folder = makeFolder();
  mkdirSync(join(folder, "node-1/data"), { recursive: true });
  assert.match(
    await refusedWith({ KV_DATA: folder }),
    /holds node-1 but no cluster.json: it is half-written or damaged/,
  );
});

test("a damaged record, one of a newer version and a missing secret are each named", async () => {
  const folder = makeFolder();
  const record = {
    format: "kvcluster local cluster",
    version: 1,
    createdAt: "2026-01-01T00:00:00Z",
    clusterId: null,
    nodes: 3,
    peerPortBase: 5100,
  };
  const write = (text: string): void => writeFileSync(join(folder, "cluster.json"), text);
  write('{"format": "kvcl');
  assert.match(
    await refusedWith({ KV_DATA: folder }),
    /cluster.json cannot be read: it is not JSON/,
  );
  write(JSON.stringify({ ...record, version: 2 }));
  assert.match(await refusedWith({ KV_DATA: folder }), /its version is 2, this program reads 1/);
  write(JSON.stringify(record));
  const output = await refusedWith({ KV_DATA: folder });
  assert.match(
    output,
    /key-ring.json is missing: without it the stored values cannot be decrypted/,
  );
  assert.match(output, /jwt-secret is missing/);
  assert.equal(existsSync(join(folder, "secrets")), false, "no new secret is made in its place");
});

test("a data folder that is a file is told", async () => {
  const file = join(makeFolder(), "data");
  writeFileSync(file, "");
  assert.match(await refusedWith({ KV_DATA: file }), /the data folder .* cannot be used: .*EEXIST/);
});

test("variables out of bounds are named", async () => {
  const KV_DATA = join(makeFolder(), "data");
  assert.match(await refusedWith({ KV_DATA, NODES: "0" }), /NODES must be .* from 1 to 9, not "0"/);
  assert.match(await refusedWith({ KV_DATA, NODES: "three" }), /NODES must be/);
  assert.match(await refusedWith({ KV_DATA, BALANCER_PORT: "70000" }), /BALANCER_PORT must be/);
  assert.equal(existsSync(KV_DATA), false);
});

test("a start that was cut short before its record is finished by the next", async () => {
  const folder = join(makeFolder(), "data");
  mkdirSync(join(folder, "secrets"), { recursive: true });
  const secret = "a-secret-that-an-earlier-start-made-and-kept\n";
  writeFileSync(join(folder, "secrets/jwt-secret"), secret, { mode: 0o600 });
  const started = run({ ...(await chooseClusterPorts()), KV_DATA: folder, NODES: "1" });
  await started.isUp();
  assert.match(started.output, /was begun by an earlier start that did not end; finishing it/);
  assert.equal(readFileSync(join(folder, "secrets/jwt-secret"), "utf8"), secret);

  const second = run({ ...(await chooseClusterPorts()), KV_DATA: folder, NODES: "1" });
  assert.equal(await second.ended(), 1);
  const holder = `a local cluster already runs on ${folder} (process ${started.child.pid}`;
  assert.ok(second.output.includes(holder), second.output);
  assert.equal(started.hasEnded, false, "the first goes on");

  assert.equal(await started.interrupt(), 0, started.output);
  for (const name of ["jwt-secret", "peer-secret", "key-ring.json"]) {
    assert.equal(statSync(join(folder, "secrets", name)).mode & 0o777, 0o600, name);
  }
  assert.equal(statSync(join(folder, "token")).mode & 0o777, 0o600);
  assert.equal(statSync(join(folder, "secrets")).mode & 0o777, 0o700);
});

test("a node that does not start is told with the end of its log", async () => {
  const KV_DATA = join(makeFolder(), "data");
  const ports = await chooseClusterPorts();
  const started = run({ ...ports, KV_DATA, NODES: "1" });
  await started.isUp();
  assert.equal(await started.interrupt(), 0, started.output);
  const ring = join(KV_DATA, "secrets/key-ring.json");
  writeFileSync(ring, "{}", { mode: 0o600 });
  const output = await refusedWith({ ...ports, KV_DATA });
  assert.match(output, /node-1 did not start \(it ended with exit code 2\)/);
  assert.match(output, /the end of .*node-1.log:\n[\s\S]*key-ring.json/);
});

test("other peer ports than the members know each other by are refused", async () => {
  const KV_DATA = join(makeFolder(), "data");
  const ports = await chooseClusterPorts();
  const started = run({ ...ports, KV_DATA, NODES: "1" });
  await started.isUp();
  await started.interrupt();
  const others = { ...ports, PEER_PORT_BASE: String(Number(ports["PEER_PORT_BASE"]) + 20) };
  const output = await refusedWith({
    ...others,
    METRICS_PORT_BASE: ports["PEER_PORT_BASE"] ?? "",
    KV_DATA,
  });
  const told = `Set PEER_PORT_BASE=${ports["PEER_PORT_BASE"]}, or use another KV_DATA`;
  assert.ok(output.includes(told), output);
  rmSync(KV_DATA, { recursive: true });
});
