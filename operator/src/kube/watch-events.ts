/** A watch's stream as events: JSON lines of whatever length, cut anywhere by the network. */
import { at, textOf } from "./decode-json.ts";
import { KubeError } from "./kube-error.ts";

export interface WatchEvent {
  /** `ADDED`, `MODIFIED`, `DELETED`, `BOOKMARK` or `ERROR`. */
  readonly type: string;
  readonly object: unknown;
}

/** An object may have 1.5 MiB in etcd; a line without end is no watch. */
const LINE_CHARACTERS_MAX = 16 * 1024 * 1024;

/** @throws KubeError malformed, and whatever the stream throws */
export async function* watchEvents(
  chunks: AsyncIterable<Uint8Array>,
): AsyncGenerator<WatchEvent, void, undefined> {
  const decoder = new TextDecoder("utf-8", { fatal: false });
  let pending = "";
  for await (const chunk of chunks) {
    const lines = (pending + decoder.decode(chunk, { stream: true })).split("\n");
    pending = lines.pop() ?? "";
    if (pending.length > LINE_CHARACTERS_MAX) {
      throw new KubeError("malformed", `a watch sent a line of over ${LINE_CHARACTERS_MAX}`);
    }
    for (const line of lines) if (line.trim() !== "") yield parse(line);
  }
}

function parse(line: string): WatchEvent {
  try {
    const event: unknown = JSON.parse(line);
    return { type: textOf(at(event, "type")) ?? "", object: at(event, "object") };
  } catch {
    // The line itself may be huge; what matters is that the watch must be opened anew.
    throw new KubeError("malformed", `a watch sent ${line.length} characters that are no JSON`);
  }
}
