/**
 * Collects what one step wants done and hands it over as Effects. The order within each list is
 * the order in which things happened.
 */
import { assertInvariant } from "./assertion.ts";
import type {
  Acceptance,
  AppendEntriesResponse,
  Effects,
  EntriesToRead,
  Entry,
  HardState,
  LogIndex,
  Message,
  NodeId,
  ReadGrant,
  Rejection,
  RejectionReason,
} from "./types.ts";

export class Outbox {
  #entries: Entry[] = [];
  #messages: Message[] = [];
  #messagesAfterWrite: Message[] = [];
  #accepted: Acceptance[] = [];
  #rejected: Rejection[] = [];
  #reads: ReadGrant[] = [];
  #entriesToRead: EntriesToRead[] = [];
  #snapshotsToSend: NodeId[] = [];
  #transferred: number[] = [];

  /** May leave at once, in parallel with the write. */
  send(message: Message): void {
    this.#messages.push(message);
  }

  /** Promises something that the write of this step, or an earlier one, makes true. */
  sendAfterWrite(message: Message): void {
    this.#messagesAfterWrite.push(message);
  }

  /** Acknowledges durable entries; of many in one step only the furthest is sent. */
  acknowledge(message: AppendEntriesResponse): void {
    const last = this.#messagesAfterWrite.at(-1);
    const isSuperseding =
      last?.type === "appendEntriesResponse" &&
      last.success &&
      last.to === message.to &&
      last.term === message.term;
    if (!isSuperseding) this.#messagesAfterWrite.push(message);
    else if (message.matchIndex > last.matchIndex) this.#messagesAfterWrite.splice(-1, 1, message);
  }

  /** An entry to write; what it replaces in the write of this step is dropped. */
  write(entry: Entry): void {
    const first = this.#entries[0];
    if (first !== undefined && entry.index <= first.index) this.#entries = [];
    else if (first !== undefined)
      this.#entries.length = Math.min(this.#entries.length, entry.index - first.index);
    assertInvariant(
      this.#entries.length === 0 || this.#entries.at(-1)?.index === entry.index - 1,
      () => `entry ${entry.index} written after ${this.#entries.at(-1)?.index}`,
    );
    this.#entries.push(entry);
  }

  /** The log was replaced by a snapshot: what this step wanted to write before it is void. */
  discardEntries(): void {
    this.#entries = [];
  }

  accept(acceptance: Acceptance): void {
    this.#accepted.push(acceptance);
  }

  reject(id: number, reason: RejectionReason, detail: string): void {
    this.#rejected.push({ id, reason, detail });
  }

  grantRead(id: number, index: LogIndex): void {
    this.#reads.push({ id, index });
  }

  readEntries(range: EntriesToRead): void {
    this.#entriesToRead.push(range);
  }

  sendSnapshot(to: NodeId): void {
    this.#snapshotsToSend.push(to);
  }

  transferred(id: number): void {
    this.#transferred.push(id);
  }

  /** Hands over what was collected and starts afresh. */
  take(hardState: HardState | null, commitIndex: LogIndex): Effects {
    const hasWrite = hardState !== null || this.#entries.length > 0;
    const effects: Effects = {
      write: hasWrite ? { hardState, entries: this.#entries } : null,
      messages: this.#messages,
      messagesAfterWrite: this.#messagesAfterWrite,
      commitIndex,
      accepted: this.#accepted,
      rejected: this.#rejected,
      reads: this.#reads,
      entriesToRead: this.#entriesToRead,
      snapshotsToSend: this.#snapshotsToSend,
      transferred: this.#transferred,
    };
    this.#entries = [];
    this.#messages = [];
    this.#messagesAfterWrite = [];
    this.#accepted = [];
    this.#rejected = [];
    this.#reads = [];
    this.#entriesToRead = [];
    this.#snapshotsToSend = [];
    this.#transferred = [];
    return effects;
  }
}
