// Runs in: browser. Owns: the way by which this tab hears what the console tells.
import type { DeviceState, Followed } from "./told.ts";

export interface Heard {
  readonly event:
    | "here"
    | "away"
    | "closed"
    | "refused"
    | "snapshot"
    | "device"
    | "gone"
    | "passage"
    | "step"
    | "second"
    | "workload"
    | "log";
  /** JSON, if anything; of "refused" the console's words. */
  readonly data: string;
}

/** Of a unit; `event` as its class's contract has it, or "unit", "driver", "end", "trouble". */
export interface HeardOfUnit {
  readonly unit: string;
  readonly event: string;
  readonly data: unknown;
}

const { port } = new SharedWorker(new URL("./feed-worker.ts", import.meta.url), {
  type: "module",
  name: "ring3",
});
/** Who hears, and of which unit. */
const lookers = new Map<(event: string, data: unknown) => void, string>();

/** Calls `hear` for each, until the tab is closed. */
export function listen(hear: (heard: Heard) => void): void {
  port.addEventListener("message", ({ data }: MessageEvent<Heard | HeardOfUnit>) => {
    if (!("unit" in data)) return hear(data);
    for (const [hear, unit] of lookers) if (unit === data.unit) hear(data.event, data.data);
  });
  port.start();
  document.addEventListener("visibilitychange", look);
  window.addEventListener("pagehide", () => port.postMessage("bye"));
  window.addEventListener("pageshow", ({ persisted }) => {
    if (persisted) location.reload(); // out of the browser's cache: what it shows is old
  });
}

/** Until what is answered is called. */
export function listenUnit(unit: string, hear: (event: string, data: unknown) => void): () => void {
  lookers.set(hear, unit);
  look();
  return () => {
    lookers.delete(hear);
    look();
  };
}

/** Nobody sees a unit of a tab that is hidden. */
function look(): void {
  port.postMessage(document.hidden ? [] : [...lookers.values()]);
}

export class Refusal extends Error {}

async function answer<T>(response: Response): Promise<T> {
  const body = (await response.json()) as T & { error?: { message: string } };
  if (!response.ok) throw new Refusal(body.error?.message ?? `the console answers ${response.status}`);
  return body;
}

/** Rejects with a Refusal whose words are for people. */
export async function ask<T>(path: string): Promise<T> {
  return answer<T>(await reach(path, {}));
}

interface Acted {
  readonly state?: DeviceState;
  readonly reason?: string;
  readonly followed?: Followed;
}

export async function act(device: string, verb: string): Promise<Acted> {
  const path = `/api/devices/${encodeURIComponent(device)}/${verb}`;
  return answer(
    await reach(path, { method: "POST", body: "{}", headers: { "Content-Type": "application/json" } }),
  );
}

async function reach(path: string, options: RequestInit): Promise<Response> {
  try {
    return await fetch(path, options);
  } catch {
    throw new Refusal("the console does not answer; is it still running?");
  }
}
