// Runs in: browser. Owns: the way by which this tab hears what the console tells.

export interface Heard {
  readonly event:
    | "here"
    | "away"
    | "closed"
    | "snapshot"
    | "device"
    | "gone"
    | "passage"
    | "step"
    | "second"
    | "workload"
    | "log";
  /** JSON, if anything. */
  readonly data: string;
}

/** Calls `hear` for each, until the tab is closed. */
export function listen(hear: (heard: Heard) => void): void {
  const worker = new SharedWorker(new URL("./feed-worker.ts", import.meta.url), {
    type: "module",
    name: "ring3",
  });
  worker.port.addEventListener("message", ({ data }: MessageEvent<Heard>) => hear(data));
  worker.port.start();
  window.addEventListener("pagehide", () => worker.port.postMessage("bye"));
  window.addEventListener("pageshow", ({ persisted }) => {
    if (persisted) location.reload(); // out of the browser's cache: what it shows is old
  });
}

/** Of one unit, by a connection of its own, until what is answered is called. */
export function listenUnit(unit: string, hear: (event: string, data: unknown) => void): () => void {
  let close = document.hidden ? () => {} : connectUnit(unit, hear);
  const seen = () => {
    close(); // who does not look keeps none of the few connections that a browser has
    close = document.hidden ? () => {} : connectUnit(unit, hear);
  };
  document.addEventListener("visibilitychange", seen);
  return () => {
    document.removeEventListener("visibilitychange", seen);
    close();
  };
}

function connectUnit(unit: string, hear: (event: string, data: unknown) => void): () => void {
  const source = new EventSource(`/api/units/${encodeURIComponent(unit)}/live`);
  const names = new Set<string>();
  const on = (name: string) => {
    if (names.has(name)) return;
    names.add(name);
    source.addEventListener(name, (message) =>
      hear(name, JSON.parse((message as MessageEvent<string>).data)),
    );
  };
  source.addEventListener("unit", (message) => {
    const unit = JSON.parse((message as MessageEvent<string>).data) as { events: readonly string[] };
    for (const name of unit.events) on(name);
    hear("unit", unit);
  });
  on("driver");
  source.addEventListener("end", () => {
    source.close();
    hear("end", {});
  });
  source.addEventListener("trouble", (message) => {
    source.close();
    hear("trouble", JSON.parse((message as MessageEvent<string>).data));
  });
  return () => source.close();
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

export async function act(device: string, verb: string): Promise<{ state?: string; reason?: string }> {
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
