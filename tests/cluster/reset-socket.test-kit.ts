import type { Socket } from "node:net";

/**
 * Ends a connection with a reset. One that is being ended already is only cut: Node 26.10 refuses
 * to reset it, counts it as closing for ever, and spins when the process should exit.
 */
export const resetSocket = (socket: Socket): void => {
  if (socket.writableEnded) socket.destroy();
  else socket.resetAndDestroy();
};
