// Runs in: manager. Owns: the reflector processes, one a class.

import { openSync } from "node:fs";
import type { FrameTransport } from "@ring3/control/peer";
import type { Clock, Random } from "@ring3/core/clock";
import { backoffMs, limits } from "@ring3/core/lifecycle";
import type { Log } from "@ring3/core/log";
import { Descriptor } from "@ring3/kernel/fd/descriptor";
import { FrameSocket, socketPair } from "@ring3/kernel/socket/frame-socket";
import type { Processes } from "./processes.ts";

export interface ReflectorParts {
  readonly processes: Processes;
  readonly log: Log;
  readonly clock: Clock;
  readonly random: Random;
  readonly node: string;
  /** reflector.cjs */
  readonly program: string;
  /** The reflector's connection, served like any client's. */
  connected(className: string, transport: FrameTransport<Descriptor>): void;
}

interface Reflector {
  readonly startedAt: number;
  /** Deaths in a row without `healthyMs` of health between them. */
  readonly deaths: number;
  pid: number | undefined;
}

export class Reflectors {
  readonly #parts: ReflectorParts;
  readonly #reflectors = new Map<string, Reflector>();

  constructor(parts: ReflectorParts) {
    this.#parts = parts;
  }

  get running(): { class: string; pid: number }[] {
    return [...this.#reflectors].flatMap(([className, { pid }]) =>
      pid === undefined ? [] : [{ class: className, pid }],
    );
  }

  /** Keeps a reflector of the class running from now on. Rejects where the first one cannot be started. */
  start(className: string): Promise<void> {
    return this.#start(className, 0);
  }

  async #start(className: string, deaths: number): Promise<void> {
    const { processes, node, program, clock } = this.#parts;
    const reflector: Reflector = { startedAt: clock.now(), deaths, pid: undefined };
    this.#reflectors.set(className, reflector);
    const [ours, theirs] = socketPair();
    this.#parts.connected(className, new FrameSocket(ours));
    const order = {
      file: node,
      args: ["--enable-source-maps", program, className],
      stdio: [new Descriptor(openSync("/dev/null", "r")), 1, 2, theirs],
    };
    const { pid } = await processes.start(`reflector/${className}`, order, ({ code, signal }) =>
      this.#died(className, reflector, signal ?? `code ${code}`),
    );
    reflector.pid = pid;
  }

  #died(className: string, { startedAt, deaths }: Reflector, how: string): void {
    const { clock, log, random } = this.#parts;
    this.#reflectors.delete(className);
    const inRow = clock.now() - startedAt < limits.healthyMs ? deaths + 1 : 1;
    const delay = Math.round(backoffMs(inRow, random));
    log.error(`the ${className} reflector ended (${how}); it is started again in ${delay} ms`);
    clock.after(delay, () => {
      const again = { startedAt: clock.now(), deaths: inRow, pid: undefined };
      this.#start(className, inRow).catch((error: Error) => this.#died(className, again, error.message));
    });
  }
}
