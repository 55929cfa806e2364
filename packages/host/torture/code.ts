// Runs in: driver host, as the driver of `ring3 torture`. Owns: nothing. What goes wrong in a driver's own code: it throws, ends its process,
// or takes the event loop and does not give it back.

import { integer } from "@ring3/core/chance";
import { channel } from "../escape/channel.ts";
import type { Faults } from "./fault.ts";

function block(ms: number): void {
  const until = performance.now() + ms;
  while (performance.now() < until);
}

const deeper = (): number => deeper() + 1;
const later = (run: () => void) => void setTimeout(run, 1);

export const code: Faults = {
  throw() {
    throw new Error("torture");
  },
  "throw-text"() {
    throw "torture";
  },
  reject: () => Promise.reject(new TypeError("torture")),
  "throw-later": () =>
    later(() => {
      throw new Error("torture");
    }),
  "reject-later": () => void Promise.reject(new Error("torture")),
  exit: ({ random }) => process.exit(integer(random, 256)),
  abort: () => process.abort(),
  /** The client's memory is mapped read-only; `fill` is V8's own C++. */
  segfault: () => new Uint8Array(channel.client().buffer).fill(1),
  "stack-overflow": deeper,
  "stack-overflow-later": () => later(deeper),
  "endless-loop"() {
    for (;;);
  },
  "endless-loop-later": () =>
    later(() => {
      for (;;);
    }),
  "endless-microtasks"() {
    const again = (): Promise<void> => Promise.resolve().then(again);
    return again();
  },
  /** Its heartbeat is looked at three times in the time that it may stand still. */
  "stall-under": ({ hangMs }) => block(hangMs / 2),
  "stall-over": ({ hangMs }) => block(hangMs * 1.7),
};
