import assert from "node:assert/strict";
import { test } from "node:test";
import { type Lock, productionClosure } from "./production-closure.ts";

const lock: Lock = {
  packages: {
    "": {},
    node: { dependencies: { "@k/protocol": "1", "@types/node": "1", a: "1", rocksdb: "1" } },
    protocol: { dependencies: { c: "1" } },
    operator: { dependencies: { other: "1" } },
    "node_modules/@k/protocol": { link: true, resolved: "protocol" },
    "node_modules/@types/node": {},
    "node_modules/a": { dependencies: { c: "2" }, optionalDependencies: { absent: "1" } },
    "node_modules/a/node_modules/c": { peerDependencies: { peer: "1", maybe: "1" } },
    "node_modules/c": {},
    "node_modules/peer": {},
    "node_modules/other": {},
    "node_modules/compiler": {},
    "node_modules/rocksdb": { dependencies: { prebuildify: "1" } },
    "node_modules/prebuildify": { dependencies: { compiler: "1" } },
  },
};

test("what is needed in production is found where Node would find it, and nothing else", () => {
  const withPeer = structuredClone(lock);
  const nested = withPeer.packages["node_modules/a/node_modules/c"];
  assert.ok(nested !== undefined);
  Object.assign(nested, { peerDependenciesMeta: { maybe: { optional: true } } });
  assert.deepEqual(productionClosure(withPeer, ["node"]), {
    workspaces: ["node", "protocol"],
    packages: [
      "node_modules/a",
      "node_modules/a/node_modules/c",
      "node_modules/c",
      "node_modules/peer",
      "node_modules/rocksdb",
    ],
  });
});

test("a package that the lock lacks is told by name", () => {
  assert.throws(() => productionClosure(lock, ["node"]), /has no maybe, which node_modules\/a\/no/);
});
