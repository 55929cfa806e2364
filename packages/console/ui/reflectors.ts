// Runs in: browser. Owns: nothing; the reflectors there are, as lines. The console is told of them once, and of the end of one by the log. Pure.
import type { Status } from "@ring3/control/status";
import type { LogEntry } from "@ring3/core/log";

type Reflector = Status["reflectors"][number];

/** How one has ended. */
export interface Ended {
  readonly pid: number;
  readonly timeMs: number;
  readonly text: string;
}

/** By class; `entry`: any of the log. */
export function withEnd(
  ended: ReadonlyMap<string, Ended>,
  entry: LogEntry,
  reflectors: readonly Reflector[],
): ReadonlyMap<string, Ended> {
  const [, className, text] = /^the (\S+) reflector (.*)$/.exec(entry.message) ?? [];
  const its = reflectors.find((each) => each.class === className && each.driver === undefined);
  if (entry.source !== "manager" || its === undefined) return ended;
  return new Map(ended).set(its.class, { pid: its.pid, timeMs: entry.time, text: text! });
}

export function reflectorText(
  { class: className, pid, driver }: Reflector,
  ended: ReadonlyMap<string, Ended>,
  timeText: (ms: number) => string,
): string {
  const whose = driver === undefined ? className : `${className}, of the driver ${driver}`;
  const end = driver === undefined ? ended.get(className) : undefined;
  return end?.pid === pid
    ? `${whose}: was process ${pid}, and at ${timeText(end.timeMs)} ${end.text}`
    : `${whose}: process ${pid}`;
}
