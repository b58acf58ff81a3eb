/** `kv status members leader hash snapshot token`: the cluster and its operation. */
import { createWriteStream } from "node:fs";
import { open, rename, rm } from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import { type ClusterStatus, type Grant, type NodeStatus, verbs } from "@kvcluster/protocol";
import type { Command } from "commander";
import { KVStoreClient } from "../client.ts";
import { readSecret } from "../credentials.ts";
import { parseEndpoints } from "../options.ts";
import { mintToken } from "../token.ts";
import { UsageError } from "./exit-codes.ts";
import { actionOf, type Session } from "./session.ts";
import { clientOptions, parseDuration } from "./settings.ts";
import type { CliStreams } from "./streams.ts";

/** Runs a task against each endpoint on its own; a failure is a result too. */
async function atEach<T>(
  session: Session,
  task: (client: KVStoreClient) => Promise<T>,
): Promise<readonly { endpoint: string; result: PromiseSettledResult<T> }[]> {
  const options = clientOptions(session.flags, session.streams.env);
  const endpoints = parseEndpoints(options.endpoints);
  const results = await Promise.allSettled(
    endpoints.map(async (endpoint) => {
      const client = new KVStoreClient({ ...options, endpoints: endpoint });
      try {
        return await task(client);
      } finally {
        await client.close();
      }
    }),
  );
  return results.map((result, i) => ({ endpoint: endpoints[i] ?? "", result }));
}

/** Every endpoint failed: then the first failure is the command's. */
function throwWhenAllFailed(outcomes: readonly { result: PromiseSettledResult<unknown> }[]): void {
  const reasons = outcomes.flatMap(({ result }) =>
    result.status === "rejected" ? [result.reason] : [],
  );
  if (reasons.length === outcomes.length && reasons.length > 0) throw reasons[0];
}

const messageOf = (reason: unknown): string =>
  reason instanceof Error ? reason.message : String(reason);

interface EndpointStatus {
  readonly cluster: ClusterStatus;
  readonly node: NodeStatus;
}

interface StatusFlags {
  readonly config?: boolean;
}

async function status(
  session: Session,
  _words: readonly string[],
  flags: StatusFlags,
): Promise<void> {
  const outcomes = await atEach(
    session,
    async (client): Promise<EndpointStatus> => ({
      cluster: await client.cluster(),
      node: await client.status(),
    }),
  );
  throwWhenAllFailed(outcomes);
  if (session.isJson) {
    const documents = outcomes.map(({ endpoint, result }) =>
      result.status === "fulfilled"
        ? { endpoint, ...result.value }
        : { endpoint, error: messageOf(result.reason) },
    );
    await session.printLine(JSON.stringify(documents));
    return;
  }
  const rows = outcomes.map(({ endpoint, result }) =>
    result.status === "fulfilled"
      ? [endpoint, ...figuresOf(result.value)]
      : [endpoint, "-", messageOf(result.reason)],
  );
  await session.printTable([statusHead, ...rows]);
  const answered = outcomes.flatMap(({ result }) =>
    result.status === "fulfilled" ? [result.value] : [],
  );
  // The leader knows who is healthy and how far each member is.
  const telling = answered.find(({ cluster }) => cluster.node.role === "leader") ?? answered[0];
  if (telling !== undefined) {
    await session.printLine("");
    await printMembers(session, telling.cluster);
  }
  if (flags.config === true) for (const { node } of answered) await printConfig(session, node);
}

const statusHead = "ENDPOINT NODE ROLE TERM APPLIED REVISION KEYS BYTES VERSION".split(" ");

function figuresOf({ cluster, node }: EndpointStatus): string[] {
  const { name, role, term, appliedIndex, revision } = cluster.node;
  const figures = [term, appliedIndex, revision, node.keys, node.stateBytes].map(String);
  return [name, role, ...figures, node.version];
}

/** The effective configuration; the node masks what is secret. */
async function printConfig(session: Session, node: NodeStatus): Promise<void> {
  await session.printLine(`\nconfiguration of ${node.name}`);
  const rows = Object.entries(node.config).map(([setting, value]) => [
    setting,
    typeof value === "string" ? value : JSON.stringify(value),
  ]);
  await session.printTable(rows);
}

async function printMembers(session: Session, cluster: ClusterStatus): Promise<void> {
  const leader = cluster.leader?.name ?? "none";
  await session.printLine(`cluster ${cluster.clusterId}, leader ${leader}`);
  const rows = cluster.members.map((member) => [
    String(member.id),
    member.name,
    member.role,
    member.name === leader ? "leader" : "",
    member.healthy === undefined ? "?" : member.healthy ? "yes" : "NO",
    member.matchIndex === undefined ? "?" : String(member.matchIndex),
    member.peerAddress,
    member.clientAddress,
  ]);
  const head = ["ID", "NAME", "ROLE", "LEADS", "HEALTHY", "MATCH", "PEERS", "CLIENTS"];
  await session.printTable([head, ...rows]);
}

async function members(session: Session): Promise<void> {
  const cluster = await session.withClient((client) => client.cluster());
  if (session.isJson) await session.printLine(JSON.stringify(cluster.members));
  else await printMembers(session, cluster);
}

async function addMember(session: Session, words: readonly string[]): Promise<void> {
  const [name = "", peerAddress = "", clientAddress = ""] = words;
  const body = { name, peerAddress, clientAddress };
  const answer = await session.withClient((client) => client.admin.addMember(body));
  await session.print(answer, `${name} is member ${answer.nodeId}, a learner; now let it join`);
}

type MemberChange = "removeMember" | "promote" | "demote";

async function changeMember(
  session: Session,
  [ref = ""]: readonly string[],
  change: MemberChange,
): Promise<void> {
  const member = /^\d+$/.test(ref) ? Number(ref) : ref;
  const answer = await session.withClient((client) => client.admin[change](member));
  await session.print(answer, `done at log index ${answer.index}`);
}

async function transferLeader(session: Session, [target]: readonly string[]): Promise<void> {
  const ref = target === undefined ? null : /^\d+$/.test(target) ? Number(target) : target;
  const answer = await session.withClient((client) => client.admin.transferLeader(ref));
  await session.print(answer, `the leader is ${answer.leader?.name ?? "not known yet"}`);
}

async function hash(session: Session): Promise<void> {
  const outcomes = await atEach(session, (client) => client.hash());
  throwWhenAllFailed(outcomes);
  const documents = outcomes.map(({ endpoint, result }) =>
    result.status === "fulfilled"
      ? { endpoint, ...result.value }
      : { endpoint, error: messageOf(result.reason) },
  );
  if (session.isJson) {
    await session.printLine(JSON.stringify(documents));
    return;
  }
  const rows = documents.map((document) =>
    "hash" in document
      ? [document.endpoint, document.hash, String(document.appliedIndex), String(document.revision)]
      : [document.endpoint, "-", document.error],
  );
  await session.printTable([["ENDPOINT", "HASH", "APPLIED", "REVISION"], ...rows]);
}

/** Written beside, made durable, then renamed: a file of that name is always a whole snapshot. */
async function saveSnapshot(session: Session, [path = ""]: readonly string[]): Promise<void> {
  const partial = `${path}.partial`;
  const snapshot = await session
    .withClient(async (client) => {
      const stream = await client.snapshot();
      await pipeline(stream.body, createWriteStream(partial, { mode: 0o600 }));
      return stream;
    })
    .catch(async (error: unknown) => {
      await rm(partial, { force: true });
      throw error;
    });
  const file = await open(partial, "r");
  const { size } = await file.stat();
  await file.sync().finally(() => file.close());
  await rename(partial, path);
  const { index, term, revision, clusterId, node } = snapshot;
  const document = { path, bytes: size, index, term, revision, clusterId, node };
  await session.print(document, `${path}: ${size} bytes, revision ${revision}, from ${node}`);
}

interface TokenFlags {
  readonly prefix?: readonly string[];
  readonly verbs: string;
  readonly ttl: string;
  readonly subject: string;
  readonly issuer?: string;
  readonly audience?: string;
}

function grantsOf(flags: TokenFlags): Grant[] {
  const wanted = flags.verbs.split(",").map((verb) => verb.trim());
  const known = verbs.filter((verb) => wanted.includes(verb));
  const unknown = wanted.find((name) => !verbs.some((verb) => verb === name));
  if (unknown !== undefined) {
    throw new UsageError(`--verbs: no such verb: ${unknown} (there are ${verbs.join(", ")})`);
  }
  return (flags.prefix ?? [""]).map((prefix) => ({ prefix, verbs: known }));
}

async function token(
  session: Session,
  _words: readonly string[],
  flags: TokenFlags,
): Promise<void> {
  const secretFile = session.flags.secretFile ?? session.streams.env["KV_SECRET_FILE"];
  if (secretFile === undefined) throw new UsageError("--secret-file is needed to make a token");
  const minted = mintToken({
    secret: await readSecret(secretFile),
    subject: flags.subject,
    ttlSeconds: parseDuration(flags.ttl, "--ttl"),
    grants: grantsOf(flags),
    ...(flags.issuer === undefined ? {} : { issuer: flags.issuer }),
    ...(flags.audience === undefined ? {} : { audience: flags.audience }),
  });
  await session.print({ token: minted }, minted);
}

function addMemberCommands(program: Command, streams: CliStreams): void {
  const group = program
    .command("members")
    .description("show the members; see also kv members --help")
    .action(actionOf(streams, members));
  group.command("list").description("show the members").action(actionOf(streams, members));
  group
    .command("add <name> <peer-address> <client-address>")
    .description("admit a node as a learner; it becomes a voter once it has caught up")
    .action(actionOf(streams, addMember));
  const changes = [
    ["remove", "removeMember", "remove a member"],
    ["promote", "promote", "make a learner a voter now"],
    ["demote", "demote", "make a voter a learner"],
  ] as const;
  for (const [name, change, description] of changes) {
    group
      .command(`${name} <id-or-name>`)
      .description(description)
      .action(actionOf(streams, (session, words) => changeMember(session, words, change)));
  }
}

function addTokenCommand(program: Command, streams: CliStreams): void {
  const collect = (prefix: string, before: readonly string[] = []): string[] => [...before, prefix];
  program
    .command("token")
    .description("make a token from the cluster's secret (--secret-file)")
    .option(
      "--prefix <prefix>",
      "keys it is good for; may be repeated (default: every key)",
      collect,
    )
    .option("--verbs <verbs>", `any of ${verbs.join(",")}`, "read,write")
    .option("--ttl <time>", "how long it is valid: 90s, 15m, 12h, 30d", "1h")
    .option("--subject <name>", "whom it stands for, in logs and policies", "kv")
    .option("--issuer <name>", "as the nodes expect it (default: kvcluster)")
    .option("--audience <name>", "as the nodes expect it (default: kvcluster)")
    .action(actionOf(streams, token));
}

export function addClusterCommands(program: Command, streams: CliStreams): void {
  program
    .command("status")
    .description("show every endpoint, its node, and the members")
    .option("--config", "also each node's effective configuration, secrets masked")
    .action(actionOf(streams, status));
  addMemberCommands(program, streams);
  program
    .command("leader")
    .description("leadership")
    .command("transfer [id-or-name]")
    .description("hand leadership to a voter, or to the best one")
    .action(actionOf(streams, transferLeader));
  program
    .command("hash")
    .description("show the state hash of every endpoint; equal at equal index is equal state")
    .action(actionOf(streams, hash));
  program
    .command("snapshot")
    .description("backups")
    .command("save <file>")
    .description("write a consistent copy of the whole store to a file")
    .action(actionOf(streams, saveSnapshot));
  addTokenCommand(program, streams);
}
