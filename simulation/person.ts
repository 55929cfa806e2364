// Runs in: the simulation, as a person's command line. Owns: a connection to the manager, over which devices are started, stopped and looked at.
import { ManagerConnection } from "@ring3/client/manager-connection";
import type { Status } from "@ring3/control/status";
import type { Clock } from "@ring3/core/clock";
import type { Descriptor } from "@ring3/kernel/fd/descriptor";
import type { Process } from "./kernel/process.ts";

export type Verb = "restart" | "stop" | "suspend" | "resume";

export class Person {
  readonly process: Process;
  readonly #connection: ManagerConnection;

  constructor(process: Process, connect: () => Descriptor, clock: Clock) {
    this.process = process;
    this.#connection = new ManagerConnection(connect, {}, clock);
  }

  /** Whether that helps is seen elsewhere. */
  ask(verb: Verb, device: string): void {
    this.#connection.ask(verb, { device }).catch(() => {});
  }

  start(device: string): void {
    this.#connection.ask("start", { device, take: false }).catch(() => {});
  }

  /** Has every device run that does not run by itself. */
  async repair(): Promise<void> {
    const status = (await this.#connection.ask("status", {}).catch(() => undefined)) as Status | undefined;
    for (const { id, state } of status?.devices ?? [])
      if (state === "suspended") this.ask("resume", id);
      else if (state === "quarantined" || state === "stopped" || state === "available") this.start(id);
  }
}
