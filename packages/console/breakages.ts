// Runs in: console of a demo. Owns: what the demo has been asked to break, and is not done with.
import { DeviceError } from "@ring3/core/errors";
import type { Fault } from "./edge.ts";

/** What the demo answers: of which, and why it failed. */
interface Answer {
  readonly id: number;
  readonly error?: string;
}

export class Breakages {
  readonly #say: (line: string) => void;
  readonly #waiting = new Map<number, { resolve: () => void; reject: (error: DeviceError) => void }>();
  #last = 0;

  constructor(say: (line: string) => void) {
    this.#say = say;
  }

  readonly ask = (device: string, fault: Fault): Promise<void> =>
    new Promise((resolve, reject) => {
      const id = ++this.#last;
      this.#waiting.set(id, { resolve, reject });
      this.#say(JSON.stringify({ id, device, fault }));
    });

  heard(line: string): void {
    const { id, error } = JSON.parse(line) as Answer; // from the demo, which has started us
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (error === undefined) waiting?.resolve();
    else waiting?.reject(new DeviceError("io", error));
  }
}
