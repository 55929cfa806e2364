// Runs in: manager. Owns: the reflector processes, one a class.

import type { FrameTransport } from "@ring3/control/peer";
import type { Clock, Random } from "@ring3/core/clock";
import { backoffMs, limits } from "@ring3/core/lifecycle";
import type { Log } from "@ring3/core/log";
import { type Descriptor, nullDevice } from "@ring3/kernel/fd/descriptor";
import { FrameSocket, socketPair } from "@ring3/kernel/socket/frame-socket";
import type { Heirloom, Legacy } from "./legacy.ts";
import type { Processes, Started } from "./processes.ts";

export interface ReflectorParts {
  readonly processes: Processes;
  readonly legacy: Legacy;
  readonly log: Log;
  readonly clock: Clock;
  readonly random: Random;
  readonly node: string;
  /** reflector.cjs */
  readonly program: string;
  /** What a class's reflector has to have from its start to make its endpoints. */
  readonly needs: (className: string) => readonly string[];
  /** Nothing of what it had opened will be asked for again. */
  readonly died: (className: string) => void;
  readonly connected: ServeReflector;
}

/** The reflector's connection, served like any client's. `standby`: has another made for the next manager, and gives the reflector's end. */
export type ServeReflector = (
  {
    className,
    driver,
  }: { readonly className: string /** Inline in it. */; readonly driver: string | undefined },
  transport: FrameTransport<Descriptor>,
  standby: () => Descriptor,
) => void;

/** A reflector's connection to the next manager, which the keeper holds under that record's name. */
export class Standby {
  readonly #legacy: Legacy;
  readonly #record: string;
  #unasked: Descriptor | undefined;

  /** `theirs`: its other end, where the reflector has not got it yet. */
  constructor(legacy: Legacy, record: string, next: Descriptor, theirs?: Descriptor) {
    this.#legacy = legacy;
    this.#record = record;
    this.#unasked = theirs;
    legacy.hold(record, [next]);
  }

  /** The reflector's end of it; of another one, where it has had that. */
  take(): Descriptor {
    const first = this.#unasked;
    this.#unasked = undefined;
    if (first !== undefined) return first;
    const [mine, other] = socketPair();
    this.#legacy.hold(this.#record, [mine]);
    return other;
  }

  drop(): void {
    this.#unasked?.close();
    this.#legacy.drop(this.#record);
  }
}

interface Reflector {
  readonly startedAt: number;
  /** Deaths in a row without `healthyMs` of health between them. */
  readonly deaths: number;
  started: Started | undefined;
  standby: Standby | undefined;
}

export class Reflectors {
  readonly #parts: ReflectorParts;
  readonly #reflectors = new Map<string, Reflector>();
  /** Classes that have one, or are to have one again in a moment. */
  readonly #kept = new Set<string>();

  constructor(parts: ReflectorParts) {
    this.#parts = parts;
  }

  get running(): { class: string; pid: number }[] {
    return [...this.#reflectors].flatMap(([className, { started }]) =>
      started === undefined ? [] : [{ class: className, pid: started.pid }],
    );
  }

  /** Keeps a reflector of the class running from now on, as it may be already. Where there is none and none can be started it rejects, or if `patient` tries again. */
  async start(className: string, patient: boolean): Promise<void> {
    if (this.#kept.has(className)) return;
    this.#kept.add(className);
    if (patient) this.#startOrTryAgain(className, 0);
    else await this.#start(className, 0);
  }

  #startOrTryAgain(className: string, deaths: number): void {
    const startedAt = this.#parts.clock.now();
    this.#start(className, deaths).catch(({ message }: Error) =>
      this.#died(
        className,
        { startedAt, deaths, started: undefined, standby: undefined },
        `cannot be started (${message})`,
      ),
    );
  }

  async #start(className: string, deaths: number): Promise<void> {
    const { processes, node, program, needs, clock } = this.#parts;
    const reflector: Reflector = { startedAt: clock.now(), deaths, started: undefined, standby: undefined };
    this.#reflectors.set(className, reflector);
    const [ours, theirs] = socketPair();
    const [next, nextTheirs] = socketPair();
    const order = {
      file: node,
      args: ["--enable-source-maps", program, className, ...needs(className)],
      stdio: [nullDevice(), 1, 2, theirs, nextTheirs],
    };
    try {
      const started = await processes.start(`reflector/${className}`, order, ({ code, signal }) =>
        this.#died(className, reflector, `ended (${signal ?? `code ${code}`})`),
      );
      this.#runs(className, reflector, started, ours, next, undefined);
    } catch (error) {
      ours.close();
      next.close();
      throw error;
    }
  }

  /** One that an earlier manager has started goes on, if it lives; what it has lived before does not count. */
  inherit({ name, record, held }: Heirloom<"reflector">, living: boolean): void {
    const { processes, clock, legacy } = this.#parts;
    if (!living) {
      for (const descriptor of held) descriptor.close();
      this.#parts.died(record.class);
      return legacy.drop(name);
    }
    const reflector: Reflector = {
      startedAt: clock.now(),
      deaths: 0,
      started: undefined,
      standby: undefined,
    };
    this.#reflectors.set(record.class, reflector);
    this.#kept.add(record.class);
    const started = processes.takeOver({ name, pid: record.pid }, ({ code, signal }) =>
      this.#died(record.class, reflector, `ended (${signal ?? `code ${code}`})`),
    );
    const [next, theirs] = socketPair();
    this.#runs(record.class, reflector, started, held[0]!, next, theirs);
  }

  /**
   * `next`: the keeper holds it for the next manager from now on, and no more the connection that is in use: the reflector would not see this
   * manager's death. `theirs`: its other end, where the reflector has not got it yet.
   */
  #runs(
    className: string,
    reflector: Reflector,
    started: Started,
    ours: Descriptor,
    next: Descriptor,
    theirs: Descriptor | undefined,
  ): void {
    const { legacy, connected } = this.#parts;
    const { name, pid } = started;
    reflector.started = started;
    legacy.note("reflector", name, { class: className, pid, host: null });
    const standby = new Standby(legacy, name, next, theirs);
    reflector.standby = standby;
    connected({ className, driver: undefined }, new FrameSocket(ours), () => standby.take());
  }

  #died(className: string, { startedAt, deaths, standby }: Reflector, how: string): void {
    const { clock, log, random, died } = this.#parts;
    this.#reflectors.delete(className);
    standby?.drop();
    died(className);
    const inRow = clock.now() - startedAt < limits.healthyMs ? deaths + 1 : 1;
    const delay = Math.round(backoffMs(inRow, random));
    log.error(`the ${className} reflector ${how}; it is started again in ${delay} ms`);
    clock.after(delay, () => this.#startOrTryAgain(className, inRow));
  }
}
