/**
 * The network between the nodes' peer ports, in this process: each node advertises an address here,
 * and what others send to it passes through. Who dials is read from the first message of the
 * handshake, so that a link has a direction: a node's messages leave over connections that it
 * dialled itself, hence holding the connections of A to B loses nothing of what B tells A.
 */
import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import { HELLO_BYTES } from "../../node/src/transport/handshake.ts";
import { choosePort } from "../cluster/ports.test-kit.ts";
import { resetSocket } from "../cluster/reset-socket.test-kit.ts";

export type LinkState =
  | { readonly type: "open" }
  /** Nothing passes: what is sent waits, as packets of a partition do that are sent again. */
  | { readonly type: "held" }
  | { readonly type: "delayed"; readonly delayMs: number };

/** In a hello: magic, version, purpose, cluster id, then the ids of dialler and target. */
const DIALLER_AT = 22;
/** A target that does not read must be felt by the sender, as without a proxy. */
const WAITING_BYTES_MAX = 262_144;
const OPEN: LinkState = { type: "open" };

export class FaultNetwork {
  readonly #servers: Server[] = [];
  readonly #connections = new Set<ProxiedConnection>();
  readonly #states = new Map<string, LinkState>();
  readonly #names = new Map<number, string>();

  /** @returns where others reach `name`, whose peer port is at `target` */
  async lay(name: string, target: string): Promise<string> {
    const [host = "", port = ""] = target.split(":");
    const server = createServer({ noDelay: true }, (near) => {
      const connection = new ProxiedConnection(near, {
        target: { host, port: Number(port) },
        stateFrom: (id) => this.#stateOf(this.#names.get(id) ?? "?", name),
        onClosed: () => this.#connections.delete(connection),
        to: name,
      });
      this.#connections.add(connection);
    });
    const own = await choosePort();
    server.listen(own, "127.0.0.1");
    await once(server, "listening");
    this.#servers.push(server);
    return `127.0.0.1:${own}`;
  }

  /** Which node an id is: links of unknown ids are open. */
  learn(names: ReadonlyMap<number, string>): void {
    for (const [id, name] of names) this.#names.set(id, name);
  }

  /** From now on; the other direction is a link of its own. */
  set(from: string, to: string, state: LinkState): void {
    this.#states.set(`${from} ${to}`, state);
    for (const connection of this.#between(from, to)) connection.changed();
  }

  /** Ends the connections of one direction with a reset; they are dialled again. */
  reset(from: string, to: string): void {
    for (const connection of this.#between(from, to)) connection.destroy();
  }

  /** The next bytes of each connection are passed by half, then it ends. @returns how many */
  cutInFrame(from: string, to: string): number {
    const cut = this.#between(from, to);
    for (const connection of cut) connection.cutAtNextBytes();
    return cut.length;
  }

  /** Everything is open; what waited is delivered now, however old. */
  heal(): void {
    this.#states.clear();
    for (const connection of this.#connections) connection.changed();
  }

  close(): void {
    for (const server of this.#servers) server.close();
    for (const connection of this.#connections) connection.destroy();
  }

  #stateOf(from: string, to: string): LinkState {
    return this.#states.get(`${from} ${to}`) ?? OPEN;
  }

  #between(from: string, to: string): readonly ProxiedConnection[] {
    return [...this.#connections].filter(
      (connection) => connection.to === to && this.#names.get(connection.from) === from,
    );
  }
}

interface ConnectionOptions {
  readonly target: { readonly host: string; readonly port: number };
  readonly to: string;
  readonly stateFrom: (id: number) => LinkState;
  readonly onClosed: () => void;
}

class ProxiedConnection {
  readonly to: string;
  /** The dialler's node id, 0 before its hello. */
  from = 0;
  readonly #near: Socket;
  readonly #options: ConnectionOptions;
  #hello: Buffer = Buffer.alloc(0);
  #pipes: readonly Pipe[] = [];
  #far: Socket | null = null;
  /** One side is gone, which the other is told when the link lets it. */
  #isHalfGone = false;

  constructor(near: Socket, options: ConnectionOptions) {
    this.#near = near;
    this.#options = options;
    this.to = options.to;
    near.on("error", () => undefined);
    near.once("close", () => this.#onGone());
    near.on("data", this.#onHello);
  }

  changed(): void {
    if (this.#isHalfGone) this.#onGone();
    for (const pipe of this.#pipes) pipe.pump();
  }

  cutAtNextBytes(): void {
    for (const pipe of this.#pipes) pipe.cutsNext = true;
  }

  destroy(): void {
    resetSocket(this.#near);
    if (this.#far !== null) resetSocket(this.#far);
    for (const pipe of this.#pipes) pipe.stop();
    this.#options.onClosed();
  }

  get #state(): LinkState {
    return this.#options.stateFrom(this.from);
  }

  readonly #onHello = (chunk: Buffer): void => {
    this.#hello = Buffer.concat([this.#hello, chunk]);
    if (this.#hello.length < HELLO_BYTES) return;
    this.from = Number(this.#hello.readBigUInt64BE(DIALLER_AT));
    this.#near.off("data", this.#onHello);
    const far = connect({ ...this.#options.target, noDelay: true });
    this.#far = far;
    far.on("error", () => undefined);
    far.once("close", () => this.#onGone());
    const state = (): LinkState => this.#state;
    this.#pipes = [new Pipe(this.#near, far, state), new Pipe(far, this.#near, state)];
    this.#pipes[0]?.push(this.#hello);
  };

  #onGone(): void {
    this.#isHalfGone = true;
    if (this.#state.type === "held") return;
    this.#near.destroySoon();
    this.#far?.destroySoon();
    for (const pipe of this.#pipes) pipe.stop();
    this.#options.onClosed();
  }
}

/** One direction of a connection. */
class Pipe {
  /** Half of the next bytes are passed, then it is over. */
  cutsNext = false;
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #state: () => LinkState;
  #waiting: { readonly bytes: Buffer; readonly dueMs: number }[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(from: Socket, to: Socket, state: () => LinkState) {
    this.#from = from;
    this.#to = to;
    this.#state = state;
    from.on("data", (bytes: Buffer) => this.push(bytes));
    to.on("drain", () => this.pump());
  }

  push(bytes: Buffer): void {
    const state = this.#state();
    const delayMs = state.type === "delayed" ? state.delayMs : 0;
    this.#waiting.push({ bytes, dueMs: performance.now() + delayMs });
    this.pump();
  }

  /** Passes on what is due, and reads on while not too much waits. */
  pump(): void {
    clearTimeout(this.#timer);
    if (this.#state().type !== "held") this.#flush();
    const waitingBytes = this.#waiting.reduce((sum, { bytes }) => sum + bytes.length, 0);
    if (waitingBytes + this.#to.writableLength > WAITING_BYTES_MAX) this.#from.pause();
    else if (this.#from.isPaused()) this.#from.resume();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#waiting = [];
  }

  #flush(): void {
    for (;;) {
      const [next] = this.#waiting;
      if (next === undefined) return;
      const restMs = next.dueMs - performance.now();
      if (restMs > 0) {
        this.#timer = setTimeout(() => this.pump(), restMs);
        return;
      }
      this.#waiting.shift();
      if (this.cutsNext) {
        this.#to.end(next.bytes.subarray(0, Math.ceil(next.bytes.length / 2)));
        this.#from.destroy();
        this.stop();
        return;
      }
      this.#to.write(next.bytes);
    }
  }
}
