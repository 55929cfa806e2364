// Runs in: CLI and console. Owns: how what recorders and manager tell becomes one request's way over all processes. Pure: whatever it is told, it makes a trace of what
// can be one, and counts the rest.

import { printable } from "@ring3/core/log";
import type { TraceItem } from "../trace-item.ts";
import { ClientSide } from "./client-side.ts";
import { DriverSide } from "./driver-side.ts";
import { Processes, type TraceEvent } from "./tracks.ts";

export class ChromeTrace {
  readonly #processes: Processes;
  readonly #clients: ClientSide;
  readonly #operations = new Map<number, string>();
  /** Of the host: whose they are, "client/channel". */
  readonly #channels = new Map<number, string>();
  #driver: DriverSide | undefined;
  /** Said of a device that nothing is known of. */
  #refused = 0;

  constructor(emit: (event: TraceEvent) => void) {
    this.#processes = new Processes(emit);
    this.#clients = new ClientSide(this.#processes, (nr) => this.#operation(nr));
  }

  /** Requests that were answered. */
  get requests(): number {
    return this.#clients.answered;
  }

  /** What cannot be, or is more than can be. */
  get refused(): number {
    return this.#refused + this.#clients.refused + (this.#driver?.refused ?? 0);
  }

  take(item: TraceItem): void {
    switch (item.type) {
      case "begins":
        return this.#begins(item);
      case "client":
        return this.#clients.client(item);
      case "channel":
        this.#channels.set(item.hostChannel, `${item.client}/${item.channel}`);
        return;
      case "left":
        return this.#clients.left(item.client, item.timeUs);
      case "request":
        return this.#clients.take(item);
      case "state":
        return this.#driver?.state(item);
      case "driver":
        if (this.#driver === undefined) this.#refused++;
        else this.#driver.take(item);
    }
  }

  /** What is not over by then is not over in the trace. */
  finish(timeUs: number): void {
    const why = "not over when the trace ended";
    this.#driver?.finish(timeUs, why);
    this.#clients.finish(timeUs, why);
  }

  /** Also when a manager has taken another's place: then all is as it was. */
  #begins({ device, driver, operations }: TraceItem & { type: "begins" }): void {
    for (const { nr, name } of operations) this.#operations.set(nr, printable(name));
    this.#driver ??= new DriverSide(this.#processes, {
      device: printable(device),
      driver: printable(driver),
      operation: (nr) => this.#operation(nr),
      flowOf: (hostChannel, tag) => {
        const channel = this.#channels.get(hostChannel);
        return channel === undefined ? undefined : this.#clients.flowOf(channel, tag);
      },
    });
  }

  #operation(nr: number): string {
    return this.#operations.get(nr) ?? `operation ${nr}`;
  }
}
