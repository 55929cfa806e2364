// Runs in: reflector. Owns: one unit as the kernel's programs know it, over all that becomes of its drivers, its properties and its mapping.
import { isDeepStrictEqual } from "node:util";
import type { Clock, Timer } from "@ring3/core/clock";
import type { Contract, Properties } from "@ring3/core/contract";
import type { Log } from "@ring3/core/log";
import type { DeviceMapping } from "@ring3/core/mapping";
import type { SlotPort } from "@ring3/core/slot-port";
import { MapperRun } from "./endpoint-mapper.ts";
import type { InputNodes } from "./endpoint-node.ts";
import { type Planned, UnitNodes } from "./endpoint-nodes.ts";
import { createMapper, type Mapper } from "./mapping/mapper.ts";
import type { Output } from "./mapping/output.ts";
import { type Capabilities, type Targets, targetsOf } from "./mapping/targets.ts";

/** What has failed is tried again: at first after so long, then each time after twice as long as before. */
const RETRY_MS = 1000;
const RETRY_MAX_MS = 60_000;

export interface Named {
  readonly name: string;
  readonly phys: string;
}

/** What ends each of some subscriptions. */
export type Stops = readonly (() => void)[];

/** What a unit's input devices are to be, and how they show what it tells. */
export interface View<C extends Contract> {
  readonly planned: readonly Planned[];
  /** What the port tells is shown as it is. */
  pass(port: SlotPort<C>, nodes: UnitNodes): Stops;
  /** What the port tells is the mapper's to hear; what a mapper knows nothing of is shown as it is. */
  feed(port: SlotPort<C>, nodes: UnitNodes, run: MapperRun): Stops;
  show(output: Output, nodes: UnitNodes): void;
  /** All devices are at rest, as the kernel was told. */
  released(): void;
}

/** What a class's units are to the kernel's programs. */
export interface InputKind<C extends Contract> {
  capabilities(properties: Properties<C>): Capabilities;
  /** `targets`: with a mapping. */
  view(properties: Properties<C>, named: Named, targets: Targets | undefined): View<C>;
  /**
   * A driver works behind that port, and knows nothing of what programs want; undefined: there is none for the time being, which may be said twice.
   * `failed`: the last one is dead by its own fault.
   */
  driver(port: SlotPort<C> | undefined, failed?: boolean): void;
  close(): void;
}

export interface InputUnitOptions<C extends Contract> {
  /** The unit as it is now. */
  readonly info: () => { readonly unit: string; readonly name: string; readonly properties: object };
  /** Rejects with DeviceError. */
  readonly open: () => Promise<SlotPort<C>>;
  readonly nodes: InputNodes;
  /** The one that is in force for it. */
  readonly mapping: () => DeviceMapping | undefined;
  readonly profile: {
    /** The one that was active last, if any was. */
    last(): Promise<string | null>;
    /** It is another one now. */
    tell(profile: string): void;
  };
  /** Programs find it elsewhere. */
  readonly moved: (paths: readonly string[]) => void;
  readonly clock: Clock;
  readonly log: Log;
}

interface Plan<C extends Contract> {
  readonly port: SlotPort<C>;
  readonly shape: string;
  readonly mapping: DeviceMapping | undefined;
  readonly capabilities: Capabilities;
  readonly view: View<C>;
}

interface Built<C extends Contract> extends Plan<C> {
  readonly run: MapperRun | undefined;
  readonly stops: Stops;
}

export class InputUnit<C extends Contract> {
  readonly #options: InputUnitOptions<C>;
  readonly #kind: InputKind<C>;
  readonly #nodes: UnitNodes;
  #port: SlotPort<C> | undefined;
  #built: Built<C> | undefined;
  #mapper: Mapper | undefined;
  /** What was pressed before a mapper is there is not pressed for it. */
  #resumes = false;
  #profile: string | null | undefined;
  #turn: Promise<void> = Promise.resolve();
  #retry: Timer | undefined;
  #retryMs = RETRY_MS;
  #closed = false;

  private constructor(options: InputUnitOptions<C>, kind: InputKind<C>) {
    this.#options = options;
    this.#kind = kind;
    this.#nodes = new UnitNodes(options.nodes, options.clock);
  }

  /** Rejects with DeviceError. */
  static async start<C extends Contract>(
    options: InputUnitOptions<C>,
    kind: InputKind<C>,
  ): Promise<InputUnit<C>> {
    const unit = new InputUnit(options, kind);
    try {
      await unit.#build();
      return unit;
    } catch (error) {
      await unit.close();
      throw error;
    }
  }

  /** /dev/input/eventN of each of its input devices, its own first. */
  get paths(): readonly string[] {
    return this.#nodes.paths;
  }

  /** Its properties or its mapping may be others. */
  changed(): void {
    this.#buildInTurn(() => {});
  }

  /** Its port has ended, or is of something that is not there any more. */
  lost(): void {
    this.#buildInTurn(() => this.#drop());
  }

  use(profile: string): void {
    this.#profile = profile;
    const { run, mapping } = this.#built ?? {};
    if (mapping?.profiles.has(profile)) run?.use(profile);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#retry?.cancel();
    await this.#turn;
    this.#kind.close();
    await this.#drop(); // first: it may still tell
    this.#nodes.close();
  }

  #buildInTurn(before: () => Promise<void> | void): void {
    const turn = async () => {
      if (this.#closed) return;
      this.#retry?.cancel();
      await before();
      const { paths } = this;
      await this.#build();
      this.#retryMs = RETRY_MS;
      if (!isDeepStrictEqual(paths, this.paths)) this.#options.moved(this.paths);
    };
    this.#turn = this.#turn.then(turn).catch((error: Error) => {
      this.#options.log.error(`programs do not see it as it is now: ${error.message}`);
      this.#tryLater();
    });
  }

  #tryLater(): void {
    if (this.#closed) return;
    this.#retry = this.#options.clock.after(this.#retryMs, () => this.changed());
    this.#retryMs = Math.min(2 * this.#retryMs, RETRY_MAX_MS);
  }

  async #build(): Promise<void> {
    const { info, mapping: mappingNow, log } = this.#options;
    this.#port ??= await this.#options.open();
    const port = this.#port;
    const { unit, name, properties: told } = info();
    const properties = told as Properties<C>;
    const mapping = mappingNow();
    const capabilities = this.#kind.capabilities(properties);
    const targets = mapping && targetsOf(mapping, capabilities);
    const view = this.#kind.view(properties, { name, phys: `ring3/${unit}` }, targets);
    const shape = JSON.stringify(view.planned);
    const before = this.#built;
    if (before?.shape === shape && isDeepStrictEqual(before.mapping, mapping)) return;
    if (mapping !== undefined) this.#profile ??= await this.#options.profile.last();
    this.#unwire();
    try {
      await this.#nodes.become(view.planned);
    } catch (error) {
      if (before !== undefined && this.#nodes.has(before.view.planned)) this.#wire(before);
      throw error;
    }
    this.#wire({ port, shape, mapping, capabilities, view });
    if (before !== undefined && mapping !== undefined)
      log.info(`its mapping is another; profile ${this.#mapper!.profile}`);
  }

  /** What the port tells is shown from here on. */
  #wire({ port, shape, mapping, capabilities, view }: Plan<C>): void {
    const run = mapping && this.#map(mapping, capabilities, view);
    this.#resumes = true;
    if (mapping === undefined) this.#mapper = undefined;
    const down = (failed: boolean) => {
      this.#kind.driver(undefined, failed);
      run?.reset();
      this.#nodes.release();
      view.released();
    };
    const stop = port.onDriver((there, failed) => (there ? this.#kind.driver(port) : down(failed)));
    const stops = run === undefined ? view.pass(port, this.#nodes) : view.feed(port, this.#nodes, run);
    this.#built = { port, shape, mapping, capabilities, view, run, stops: [stop, ...stops] };
    this.#kind.driver(port.works ? port : undefined);
  }

  #map(mapping: DeviceMapping, capabilities: Capabilities, view: View<C>): MapperRun {
    const { clock, profile } = this.#options;
    const last = this.#profile ?? mapping.first;
    const active = mapping.profiles.has(last) ? last : mapping.first;
    const mapper = createMapper(mapping, capabilities, { before: this.#mapper, profile: active });
    if (this.#mapper === undefined && (this.#resumes || this.#nodes.adopted)) mapper.resumes();
    this.#mapper = mapper;
    return new MapperRun(
      mapper,
      clock,
      (output) => view.show(output, this.#nodes),
      (name) => {
        this.#profile = name;
        profile.tell(name);
      },
    );
  }

  /** What runs ends, and nothing stays pressed. */
  #unwire(): void {
    if (this.#built === undefined) return;
    const { run, stops, view } = this.#built;
    this.#built = undefined;
    for (const stop of stops) stop();
    run?.close();
    this.#nodes.release();
    view.released();
  }

  async #drop(): Promise<void> {
    const port = this.#port;
    this.#port = undefined;
    this.#kind.driver(undefined);
    this.#unwire();
    await port?.close();
  }
}
