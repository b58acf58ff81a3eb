/**
 * The assertions of the golden scripts: the point of a scenario, stated so that re-recording the
 * outputs cannot bless a wrong one.
 */
import assert from "node:assert/strict";
import { toLogIndex } from "../../node/src/raft/index.ts";
import type { TestCluster } from "../../node/src/raft/test-cluster.test-kit.ts";
import {
  formatConfiguration,
  formatEntries,
  formatMessage,
} from "../../node/src/raft/test-format.test-kit.ts";

type Assertion = (cluster: TestCluster, words: readonly string[]) => void;

/** `assert [not] name …`. @throws AssertionError when it does not hold. */
export function checkAssertion(cluster: TestCluster, words: readonly string[]): void {
  if (words[0] === "not") {
    const fails = (): void => checkAssertion(cluster, words.slice(1));
    assert.throws(fails, assert.AssertionError, `${words.slice(1).join(" ")} holds`);
    return;
  }
  const [name = "", ...parameters] = words;
  const assertion = assertions[name];
  if (assertion === undefined) throw new Error(`there is no assertion ${name}`);
  assertion(cluster, parameters);
}

/** Ids as `1,2,3`; the assertion must hold for each. */
const forEach =
  (check: (cluster: TestCluster, id: number, words: readonly string[]) => void): Assertion =>
  (cluster, [ids = "", ...words]) => {
    for (const id of ids.split(",")) check(cluster, Number(id), words);
  };

const numberOrNull = (text: string | undefined): number | null =>
  text === "none" ? null : Number(text);

const assertions: Readonly<Record<string, Assertion>> = {
  /** `role 1 leader` */
  role: forEach((cluster, id, [role]) => assert.equal(cluster.status(id).role, role)),
  /** `term 1,2 3` */
  term: forEach((cluster, id, [term]) => assert.equal(cluster.status(id).term, Number(term))),
  /** `vote 1 2`, `vote 1 none` */
  vote: forEach((cluster, id, [vote]) =>
    assert.equal(cluster.status(id).votedFor, numberOrNull(vote)),
  ),
  /** `leader 1,2,3 1`, `leader 2 none` */
  leader: forEach((cluster, id, [leader]) =>
    assert.equal(cluster.status(id).leader, numberOrNull(leader)),
  ),
  /** `commit 1,2 7` */
  commit: forEach((cluster, id, [index]) =>
    assert.equal(cluster.status(id).commitIndex, Number(index)),
  ),
  /** `last 1 7` */
  last: forEach((cluster, id, [index]) =>
    assert.equal(cluster.status(id).lastIndex, Number(index)),
  ),
  /** `persisted 1 7`: what the core counts as durable */
  persisted: forEach((cluster, id, [index]) =>
    assert.equal(cluster.status(id).persistedIndex, Number(index)),
  ),
  /** `log-term 1 7 3`: the entry at 7 has term 3 */
  "log-term": forEach((cluster, id, [index, term]) =>
    assert.equal(cluster.raft(id).term(toLogIndex(Number(index))), Number(term)),
  ),
  /** `applied 1,2 x y`: the commands applied, all of them in order; none: `applied 1` */
  applied: forEach((cluster, id, texts) =>
    assert.deepEqual(cluster.node(id).disk.applied.commands, texts),
  ),
  /** `configuration 1,2 voters=(1 2) learners=(3)` */
  configuration: forEach((cluster, id, words) =>
    assert.equal(formatConfiguration(cluster.status(id).configuration), words.join(" ")),
  ),
  /** `progress 1 2 replicate 7`: the leader 1 sees 2 in that state with that match index */
  progress: (cluster, [id, peer, state, match]) => {
    const found = cluster.status(Number(id)).progress.find((one) => one.id === Number(peer));
    assert.equal(found?.state, state);
    if (match !== undefined) assert.equal(found?.matchIndex, Number(match));
  },
  /** `same-logs 1,2,3`: equal on disk */
  "same-logs": (cluster, [ids = ""]) => {
    const [first, ...rest] = ids.split(",").map((id) => cluster.node(Number(id)).disk);
    for (const disk of rest) {
      const from = Math.max(disk.compacted.index, first?.compacted.index ?? 0);
      const tail = (entries: typeof disk.entries): string =>
        formatEntries(entries.filter((entry) => entry.index > from));
      assert.equal(tail(disk.entries), tail(first?.entries ?? []));
    }
  },
  /** `outcome 3 rejected changePending`: what request 3 came to starts so */
  outcome: (cluster, [request, ...words]) => {
    const texts = cluster.outcomes.filter(({ id }) => id === Number(request));
    const wanted = words.join(" ");
    assert.ok(
      texts.some(({ text }) => text.startsWith(wanted)),
      `request ${request} came to: ${texts.map(({ text }) => text).join("; ") || "nothing"}`,
    );
  },
  /** `sent 1->2 timeoutNow`: at least one such message was ever sent */
  sent: (cluster, words) => assert.ok(countSent(cluster, words) > 0, `never ${words.join(" ")}`),
  /** `sent-times 3 1->2 appendEntries` */
  "sent-times": (cluster, [count, ...words]) =>
    assert.equal(countSent(cluster, words), Number(count)),
  /** `in-flight 2 1->2`: packets under way on the link */
  "in-flight": (cluster, [count, link]) => {
    const found = cluster.packets.filter((packet) => cluster.linkOf(packet) === link);
    assert.equal(found.length, Number(count));
  },
};

/** Messages whose line begins with the link and holds every other word. */
function countSent(cluster: TestCluster, words: readonly string[]): number {
  const [link = "", ...rest] = words;
  const lines = cluster.sent.map((message) => formatMessage(message).split(" "));
  return lines.filter(
    (line) => (link === "*" || line[0] === link) && rest.every((word) => line.includes(word)),
  ).length;
}
