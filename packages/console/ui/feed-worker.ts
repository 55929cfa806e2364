// Runs in: browser, one for all tabs: a browser holds six connections to a server, and each tab would take some for good. Owns: the two that they all
// have, one for what the console tells of all, one for the units that somebody looks at.
/// <reference lib="webworker" />
import type { Heard, HeardOfUnit } from "./feed.ts";

const events = ["snapshot", "device", "gone", "passage", "step", "second", "workload", "log"] as const;
/** A second brings at least one word: after so long the connection is dead, whatever the browser believes. */
const SILENCE_MS = 10_000;

/** Before who was refused asks again. */
const AGAIN_MS = 5000;

/** A page asks for its units one by one. */
const SOON_MS = 20;

/** Of each tab, and which units it looks at. */
const ports = new Map<MessagePort, readonly string[]>();
let source: EventSource | undefined;
/** What was heard last; "" begins with everything. */
let last = "";
let silence: ReturnType<typeof setTimeout> | undefined;
/** Nobody is let in any more: said once, until it is different. */
let closed = false;

const say = (heard: Heard) => {
  for (const port of ports.keys()) port.postMessage(heard);
};

function heard(event: Heard["event"], message: MessageEvent<string>): void {
  last = message.lastEventId || last;
  listenFor(SILENCE_MS);
  say({ event, data: message.data });
}

/** Asks anew where nothing is heard for so long. */
function listenFor(ms: number): void {
  clearTimeout(silence);
  silence = setTimeout(open, ms);
}

/** Why there was no stream, in the console's words, of which a browser tells a page nothing; "" where it has none. */
async function refusal(path: string): Promise<{ status: number; why: string }> {
  const left = new AbortController();
  try {
    const response = await fetch(path, { signal: left.signal });
    const why = response.ok ? "" : ((await response.json()) as { error: { message: string } }).error.message;
    return { status: response.status, why };
  } catch {
    return { status: 0, why: "" }; // nobody answers
  } finally {
    left.abort(); // there may be a stream by now, which is asked for again
  }
}

/** The browser has given up, since the answer was no stream: it is let in no more, or there are too many that listen. */
async function refused(): Promise<void> {
  const { status, why } = await refusal("/api/events");
  if (status === 401) {
    if (!closed) say({ event: "closed", data: "" });
    closed = true;
    return;
  }
  if (why !== "") say({ event: "refused", data: why });
  listenFor(AGAIN_MS);
}

function open(): void {
  source?.close();
  listenFor(SILENCE_MS);
  source = new EventSource(last === "" ? "/api/events" : `/api/events?after=${encodeURIComponent(last)}`);
  source.addEventListener("hello", () => {
    closed = false;
    say({ event: "here", data: "" });
  });
  source.addEventListener("error", () => {
    if (!closed) say({ event: "away", data: "" });
    if (source?.readyState === EventSource.CLOSED) void refused();
  });
  for (const event of events)
    source.addEventListener(event, (message) => heard(event, message as MessageEvent<string>));
}

let live: EventSource | undefined;
let opening: ReturnType<typeof setTimeout> | undefined;

function hearUnit(heard: HeardOfUnit): void {
  for (const [port, units] of ports) if (units.includes(heard.unit)) port.postMessage(heard);
}

/** Everybody is told again how the units are, as with the feed. */
function openLive(): void {
  live?.close();
  live = undefined;
  const units = new Set([...ports.values()].flat());
  if (units.size === 0) return;
  live = new EventSource(`/api/live?${new URLSearchParams([...units].map((unit) => ["unit", unit]))}`);
  live.addEventListener("unit", ({ data }) => {
    hearUnit(JSON.parse(data) as HeardOfUnit);
  });
  live.addEventListener("error", () => {
    if (live?.readyState !== EventSource.CLOSED) return;
    void refusal(live.url).then(({ why }) => {
      if (why !== "") for (const unit of units) hearUnit({ unit, event: "trouble", data: why });
    });
    openLiveIn(AGAIN_MS);
  });
}

function openLiveIn(ms: number): void {
  clearTimeout(opening);
  opening = setTimeout(openLive, ms);
}

function looksAt(port: MessagePort, units: readonly string[]): void {
  const before = ports.get(port) ?? [];
  ports.set(port, units);
  if (before.length + units.length > 0) openLiveIn(SOON_MS);
}

function leaves(port: MessagePort): void {
  looksAt(port, []);
  ports.delete(port);
}

(self as unknown as SharedWorkerGlobalScope).addEventListener("connect", ({ ports: [port] }) => {
  ports.set(port!, []);
  port!.addEventListener("message", ({ data }: MessageEvent<"bye" | readonly string[]>) => {
    if (data === "bye") leaves(port!);
    else looksAt(port!, data);
  });
  port!.addEventListener("close", () => leaves(port!)); // a tab that has crashed
  port!.start();
  closed = false; // it wants to hear so, too
  last = ""; // everybody is told everything again: cheaper than to remember it here
  open();
});
