/** A peer is a name, such as that of a pod: what the name means may change, or be nothing yet. */
import assert from "node:assert/strict";
import { connect, type LookupFunction } from "node:net";
import { test } from "node:test";
import { type SocketFactory, tcpSockets } from "./options.ts";
import { heartbeat, isConnected, startPeer, until } from "./transport.test-kit.ts";

/** What DNS says, one answer for each time that it is asked; the last one stays. */
function socketsAsking(answers: readonly (string | null)[], asked: string[]): SocketFactory {
  const lookup: LookupFunction = (hostname, _options, tell) => {
    const address = answers[Math.min(asked.length, answers.length - 1)] ?? null;
    asked.push(hostname);
    if (address === null) tell(Object.assign(new Error("ENOTFOUND"), { code: "ENOTFOUND" }), "");
    else tell(null, [{ address, family: 4 }]);
  };
  return { ...tcpSockets, connect: (to) => connect({ ...to, lookup }) };
}

test("a peer's name is resolved anew at each connect, until it means the peer", async (t) => {
  const asked: string[] = [];
  const b = await startPeer(t, 2);
  // Not in DNS yet; then what a pod left behind, where nobody listens; then the pod of today.
  const sockets = socketsAsking([null, null, "127.0.0.254", "127.0.0.1"], asked);
  const a = await startPeer(t, 1, { sockets });
  const name = "store-1.store-peers.shop.svc";
  a.transport.setPeers([{ ...b.member(), peerAddress: `${name}:${b.port}` }]);
  await until(() => {
    a.runtime.advance(50);
    return isConnected(a, 2);
  }, "connected to the peer");
  assert.deepEqual(asked, [name, name, name, name]);
  a.transport.send(b.id, heartbeat(1, 2, 1));
  await until(() => b.received.length === 1, "the message arrives");
  assert.match(a.logs.join("\n"), /store-1\.store-peers\.shop\.svc.*ENOTFOUND/);
});
