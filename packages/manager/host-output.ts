// Runs in: manager. Owns: the end of what a host's process writes to its standard output and error.

import type { Clock } from "@ring3/core/clock";
import { printable } from "@ring3/core/log";
import type { Descriptor } from "@ring3/kernel/fd/descriptor";
import { native } from "@ring3/kernel/native";
import { watch } from "@ring3/kernel/poll/watch";

const ERRORS_KEPT = 8192;
/** Reads of its output a turn of the event loop: one that never stops writing must not keep the manager from all else. */
const READS_A_TURN = 16;
const STACK = /<ring3 stack>\n(.*?)\n<\/ring3 stack>/s;

export interface Output {
  text(): string;
  /** What it writes next between the marks of native/stack.c; "" after `withinMs`. */
  stack(clock: Clock, withinMs: number): Promise<string>;
  close(): void;
}

/** Owns `from`. */
export function collectOutput(from: Descriptor): Output {
  const chunk = new Uint8Array(4096);
  let text = "";
  let heard = () => {};
  const read = () => {
    for (let reads = 0; reads < READS_A_TURN; reads++) {
      const length = native.read(from.fd, chunk);
      if (length <= 0) return length;
      text = (text + Buffer.from(chunk.subarray(0, length)).toString("latin1")).slice(-ERRORS_KEPT);
    }
    return 1;
  };
  const watched = watch(from.fd, { readable: true }, () => {
    const last = read();
    heard();
    if (last === 0) watched.close();
  });
  return {
    text() {
      if (from.fd >= 0) read();
      return printable(text, ERRORS_KEPT);
    },
    async stack(clock, withinMs) {
      text = "";
      const { promise, resolve } = Promise.withResolvers<string>();
      heard = () => {
        const found = STACK.exec(text)?.[1];
        if (found !== undefined) resolve(Buffer.from(found, "latin1").toString());
      };
      const timer = clock.after(withinMs, () => resolve(""));
      return promise.finally(() => {
        timer.cancel();
        heard = () => {};
      });
    },
    close() {
      watched.close();
      from.close();
    },
  };
}
