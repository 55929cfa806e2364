// Runs in: browser, one for all tabs: a browser holds six connections to a server, and each tab would take one for good. Owns: the one.
/// <reference lib="webworker" />
import type { Heard } from "./feed.ts";

const events = ["snapshot", "device", "gone", "passage", "step", "second", "workload", "log"] as const;
/** A second brings at least one word: after so long the connection is dead, whatever the browser believes. */
const SILENCE_MS = 10_000;

/** Before who was refused asks again. */
const AGAIN_MS = 5000;

const ports = new Set<MessagePort>();
let source: EventSource | undefined;
/** What was heard last; "" begins with everything. */
let last = "";
let silence: ReturnType<typeof setTimeout> | undefined;

const say = (heard: Heard) => {
  for (const port of ports) port.postMessage(heard);
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

/** The browser has given up, since the answer was no stream: it is let in no more, or there are too many that listen. */
async function refused(): Promise<void> {
  const { status } = await fetch("/api/about").catch(() => ({ status: 0 }));
  if (status === 401) say({ event: "closed", data: "" });
  else listenFor(AGAIN_MS);
}

function open(): void {
  source?.close();
  listenFor(SILENCE_MS);
  source = new EventSource(last === "" ? "/api/events" : `/api/events?after=${encodeURIComponent(last)}`);
  source.addEventListener("hello", () => say({ event: "here", data: "" }));
  source.addEventListener("error", () => {
    say({ event: "away", data: "" });
    if (source?.readyState === EventSource.CLOSED) void refused();
  });
  for (const event of events)
    source.addEventListener(event, (message) => heard(event, message as MessageEvent<string>));
}

(self as unknown as SharedWorkerGlobalScope).addEventListener("connect", ({ ports: [port] }) => {
  ports.add(port!);
  port!.addEventListener("message", ({ data }) => {
    if (data === "bye") ports.delete(port!);
  });
  port!.start();
  last = ""; // everybody is told everything again: cheaper than to remember it here
  open();
});
