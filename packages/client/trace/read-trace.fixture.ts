// Runs in: tests. Owns: a trace's file as its viewer understands it: slices by process, and the way of each flow through them.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import type { TraceEvent } from "./tracks.ts";

export interface SliceRead {
  /** "application (process 7)" */
  readonly process: string;
  readonly name: string;
  readonly category: string;
  readonly ts: number;
  readonly end: number;
  readonly args: Readonly<Record<string, unknown>>;
}

export interface TraceRead {
  readonly text: string;
  readonly events: readonly TraceEvent[];
  readonly other: Readonly<Record<string, unknown>>;
  readonly slices: readonly SliceRead[];
  /** Each flow's slices, in its order; it begins and ends once. */
  readonly flows: readonly (readonly SliceRead[])[];
  readonly instants: readonly { readonly process: string; readonly name: string; readonly ts: number }[];
}

export function readTrace(path: string): TraceRead {
  const text = readFileSync(path, "utf8");
  const { traceEvents, otherData } = JSON.parse(text) as {
    traceEvents: TraceEvent[];
    otherData: Record<string, unknown>;
  };
  const processes = new Map<number, string>();
  for (const { name, pid, args } of traceEvents)
    if (name === "process_name") processes.set(pid, String(args!.name));
  const named = (pid: number) => {
    assert.ok(processes.has(pid), `process ${pid} has a name`);
    return processes.get(pid)!;
  };
  const byThread = new Map<string, SliceRead[]>();
  for (const { ph, pid, tid, name, cat, ts, dur, args } of traceEvents) {
    if (ph !== "X") continue;
    const key = `${pid}/${tid}`;
    const slice = { process: named(pid), name, category: cat!, ts: ts!, end: ts! + dur!, args: args! };
    byThread.set(key, [...(byThread.get(key) ?? []), slice]);
  }
  const steps = Map.groupBy(
    traceEvents.filter(({ ph }) => ph === "s" || ph === "t" || ph === "f"),
    ({ id }) => id,
  );
  const flows = [...steps.values()].map((all) => {
    const sorted = all.toSorted((a, b) => a.ts! - b.ts!);
    assert.equal(sorted[0]!.ph, "s", JSON.stringify(sorted));
    return sorted.map(({ pid, tid, ts }) => {
      const slice = byThread.get(`${pid}/${tid}`)?.find((each) => each.ts <= ts! && ts! < each.end);
      assert.ok(slice !== undefined, `a flow at ${ts} is on a slice`);
      return slice;
    });
  });
  const instants = traceEvents
    .filter(({ ph }) => ph === "i")
    .map(({ pid, name, ts }) => ({ process: named(pid), name, ts: ts! }));
  const slices = [...byThread.values()].flat();
  return { text, events: traceEvents, other: otherData, slices, flows, instants };
}
