// Runs in: console of a demo. Owns: what is said between it and the demo, a JSON line each: what is to be broken, and what came of it; how the demo's
// own program fares.
import { sentence } from "@ring3/control/sentence";
import type { DeviceError } from "@ring3/core/errors";
import * as v from "valibot";
import { type Fault, type Followed, followed, type Workload, workload } from "./edge.ts";

/** What the demo says: what became of `id`, or how its program fares. */
const line = v.union([
  v.strictObject({ id: v.number(), followed }),
  v.strictObject({ id: v.number(), error: v.string() }),
  v.strictObject({ workload }),
]);

export class DemoLink {
  readonly #say: (line: string) => void;
  readonly #waiting = new Map<
    number,
    { resolve: (followed: Followed) => void; reject: (error: DeviceError) => void }
  >();
  #last = 0;
  onWorkload: (workload: Workload) => void = () => {};

  constructor(say: (line: string) => void) {
    this.#say = say;
  }

  readonly break = (device: string, fault: Fault): Promise<Followed> =>
    new Promise((resolve, reject) => {
      const id = ++this.#last;
      this.#waiting.set(id, { resolve, reject });
      this.#say(JSON.stringify({ id, device, fault }));
    });

  heard(text: string): void {
    const said = v.parse(line, JSON.parse(text));
    if ("workload" in said) return this.onWorkload(said.workload);
    const waiting = this.#waiting.get(said.id);
    this.#waiting.delete(said.id);
    if ("followed" in said) waiting?.resolve(said.followed);
    else waiting?.reject(sentence("invalid", said.error));
  }
}
