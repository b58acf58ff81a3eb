/** Takes what peers say and hands each kind to the part that knows it. Decides nothing itself. */
import type { Input, LogIndex, Message, NodeId } from "../raft/index.ts";
import type { AdminRequests } from "./admin-requests.ts";
import type { Forwarding } from "./forwarding.ts";
import type { PeerMessage } from "./ports.ts";

export interface PeerIntakePorts {
  readonly forwarding: Forwarding;
  readonly admin: AdminRequests;
  appliedIndex(): LogIndex;
  /** A message of the core; may be dropped when the inbox is full. */
  offer(message: Message): void;
  input(input: Input): void;
  /** Something may be routed now that could not be before. */
  schedule(): void;
}

export class PeerIntake {
  readonly #ports: PeerIntakePorts;

  constructor(ports: PeerIntakePorts) {
    this.#ports = ports;
  }

  receive(from: NodeId, message: PeerMessage): void {
    const { forwarding, admin } = this.#ports;
    switch (message.type) {
      case "raft":
        this.#ports.offer(message.message);
        return;
      case "forward":
        for (const input of forwarding.receive(from, message)) {
          this.#ports.input(input);
        }
        return;
      case "forwardRejected":
        forwarding.refused(from, message);
        return;
      case "adminRequest":
        this.#ports.input(admin.receive(from, message.requestId, message.request));
        return;
      case "adminResponse":
        admin.answered(message.requestId, message.outcome, this.#ports.appliedIndex());
        this.#ports.schedule();
        return;
    }
  }
}
