// Runs in: driver host, sdk/test. Owns: which request the running code works for, so that its waits end with it.
import { AsyncLocalStorage } from "node:async_hooks";
import type { Wait } from "./wait.ts";

const current = new AsyncLocalStorage<Wait>();

/** Runs `run`; every wait in it that names no signal and deadline of its own has those of `wait`. */
export function runWithin<T>(wait: Wait, run: () => T): T {
  return current.run(wait, run);
}

/** The same for the rest of what runs now and all that it starts: half as dear, for those who put back what was. */
export function enter(wait: Wait | undefined): void {
  current.enterWith(wait as Wait);
}

export function currentWait(): Wait | undefined {
  return current.getStore();
}
