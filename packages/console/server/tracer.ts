// Runs in: console. Owns: the one trace that it makes at a time, in memory: it can open no file.
import type { ManagerConnection } from "@ring3/client/manager-connection";
import { ChromeTrace } from "@ring3/client/trace/chrome-trace";
import { TraceText, traceName } from "@ring3/client/trace/trace-text";
import type { TraceEvent } from "@ring3/client/trace/tracks";
import { TraceFeed } from "@ring3/client/trace-feed";
import type { Clock } from "@ring3/core/clock";
import { DeviceError } from "@ring3/core/errors";

const TRACE_MS = 10_000;
/** Characters. Some 25,000 requests: of a busy disk that is less than 10 s, and the rest is left out. */
const TRACE_MAX = 32 << 20;

export interface MadeTrace {
  readonly name: string;
  readonly json: string;
}

/** Ends early where the signal says so, or where nothing more is to be traced. Rejects with "busy" while another is made. */
export type Tracer = (device: string, signal: AbortSignal) => Promise<MadeTrace>;

export function createTracer(
  manager: Pick<ManagerConnection, "ask" | "trace">,
  clock: Clock,
  limit = TRACE_MAX,
): Tracer {
  let traced: string | undefined;
  return async (device, signal) => {
    if (traced !== undefined)
      throw new DeviceError("busy", `trace ${device}: ${traced} is being traced, and one at a time is`);
    traced = device;
    try {
      return await trace(manager, clock, limit, device, signal);
    } finally {
      await manager.ask("endTrace", {}).catch(() => {}); // the manager has died, and every trace with it
      traced = undefined;
    }
  };
}

async function trace(
  manager: Pick<ManagerConnection, "trace">,
  clock: Clock,
  limit: number,
  device: string,
  signal: AbortSignal,
): Promise<MadeTrace> {
  let json = "";
  let left = 0;
  const full = Promise.withResolvers<void>();
  const text = new TraceText((piece) => {
    json += piece;
    if (json.length > limit) full.resolve();
  });
  const chrome = new ChromeTrace((event: TraceEvent) => {
    if (json.length > limit) left++;
    else text.add(event);
  });
  const feed = new TraceFeed(manager, device, clock, (item) => chrome.take(item));
  const over = Promise.withResolvers<void>();
  signal.addEventListener("abort", () => over.resolve());
  await feed.start(() => {});
  if (signal.aborted) over.resolve();
  const timer = clock.after(TRACE_MS, over.resolve);
  await Promise.race([over.promise, full.promise, feed.over]);
  timer.cancel();
  chrome.finish(await feed.stop());
  const { lost } = feed;
  text.end({ device, lost, refused: feed.refused + chrome.refused, left, clock: "CLOCK_MONOTONIC" });
  return { name: traceName(device), json };
}
