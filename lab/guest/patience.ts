// Runs in: lab guest, in tests. Owns: nothing. How long a test waits, and what it says of the guest when nothing has come.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { scaled } from "../timing.ts";

/** So much less than a file may take (timing.ts) that it says what it has waited for, and its other tests run. */
const WAIT_MS = 2000;
const LOOK_MS = 20;
const LOG_LINES = 40;

/** For what no event tells of: looks again and again. */
export async function until(there: () => boolean, what: () => string): Promise<void> {
  for (const end = performance.now() + scaled(WAIT_MS); !there(); await sleep(LOOK_MS))
    if (performance.now() > end) throw nothingCame(what());
}

/** For what comes by itself, or does not. */
export async function within<T>(promise: Promise<T>, what: () => string, waitMs = WAIT_MS): Promise<T> {
  const late = Promise.withResolvers<never>();
  const limit = setTimeout(() => late.reject(nothingCame(what())), scaled(waitMs));
  try {
    return await Promise.race([promise, late.promise]);
  } finally {
    clearTimeout(limit);
  }
}

function nothingCame(what: string): Error {
  const devices = readFileSync("/proc/bus/input/devices", "utf8").match(/^[INPH]: .*$/gm) ?? [];
  const log = execFileSync("dmesg", { encoding: "utf8" }).trimEnd().split("\n").slice(-LOG_LINES);
  return new Error(
    [`nothing came of: ${what}`, "the kernel's input devices:", ...devices, "its log's end:", ...log].join(
      "\n",
    ),
  );
}
