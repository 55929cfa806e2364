// Runs in: manager. Owns: the reflector processes, one a class.

import { openSync } from "node:fs";
import type { FrameTransport } from "@ring3/control/peer";
import type { Log } from "@ring3/core/log";
import { Descriptor } from "@ring3/kernel/fd/descriptor";
import { FrameSocket, socketPair } from "@ring3/kernel/socket/frame-socket";
import type { Processes } from "./processes.ts";

export interface ReflectorParts {
  readonly processes: Processes;
  readonly log: Log;
  readonly node: string;
  /** reflector.cjs */
  readonly program: string;
  /** Where a class's sockets are made. */
  directoryOf(className: string): string;
  /** The reflector's connection, served like any client's. */
  connected(className: string, transport: FrameTransport<Descriptor>): void;
  /** It died: its endpoints are gone. */
  died(className: string): void;
}

export class Reflectors {
  readonly #parts: ReflectorParts;
  readonly #pids = new Map<string, number>();

  constructor(parts: ReflectorParts) {
    this.#parts = parts;
  }

  get running(): { class: string; pid: number }[] {
    return [...this.#pids].map(([className, pid]) => ({ class: className, pid }));
  }

  async start(className: string): Promise<void> {
    const { processes, node, program, log } = this.#parts;
    const [ours, theirs] = socketPair();
    this.#parts.connected(className, new FrameSocket(ours));
    const { pid } = await processes.start(
      `reflector/${className}`,
      {
        file: node,
        args: ["--enable-source-maps", program, className, this.#parts.directoryOf(className)],
        stdio: [new Descriptor(openSync("/dev/null", "r")), 1, 2, theirs],
      },
      ({ code, signal }) => {
        this.#pids.delete(className);
        log.error(`the ${className} reflector ended (${signal ?? `code ${code}`}); it is started again`);
        this.#parts.died(className);
      },
    );
    this.#pids.set(className, pid);
  }
}
