// Runs in: CLI and console. Owns: the part of a trace that lies before the driver: what applications ask of an endpoint, and client ends of a driver. Pure.

import { kindOfCode } from "@ring3/core/errors";
import { printable } from "@ring3/core/log";
import type { RequestItem, TraceItem } from "../trace-item.ts";
import { type Open, OpenSlices } from "./open-slices.ts";
import { ORDER, type Process, type Processes, type Slice } from "./tracks.ts";

const HIGH = 2 ** 32;
/** Tags of all clients that something is said about before they are used. */
const PARTS_MAX = 10_000;

interface Request extends Open {
  readonly flow: number;
  /** Where it was sent last, as `flights` has it. */
  flight: string | undefined;
}

export class ClientSide {
  /** Requests of client ends that were answered. */
  answered = 0;
  refused = 0;
  readonly #processes: Processes;
  readonly #operation: (nr: number) => string;
  /** By the numbers that the feed gives them. */
  readonly #clients = new Map<number, Process>();
  #flows = 0;
  /** By "client/request". */
  readonly #received = new OpenSlices<Open>();
  /** By "client/session/tag": of which of those the next request there is a part. */
  readonly #parts = new Map<string, string>();
  /** By "client/session/tag". */
  readonly #submitted = new OpenSlices<Request>();
  /** By "client/channel/tag": those that a driver has. */
  readonly #flights = new Map<string, Request>();

  constructor(processes: Processes, operation: (nr: number) => string) {
    this.#processes = processes;
    this.#operation = operation;
  }

  client({ client, name, pid, reflector }: TraceItem & { type: "client" }): void {
    const process =
      reflector === null
        ? this.#application(pid)
        : this.#processes.named(`${printable(name)} (process ${pid ?? "unknown"})`, ORDER.reflector);
    if (process !== undefined) this.#clients.set(client, process);
  }

  /** 0: who uses a disk of the kernel's is the kernel's to know. */
  #application(pid: number | null): Process | undefined {
    const name =
      pid === 0 ? "the kernel, for whoever uses its disk" : `application (process ${pid ?? "unknown"})`;
    return this.#processes.named(name, ORDER.application);
  }

  left(client: number, timeUs: number): void {
    const [why, own] = ["recorded no more: its client or the manager has ended", `${client}/`];
    for (const open of [this.#received, this.#submitted]) open.endAll(timeUs, why, own);
    for (const unused of [this.#parts, this.#flights])
      for (const key of unused.keys()) if (key.startsWith(own)) unused.delete(key);
  }

  finish(timeUs: number, why: string): void {
    for (const open of [this.#received, this.#submitted]) open.endAll(timeUs, why);
  }

  /** The flow of the request that is on a client's channel, "client/channel", at that tag; undefined: it was sent before the trace began. */
  flowOf(channel: string, tag: number): number | undefined {
    return this.#flights.get(`${channel}/${tag}`)?.flow;
  }

  take(item: RequestItem): void {
    const { client, kind, timeUs, a, b, c } = item;
    switch (kind) {
      case "receive":
        return this.#receive(item);
      case "part":
        if (this.#parts.size >= PARTS_MAX) this.refused++;
        else this.#parts.set(`${client}/${b}/${c}`, `${client}/${a}`);
        return;
      case "reply":
        return this.#received.end(`${client}/${a}`, timeUs, b === 0 ? "done" : "failed");
      case "submit":
        return this.#submit(item);
      case "send":
        return this.#send(`${client}/${a}/${b}`, `${client}/${c}/${b}`, c);
      case "complete":
        return this.#complete(`${client}/${a}/${b}`, timeUs, c);
    }
  }

  #receive({ client, timeUs, a: request, b, c: bytes, d, e, f: pid }: RequestItem): void {
    const process = this.#application(pid);
    if (process === undefined || this.#received.full) {
      this.refused++;
      return;
    }
    const args = { bytes, offset: d + e * HIGH };
    const slice = process.slice("requests to the endpoint", this.#operation(b), timeUs, args);
    this.#received.begin(`${client}/${request}`, { slice });
  }

  #submit({ client, timeUs, a: session, b: tag, c: nr, d: bytes }: RequestItem): void {
    const process = this.#clients.get(client);
    if (process === undefined || this.#submitted.full) {
      this.refused++;
      return;
    }
    const key = `${client}/${session}/${tag}`;
    const flow = ++this.#flows;
    const slice = process.slice("client end", this.#operation(nr), timeUs, { bytes, tag });
    const whole = this.#received.get(this.#parts.get(key) ?? "");
    this.#parts.delete(key);
    whole?.slice.flow("s", flow, timeUs);
    slice.flow(whole === undefined ? "s" : "t", flow, timeUs, 1);
    this.#forget(this.#submitted.get(key));
    this.#submitted.begin(key, { slice, flow, flight: undefined });
  }

  #send(key: string, flight: string, channel: number): void {
    const request = this.#submitted.get(key);
    if (request === undefined) return; // submitted before the trace began
    this.#forget(request);
    request.flight = flight;
    this.#flights.set(flight, request);
    count(request.slice, "sent");
    request.slice.args.channel = channel;
  }

  #complete(key: string, timeUs: number, outcome: number): void {
    const request = this.#submitted.get(key);
    if (request === undefined) return;
    this.#forget(request);
    request.slice.flow("f", request.flow, timeUs, 4);
    this.#submitted.end(key, timeUs, outcomeText(outcome));
    this.answered++;
  }

  #forget(request: Request | undefined): void {
    if (request?.flight !== undefined) this.#flights.delete(request.flight);
  }
}

function count({ args }: Slice, name: string): void {
  args[name] = Number(args[name] ?? 0) + 1;
}

/** Of an error's kind code (core/errors). */
export function outcomeText(code: number): string {
  return code === 0 ? "done" : (kindOfCode(code) ?? `outcome ${code}`);
}
