/** A client that speaks no HTTP by itself: bytes out, bytes in, and when the other side closes. */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import type { TestContext } from "node:test";

export class RawConnection {
  readonly socket: Socket;
  /** All that came, a character per byte. */
  received = "";
  readonly #closed: Promise<void>;

  constructor(address: URL) {
    this.socket = connect(Number(address.port), address.hostname);
    this.socket.setEncoding("latin1");
    this.socket.on("data", (chunk: string) => {
      this.received += chunk;
    });
    // A reset is an end like any other: what came before it counts.
    this.socket.on("error", () => undefined);
    this.#closed = new Promise((resolve) => this.socket.once("close", () => resolve()));
  }

  /** Connected; destroyed with the test. */
  static async open(t: TestContext, address: string): Promise<RawConnection> {
    const connection = new RawConnection(new URL(address));
    t.after(() => connection.socket.destroy());
    await once(connection.socket, "connect");
    return connection;
  }

  write(text: string): void {
    this.socket.write(text, "latin1");
  }

  /** Resolves with all that came, once the other side has closed. */
  async closed(): Promise<string> {
    await this.#closed;
    return this.received;
  }

  /** Resolves when what came matches. */
  async gets(pattern: RegExp): Promise<string> {
    while (!pattern.test(this.received)) await once(this.socket, "data");
    return this.received;
  }
}

/** The status of each answer in what was received, in order. */
export const statusesOf = (received: string): readonly number[] =>
  [...received.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status));

/** Sends bytes and waits for the other side to close. */
export async function exchangeRaw(t: TestContext, address: string, text: string): Promise<string> {
  const connection = await RawConnection.open(t, address);
  connection.write(text);
  return await connection.closed();
}
