// Runs in: CLI and console. Owns: the part of a trace that lies behind the channel: what a driver's host does, and what it asks of the kernel surface. Pure.

import { printable } from "@ring3/core/log";
import type { DriverItem, TraceItem } from "../trace-item.ts";
import { outcomeText } from "./client-side.ts";
import { type Open, OpenSlices } from "./open-slices.ts";
import { ORDER, type Process, type Processes } from "./tracks.ts";

const DIRECTION_IN = 0x80; // USB_DIR_IN, linux/usb/ch9.h
const ENDPOINT = 0x0f; // USB_ENDPOINT_NUMBER_MASK, ibid.

interface Handled extends Open {
  readonly flow: number | undefined;
}

/** What the driver's host cannot know of itself. */
export interface DriverTerms {
  readonly device: string;
  readonly driver: string;
  readonly operation: (nr: number) => string;
  /** undefined: the trace does not know who has sent the request. */
  readonly flowOf: (hostChannel: number, tag: number) => number | undefined;
}

export class DriverSide {
  refused = 0;
  readonly #processes: Processes;
  readonly #terms: DriverTerms;
  readonly #kernel: Process;
  readonly #manager: Process;
  #incarnation = 0;
  #host: Process | undefined;
  /** The name has its process. */
  #named = false;
  /** By "channel/tag", as the host calls them. */
  readonly #handled = new OpenSlices<Handled>();
  readonly #transfers = new OpenSlices<Open>();

  constructor(processes: Processes, terms: DriverTerms) {
    this.#processes = processes;
    this.#terms = terms;
    this.#kernel = processes.add(`kernel surface of ${terms.device}`, ORDER.kernel);
    this.#manager = processes.add(`manager, about ${terms.device}`, ORDER.manager);
  }

  state({ timeUs, state, reason, incarnation, hostPid }: TraceItem & { type: "state" }): void {
    const works = state === "starting" || state === "running" || state === "suspended";
    const another = incarnation !== this.#incarnation;
    const args = { incarnation, reason: printable(reason) };
    if (another || !works) this.finish(timeUs, "its driver has ended");
    this.#manager.instant("states", state, timeUs, args);
    if (!works) this.#host?.instant("incarnation", state, timeUs, args);
    if (another && incarnation > 0) {
      this.#incarnation = incarnation;
      this.#host = this.#processes.add(this.#name(), ORDER.driver);
      this.#named = false;
      this.#host.instant("incarnation", state, timeUs, args);
    }
    if (hostPid === null || this.#named) return;
    this.#named = true;
    this.#host?.rename(`${this.#name()} (process ${hostPid})`);
  }

  #name(): string {
    return `driver host of ${this.#terms.driver}, incarnation ${this.#incarnation}`;
  }

  finish(timeUs: number, why: string): void {
    this.#transfers.endAll(timeUs, why);
    this.#handled.endAll(timeUs, why);
  }

  take({ kind, timeUs, a, b, c, d, e, text }: DriverItem): void {
    switch (kind) {
      case "request":
        return this.#request(a, b, c, timeUs);
      case "turn":
        return this.#turn(`${a}/${b}`, timeUs);
      case "answer":
        return this.#handled.end(`${a}/${b}`, timeUs, outcomeText(c));
      case "submit":
        return this.#submit(a, b, c, `${d}/${e}`, timeUs);
      case "reap":
        return this.#reap(String(a), b, c, timeUs);
      case "log":
        this.#host?.instant("log", printable(text), timeUs, {});
        return;
    }
  }

  #request(channel: number, tag: number, nr: number, timeUs: number): void {
    if (this.#host === undefined || this.#handled.full) {
      this.refused++;
      return;
    }
    const slice = this.#host.slice("requests", this.#terms.operation(nr), timeUs, { channel, tag });
    const flow = this.#terms.flowOf(channel, tag);
    if (flow !== undefined) slice.flow("t", flow, timeUs, 2);
    this.#handled.begin(`${channel}/${tag}`, { slice, flow });
  }

  /** What it has waited until now was not its handler's time. */
  #turn(key: string, timeUs: number): void {
    const slice = this.#handled.get(key)?.slice;
    if (slice === undefined) return;
    slice.args.waitedUs = Math.max(0, timeUs - slice.startUs);
    slice.startUs = Math.max(timeUs, slice.startUs);
  }

  #submit(id: number, endpoint: number, bytes: number, request: string, timeUs: number): void {
    if (this.#transfers.full) {
      this.refused++;
      return;
    }
    const number = endpoint & ENDPOINT;
    const direction = (endpoint & DIRECTION_IN) === 0 ? "out" : "in";
    const name = number === 0 ? `control ${direction}` : `endpoint ${number} ${direction}`;
    const slice = this.#kernel.slice("transfers", name, timeUs, {
      transfer: id,
      bytes,
      incarnation: this.#incarnation,
    });
    const flow = this.#handled.get(request)?.flow;
    if (flow !== undefined) slice.flow("t", flow, timeUs, 3);
    this.#transfers.begin(String(id), { slice });
  }

  #reap(key: string, bytes: number, errno: number, timeUs: number): void {
    const transfer = this.#transfers.get(key);
    if (transfer === undefined) return;
    transfer.slice.args.moved = bytes;
    this.#transfers.end(key, timeUs, errno === 0 ? "done" : `errno ${errno}`);
  }
}
