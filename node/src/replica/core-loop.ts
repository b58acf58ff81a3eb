/**
 * The one loop that owns the core: drain the inbox, step, write, send. It never lets two steps
 * overlap and stands still while the store switches to a snapshot.
 */
import type {
  Effects,
  EntriesToRead,
  Input,
  LogIndex,
  LogWrite,
  Message,
  Raft,
  RaftStatus,
  Term,
} from "../raft/index.ts";
import { Inbox, type InboxLimits } from "./inbox.ts";
import { LogWriter } from "./log-writer.ts";
import type { Runtime, Store, Transport } from "./ports.ts";

export interface CoreLoopSetup {
  readonly raft: Raft;
  readonly store: Store;
  readonly transport: Pick<Transport, "send">;
  readonly runtime: Runtime;
  readonly limits: InboxLimits;
}

export interface CoreLoopHooks {
  /** True while no step may be taken. */
  paused(): boolean;
  /** The last chance to add inputs before a step. */
  beforeStep(): void;
  /** Entries up to here may be applied; the store has been asked to append them. */
  committed(index: LogIndex): void;
  /** After writes and messages of a step are on their way. */
  afterStep(effects: Effects, before: RaftStatus): void;
}

export class CoreLoop {
  readonly #setup: CoreLoopSetup;
  readonly #hooks: CoreLoopHooks;
  readonly #inbox: Inbox;
  readonly #writer: LogWriter;
  #status: RaftStatus;
  #scheduled = false;
  #stopped = false;

  constructor(setup: CoreLoopSetup, hooks: CoreLoopHooks) {
    this.#setup = setup;
    this.#hooks = hooks;
    this.#inbox = new Inbox(setup.limits);
    this.#status = setup.raft.status();
    this.#writer = new LogWriter(setup.store, {
      send: (message) => this.#send(message),
      persisted: (write) => this.#persisted(write),
      monotonicMs: () => setup.runtime.monotonicMs(),
    });
  }

  /** The core as of its last step. */
  get status(): RaftStatus {
    return this.#status;
  }
  get inboxItems(): number {
    return this.#inbox.items;
  }
  get inboxBytes(): number {
    return this.#inbox.bytes;
  }
  get stopped(): boolean {
    return this.#stopped;
  }

  /** A write is not durable yet; when it is, a step follows. */
  get isWriting(): boolean {
    return this.#writer.isBusy;
  }

  /** Age of the oldest write that is not durable yet, ms. */
  oldestWriteMs(): number {
    return this.#writer.oldestAgeMs();
  }

  /** Whether the log holds an entry with this index and term; null when it is compacted away. */
  holds(index: LogIndex, term: Term): boolean | null {
    const held = this.#setup.raft.term(index);
    return held === null ? null : held === term;
  }

  /** Takes an input that must not be lost. */
  input(input: Input): void {
    this.#inbox.push(input);
    this.schedule();
  }

  /**
   * As `input`, before all that waits. For an installed snapshot: the store's log is reset already,
   * so no message may be stepped over the old one.
   */
  inputFirst(input: Input): void {
    this.#inbox.pushFirst(input);
    this.schedule();
  }

  /** Takes a peer's message, unless the inbox is full. */
  offer(message: Message): void {
    if (this.#inbox.offer(message)) this.schedule();
  }

  /** A step soon. */
  schedule(): void {
    if (this.#scheduled || this.#stopped || this.#hooks.paused()) return;
    this.#scheduled = true;
    this.#setup.runtime.defer(() => {
      this.#scheduled = false;
      this.step();
    });
  }

  /** A step now, over everything that waits. */
  step(): void {
    if (this.#stopped || this.#hooks.paused()) return;
    this.#hooks.beforeStep();
    const inputs = this.#inbox.drain();
    if (inputs.length > 0) this.#carryOut(this.#setup.raft.step(inputs));
  }

  stop(): void {
    this.#stopped = true;
  }

  #carryOut(effects: Effects): void {
    const before = this.#status;
    this.#status = this.#setup.raft.status();
    const { write, commitIndex } = effects;
    const isOfThisWrite = write?.entries[0] !== undefined && write.entries[0].index <= commitIndex;
    // A client waits for the apply, and each write to a socket takes as long as waking the store.
    if (!isOfThisWrite) this.#hooks.committed(commitIndex);
    for (const message of effects.messages) this.#send(message);
    this.#writer.submit(write, effects.messagesAfterWrite);
    if (isOfThisWrite) this.#hooks.committed(commitIndex);
    for (const range of effects.entriesToRead) this.#readEntries(range);
    this.#hooks.afterStep(effects, before);
  }

  #send(message: Message): void {
    this.#setup.transport.send(message.to, { type: "raft", message });
  }

  #readEntries({ to, from, toIndex, bytesMax }: EntriesToRead): void {
    this.#setup.store.readEntries(from, toIndex, bytesMax, (entries) => {
      this.input({ type: "entriesRead", to, entries });
    });
  }

  #persisted(write: LogWrite): void {
    const last = write.entries.at(-1);
    if (last === undefined) this.schedule();
    else this.input({ type: "persisted", index: last.index, term: last.term });
  }
}
