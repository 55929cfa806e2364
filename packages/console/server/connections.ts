// Runs in: console. Owns: its connections: there is room for one more at any time, at the cost of the one that has said nothing for longest.
import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";

/** A browser has six. */
const WAITING_MAX = 512;

export class Connections {
  /** Nobody who was let in waits for an answer on them; in the order in which they were heard of last. */
  readonly #waiting = new Set<Socket>();

  opened(socket: Socket): void {
    socket.once("close", () => this.#waiting.delete(socket));
    this.#waits(socket);
  }

  /** For somebody who was let in: it is not closed for others until the answer is over, a stream of events too. */
  answers(answer: ServerResponse): void {
    const socket = answer.socket!;
    this.#waiting.delete(socket);
    answer.once("close", () => {
      if (!socket.destroyed) this.#waits(socket);
    });
  }

  #waits(socket: Socket): void {
    this.#waiting.add(socket);
    if (this.#waiting.size <= WAITING_MAX) return;
    const [first] = this.#waiting;
    this.#waiting.delete(first!); // its "close" comes later
    first!.destroy();
  }
}
