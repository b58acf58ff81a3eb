/** V8's CPU profiles as shares: by source folder and by function, idle time left out. */

interface ProfileNode {
  readonly id: number;
  readonly callFrame: { readonly functionName: string; readonly url: string };
}

interface Profile {
  /** Microseconds of the monotonic clock. */
  readonly startTime: number;
  readonly nodes: readonly ProfileNode[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

const IDLE: ReadonlySet<string> = new Set(["(idle)", "(root)"]);

/** `node/dist/raft/log.js` → `node/raft`; packages and Node's own modules by name. */
const folderOf = (url: string): string => {
  const ours = /\/(node|client|protocol)\/(?:dist|src)\/(?:([\w-]+)\/)?/.exec(url);
  if (ours !== null) return `${ours[1]}/${ours[2] ?? ""}`;
  const [, name] = /\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url) ?? [];
  return name ?? (url.startsWith("node:") ? url : url === "" ? "(native)" : url);
};

const fileOf = (url: string): string => url.replace(/^.*\/(?=[^/]+\/[^/]+$)/, "");

/** From when to when, microseconds of the monotonic clock (`process.hrtime`). */
export interface Window {
  readonly from: number;
  readonly to: number;
}

/** Microseconds by name; the window's busy time of all threads together. */
interface Shares {
  readonly folders: Map<string, number>;
  readonly functions: Map<string, number>;
  busy: number;
}

/** Lines of text: for each kind of thread two tables, in microseconds a request. */
export const profileShares = (
  texts: readonly string[],
  window: Window,
  { requests, top }: { readonly requests: number; readonly top: number },
): string[] => {
  const kinds = new Map<string, Shares>();
  for (const text of texts) {
    const profile: Profile = JSON.parse(text);
    const kind = profile.nodes.some(isOfStore) ? "store thread" : "main thread";
    const shares = kinds.get(kind) ?? { folders: new Map(), functions: new Map(), busy: 0 };
    kinds.set(kind, shares);
    addProfile(shares, profile, window);
  }
  return [...kinds].flatMap(([kind, { folders, functions, busy }]) => [
    `\n${kind}: ${(busy / requests).toFixed(1)} µs a request (wall clock while busy)`,
    ...table("by folder or native function", folders, { requests, top }),
    ...table("by function", functions, { requests, top }),
  ]);
};

const isOfStore = ({ callFrame }: ProfileNode): boolean =>
  callFrame.url.endsWith("/storage/worker.js");

const addProfile = (shares: Shares, profile: Profile, { from, to }: Window): void => {
  const nodes = new Map(profile.nodes.map((node) => [node.id, node.callFrame]));
  let at = profile.startTime;
  for (const [i, id] of profile.samples.entries()) {
    const micros = profile.timeDeltas[i] ?? 0;
    at += micros;
    const frame = nodes.get(id);
    if (frame === undefined || IDLE.has(frame.functionName) || at < from || at > to) continue;
    const native = frame.functionName || "(native)";
    add(shares.folders, frame.url === "" ? native : folderOf(frame.url), micros);
    add(shares.functions, `${frame.functionName || "(anonymous)"} ${fileOf(frame.url)}`, micros);
    shares.busy += micros;
  }
};

const add = (sums: Map<string, number>, name: string, micros: number): void => {
  sums.set(name, (sums.get(name) ?? 0) + micros);
};

const table = (
  title: string,
  shares: ReadonlyMap<string, number>,
  { requests, top }: { readonly requests: number; readonly top: number },
): string[] => [
  `  ${title}`,
  ...[...shares]
    .sort(([, a], [, b]) => b - a)
    .slice(0, top)
    .map(([name, micros]) => `${(micros / requests).toFixed(1).padStart(8)}  ${name}`),
];
