import assert from "node:assert/strict";
import { test } from "node:test";
import { leaderStatus, makeSources, parseExposition } from "./metrics.test-kit.ts";
import { createMetrics, metricGroups } from "./metrics.ts";

const docs = metricGroups.flatMap(({ metrics }) => metrics);

test("the page is the text format, with every metric of its documented type", async () => {
  const metrics = createMetrics(makeSources(() => leaderStatus));
  metrics.finished({ method: "GET", route: "/v1/kv", status: 200, code: "OK", seconds: 0.002 });
  const page = parseExposition(await metrics.render());
  for (const doc of docs) {
    const parsed = page.get(doc.name);
    assert.ok(parsed !== undefined, `${doc.name} is missing`);
    assert.equal(parsed.type, doc.type, doc.name);
    assert.equal(parsed.help, doc.meaning);
  }
  const ours = [...page.keys()].filter((name) => name.startsWith("kvcluster_"));
  assert.equal(ours.length, docs.length, "and no other");
  assert.ok(page.has("process_resident_memory_bytes"));
  assert.ok(page.has("nodejs_eventloop_lag_p99_seconds"));
});

test("labels are those of the documents, and their values are few", async () => {
  const metrics = createMetrics(makeSources(() => leaderStatus));
  metrics.finished({ method: "GET", route: "/v1/kv", status: 200, code: "OK", seconds: 0.002 });
  const page = parseExposition(await metrics.render());
  for (const doc of docs) {
    const samples = [...(page.get(doc.name)?.samples.keys() ?? [])];
    for (const sample of samples) {
      const labels = [...sample.matchAll(/(\w+)="/g)].map((match) => match[1] ?? "");
      assert.deepEqual(
        labels.filter((label) => label !== "le").sort(),
        [...doc.labels].sort(),
        sample,
      );
    }
    assert.ok(samples.length <= 32, `${doc.name} has ${samples.length} samples`);
  }
});

test("figures are those of the node's parts, in the units that the names say", async () => {
  const page = parseExposition(await createMetrics(makeSources(() => leaderStatus)).render());
  const value = (name: string, labels = ""): number | undefined =>
    page.get(name)?.samples.get(name + labels);
  const expected: readonly (readonly [string, string, number])[] = [
    ["kvcluster_has_leader", "", 1],
    ["kvcluster_is_leader", "", 1],
    ["kvcluster_role", '{role="leader"}', 1],
    ["kvcluster_role", '{role="follower"}', 0],
    ["kvcluster_members", '{role="voter"}', 2],
    ["kvcluster_members", '{role="learner"}', 1],
    ["kvcluster_raft_term", "", 7],
    ["kvcluster_proposals_committed_total", "", 90],
    ["kvcluster_proposals_applied_total", "", 88],
    ["kvcluster_proposals_pending", "", 4],
    ["kvcluster_proposals_failed_total", "", 3],
    ["kvcluster_leader_silence_seconds", "", 0.25],
    ["kvcluster_db_size_bytes", "", 9000],
    ["kvcluster_log_size_bytes", "", 5000],
    ["kvcluster_disk_free_bytes", "", 6000],
    ["kvcluster_disk_size_bytes", "", 20_000],
    ["kvcluster_keys", "", 40],
    ["kvcluster_revision", "", 70],
    ["kvcluster_peer_lag_entries", '{peer="node-2"}', 10],
    ["kvcluster_peer_lag_entries", '{peer="node-3"}', 100],
    ["kvcluster_peer_active", '{peer="node-3"}', 0],
    ["kvcluster_peer_round_trip_seconds", '{peer="node-2"}', 0.0015],
    ["kvcluster_peer_connected", '{peer="id-9"}', 0],
    ["kvcluster_auth_failures_total", '{reason="tokenMissing"}', 0],
    ["kvcluster_auth_files_stale", '{source="policies"}', 1],
    ["kvcluster_keyring_active_key_info", '{key_id="k2"}', 1],
    ["kvcluster_phase", '{phase="serving"}', 1],
    ["kvcluster_build_info", `{version="1.2.3",node_version="${process.version}"}`, 1],
  ];
  for (const [name, labels, figure] of expected) assert.equal(value(name, labels), figure, name);
  assert.equal(value("kvcluster_peer_round_trip_seconds", '{peer="id-9"}'), undefined);
});

test("a blank node has a page: what it cannot know is absent, not zero", async () => {
  const page = parseExposition(await createMetrics(makeSources(null)).render());
  const samples = (name: string): number | undefined => page.get(name)?.samples.size;
  for (const name of ["kvcluster_keys", "kvcluster_has_leader", "kvcluster_node_info"]) {
    assert.equal(samples(name), 0, name);
  }
  assert.equal(page.get("kvcluster_phase")?.samples.get('kvcluster_phase{phase="blank"}'), 1);
  assert.equal(page.get("kvcluster_ready")?.samples.get("kvcluster_ready"), 0);
});

test("a scrape looks at the node once, and each scrape anew", async () => {
  let looks = 0;
  const metrics = createMetrics(
    makeSources(() => {
      looks += 1;
      const state = { ...leaderStatus.state, keys: looks };
      return { ...leaderStatus, state };
    }),
  );
  const [first, second] = await Promise.all([metrics.render(), metrics.render()]);
  assert.equal(looks, 1, "scrapes that come together share a page");
  assert.equal(first, second);
  const third = parseExposition(await metrics.render());
  assert.equal(third.get("kvcluster_keys")?.samples.get("kvcluster_keys"), 2);
});

test("a scrape that failed does not spoil the next", async () => {
  let broken = true;
  const metrics = createMetrics(
    makeSources(() => {
      if (broken) throw new Error("not now");
      return leaderStatus;
    }),
  );
  await assert.rejects(metrics.render(), /not now/);
  broken = false;
  assert.match(await metrics.render(), /kvcluster_keys 40/);
});

test("a peer that was removed is gone from the page", async () => {
  const status = structuredClone(leaderStatus);
  const metrics = createMetrics(makeSources(() => status));
  assert.match(await metrics.render(), /kvcluster_peer_lag_entries\{peer="node-3"\}/);
  Object.assign(status.raft, { progress: status.raft.progress.slice(0, 1) });
  assert.doesNotMatch(await metrics.render(), /kvcluster_peer_lag_entries\{peer="node-3"\}/);
});

test("durations of the store are observed where they happen", async () => {
  const metrics = createMetrics(makeSources(() => leaderStatus));
  metrics.observeLogSync(0.003);
  metrics.observeLogSync(20);
  metrics.observeApply(0.0002);
  const page = await metrics.render();
  assert.match(page, /kvcluster_log_sync_duration_seconds_bucket\{le="0.005"\} 1\n/);
  assert.match(page, /kvcluster_log_sync_duration_seconds_bucket\{le="10"\} 1\n/);
  assert.match(page, /kvcluster_log_sync_duration_seconds_bucket\{le="\+Inf"\} 2\n/);
  assert.match(page, /kvcluster_apply_duration_seconds_count 1\n/);
});

test("names follow the conventions of Prometheus", () => {
  for (const { name, type, unit, meaning } of docs) {
    assert.match(name, /^kvcluster_[a-z][a-z_]*$/);
    assert.equal(name.endsWith("_total"), type === "counter", name);
    const plain = name.replace(/_total$/, "");
    if (unit === "seconds" || unit === "bytes") assert.ok(plain.endsWith(`_${unit}`), name);
    if (unit === "info") assert.ok(plain.endsWith("_info"), name);
    assert.match(meaning, /^[A-Z0-9].*\.$/, name);
  }
  assert.equal(new Set(docs.map(({ name }) => name)).size, docs.length);
});
