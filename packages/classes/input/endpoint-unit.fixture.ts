// Runs in: tests. Owns: a unit between a driver that the test plays and input devices on the scripted kernel, which a reflector may leave to another.

import { type ManualClock, manualClock } from "@ring3/core/clock";
import type { Contract, EventData, EventName, Properties } from "@ring3/core/contract";
import type { Log } from "@ring3/core/log";
import { createLog } from "@ring3/core/log";
import type { DeviceMapping } from "@ring3/core/mapping";
import type { SlotPort } from "@ring3/core/slot-port";
import { EV_SYN } from "@ring3/kernel/uinput/codes";
import { SYSNAME_BYTES, UI_DEV_CREATE, UI_GET_SYSNAME } from "@ring3/kernel/uinput/constants";
import type { InputDescription } from "@ring3/kernel/uinput/description";
import { ScriptedUinput, type Triple } from "@ring3/kernel/uinput/scripted-uinput.fixture";
import type { InputNodes } from "./endpoint-node.ts";
import type { InputUnit, InputUnitOptions } from "./endpoint-unit.ts";

const ENOENT = 2;
const EV_REL = 2;

/** One that passes on only what is different, as input.c does; there is a device once one was made. */
class Kernel extends ScriptedUinput {
  made = false;
  readonly #values = new Map<string, number>();
  #read = 0;

  override ioctl(request: number, argument: Uint8Array | number): number {
    if (request === UI_DEV_CREATE) this.made = true;
    if (request === UI_GET_SYSNAME(SYSNAME_BYTES) && !this.made) return -ENOENT;
    return super.ioctl(request, argument);
  }

  /** What a program has been told since it asked last. */
  seen(): Triple[] {
    const events = this.frames.slice(this.#read).flat();
    this.#read = this.frames.length;
    return events.filter(([type, code, value]) => {
      if (type === EV_SYN) return false;
      if (type === EV_REL) return true;
      const before = this.#values.get(`${type} ${code}`) ?? 0;
      this.#values.set(`${type} ${code}`, value);
      return before !== value;
    });
  }
}

interface Held {
  readonly shape: string;
  kernel: Kernel;
  memo: string;
}

/** As the manager keeps them, over reflectors. */
export class PlayedNodes implements InputNodes {
  readonly held = new Map<number, Held>();
  opened = 0;

  async open(index: number, shape: string) {
    const before = this.held.get(index);
    this.opened++;
    const kernel = new Kernel();
    const same = before?.shape === shape;
    kernel.made = same;
    kernel.sysname = same ? before.kernel.sysname : `input${this.opened}`;
    const memo = same ? before.memo : "";
    this.held.set(index, { shape, kernel, memo });
    return { calls: kernel, memo };
  }

  async node(sysname: string): Promise<string> {
    return `/dev/input/event${sysname.slice("input".length)}`;
  }

  async remember(index: number, memo: string): Promise<void> {
    this.held.get(index)!.memo = memo;
  }

  async keep(indexes: readonly number[]): Promise<void> {
    for (const index of this.held.keys()) if (!indexes.includes(index)) this.held.delete(index);
  }

  kernel(index: number): Kernel {
    return this.held.get(index)!.kernel;
  }

  description(index: number): InputDescription {
    return JSON.parse(this.held.get(index)!.shape) as InputDescription;
  }
}

type Told = { readonly name: string; readonly input: unknown };

/** A driver behind a port. Its last state is told to who subscribes later. */
export class PlayedPort<C extends Contract> {
  readonly told: Told[] = [];
  closed = false;
  #works = true;
  readonly #listeners = new Map<string, Set<(data: never, dropped: number) => void>>();
  readonly #onDriver = new Set<(there: boolean, failed: boolean) => void>();
  readonly #latest = new Map<string, unknown>();

  get port(): SlotPort<C> {
    const works = () => this.#works;
    return {
      get works() {
        return works();
      },
      supports: () => true,
      request: async (name: string, input: unknown) => void this.told.push({ name, input }),
      on: (name: string, listener: (data: never, dropped: number) => void) => {
        const listeners = this.#listeners.get(name) ?? new Set();
        this.#listeners.set(name, listeners.add(listener));
        if (this.#latest.has(name)) listener(this.#latest.get(name) as never, 0);
        return () => listeners.delete(listener);
      },
      onDriver: (listener: (there: boolean, failed: boolean) => void) => {
        this.#onDriver.add(listener);
        return () => this.#onDriver.delete(listener);
      },
      close: async () => {
        this.closed = true;
      },
    } as unknown as SlotPort<C>;
  }

  emit<E extends EventName<C>>(name: E, data: Partial<EventData<C, E>>): void {
    this.#latest.set(name, data);
    for (const listener of this.#listeners.get(name) ?? []) listener(data as never, 0);
  }

  driver(there: boolean, failed = false): void {
    this.#works = there;
    if (!there) this.#latest.clear();
    for (const listener of this.#onDriver) listener(there, failed);
  }
}

export interface Rig<C extends Contract> {
  readonly clock: ManualClock;
  readonly nodes: PlayedNodes;
  readonly log: string[];
  /** The latest port that was opened. */
  readonly port: PlayedPort<C>;
  readonly ports: readonly PlayedPort<C>[];
  readonly unit: InputUnit<C>;
  /** What was told to be active, and is kept by whoever was told. */
  readonly profiles: string[];
  readonly moved: (readonly string[])[];
  properties: Properties<C>;
  remap(mapping: DeviceMapping | undefined): Promise<void>;
  /** Another reflector in the place of a dead one. */
  again(): Promise<void>;
}

/** Lets promises go their way. */
export const settled = () => new Promise<void>((resolve) => setImmediate(resolve));

export async function inputUnit<C extends Contract>(
  start: (options: InputUnitOptions<C>) => Promise<InputUnit<C>>,
  properties: Properties<C>,
  first?: DeviceMapping,
): Promise<Rig<C>> {
  const clock = manualClock();
  const nodes = new PlayedNodes();
  const log: string[] = [];
  const ports: PlayedPort<C>[] = [];
  const profiles: string[] = [];
  const moved: (readonly string[])[] = [];
  let mapping = first;
  const options: InputUnitOptions<C> = {
    info: () => ({ unit: "usb-1:1.0#0", name: "Thing", properties: rig.properties as object }),
    async open() {
      const port = new PlayedPort<C>();
      ports.push(port);
      return port.port;
    },
    nodes,
    mapping: () => mapping,
    profile: { last: async () => profiles.at(-1) ?? null, tell: (profile) => void profiles.push(profile) },
    moved: (paths) => void moved.push(paths),
    clock,
    log: createLog("test", ({ level, message }) => void log.push(`${level}: ${message}`), clock) as Log,
  };
  const rig = {
    clock,
    nodes,
    log,
    ports,
    profiles,
    moved,
    properties,
    get port() {
      return ports.at(-1)!;
    },
    unit: undefined as unknown as InputUnit<C>,
    async remap(next: DeviceMapping | undefined) {
      mapping = next;
      rig.unit.changed();
      await settled();
    },
    async again() {
      rig.unit = await start(options);
      await settled();
    },
  };
  await rig.again();
  return rig;
}
