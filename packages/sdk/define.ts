// Runs in: driver host, in a driver's code. Owns: what a driver is: its callbacks, and the context they are given.
import type { Contract, DriverUnit, EventData, EventName, Input, OperationName } from "@ring3/core/contract";
import { DeviceError } from "@ring3/core/errors";
import type { Log } from "@ring3/core/log";
import type { Hidraw } from "./hid/types.ts";
import type { State } from "./state.ts";
import type { Setup, UsbDevice } from "./usb/types.ts";
import type { Limit, Wait } from "./wait.ts";

/** What the manifest's grants opened. */
export interface Devices {
  /** Where the device is one of bus usb; so always, unless the manifest's rules name bus hid too. */
  readonly usb: UsbDevice;
  /** Where it is one of bus hid, and there is no `usb`: `openHid(hid ?? usb, ctx)`. */
  readonly hid?: Hidraw;
}

export interface DeviceIdentity {
  /** Where it is plugged in: "usb-1-4:1.0". */
  readonly id: string;
  /** Among the devices of its class: 1, 2, 3 … Its own until it is unplugged; what a controller shows as its player, say. Chosen by an interface's class alone, a driver may have another from its second start on. */
  readonly ordinal: number;
}

export interface Context<C extends Contract = Contract> {
  readonly device: DeviceIdentity;
  /** 1 at the first start since the device was plugged in, one more at each start after it. */
  readonly incarnation: number;
  /** Why there is a new incarnation: how the one before ended. Empty for the first. */
  readonly reason: string;
  /** How often it has been at rest: what clients were told until then holds no more. */
  readonly rests: number;
  /** Aborts when the driver is being removed. */
  readonly signal: AbortSignal;
  /** Disposed, in reverse order, at remove and when probe fails. */
  readonly scope: AsyncDisposableStack;
  readonly state: State;
  readonly log: Log;
  /** Monotonic milliseconds: the clock of every `deadlineMs`. */
  now(): number;
  /** The same moment on CLOCK_MONOTONIC, in microseconds: what classes call `timestampUs`. */
  timestampUs(): number;
  /** At most `ms` from now, and never longer than `wait` (else the current request). Dispose of it: `using limit = ctx.limit(500)`. */
  limit(ms: number, wait?: Wait): Limit;
  /** Rejects with DeviceError when the wait ends first. */
  sleep(ms: number, wait?: Wait): Promise<void>;
  /** Runs `run` again and again, `ms` after the run before has ended, until remove. An error is logged and does not stop it. */
  every(ms: number, run: () => void | Promise<void>): void;
  /** Tells the unit's clients. Events of a driver that is still probing are told once its units are known. */
  emit<E extends EventName<C>>(event: E, data: EventData<C, E>, unit?: number): void;
}

type Maybe<T> = T | Promise<T>;

/** What `decline` gives. */
export class Declined extends DeviceError {
  readonly why: string;

  constructor(why: string) {
    super("unsupported", why);
    this.why = why;
  }
}

/**
 * For probe to return: this driver does not want the device after all, for a reason that only the device itself could tell. The next driver that
 * matches gets it. `why` is for people.
 */
export function decline(why: string): Declined {
  return new Declined(why);
}

export interface DriverCallbacks<C extends Contract> {
  /** Finds out what the device is and returns its units. May run again in a new process at any time: assume nothing of the device's state. */
  probe(devices: Devices, ctx: Context<C>): Maybe<DriverUnit<C> | readonly DriverUnit<C>[] | Declined>;
  /** Called once requests have ended and before `ctx.scope` is disposed. The device may be gone. */
  remove?(ctx: Context<C>): Maybe<void>;
  /**
   * Brings the device to rest, on request or before the machine sleeps: no request and no run of `ctx.every` is under way, and none begins
   * before `resume` has returned. Has 5 s, together with what was under way. Afterwards clients are told that nothing is pressed any more (`released`
   * of the contract's events).
   */
  suspend?(ctx: Context<C>): Maybe<void>;
  /** The device is still there, its bus has not reset it, and what it knew of its own it may have forgotten. A driver that fails here is replaced. */
  resume?(ctx: Context<C>): Maybe<void>;
  /** None needed: without it the first start after a death is slower. */
  readonly rehearsal?: Rehearsal<C>;
}

/** A device that is all agreement. Each call does one transfer, and gives the bytes that moved. */
export interface PlayedDevice {
  /** Direction by bit 7 of `requestType`; IN fills `data`. */
  control(setup: Setup, data: Uint8Array): number;
  /**
   * Bulk or interrupt; direction by bit 7 of `endpoint`, IN fills `data`. Undefined: the device has nothing to send, and the transfer waits until
   * it is taken back. A stream from a device that always has something never ends.
   */
  transfer(endpoint: number, data: Uint8Array): number | undefined;
}

/**
 * What a host runs the driver on while it waits for a device, so that a recovery runs code that has run before. Nothing of it reaches
 * anyone, and each start, the real one too, has a module of its own. One that fails leaves the driver without waiting hosts.
 */
export interface Rehearsal<C extends Contract = Contract> {
  /** As usbfs gives them: device, then configuration 1 with interface 0 and its endpoints. */
  readonly descriptors: Uint8Array;
  /** Plugged in once, and there for all starts. */
  device(): PlayedDevice;
  /** For the first unit, one after another. `bytes`: of data that come or go with it. */
  readonly requests: readonly RehearsedRequest<C>[];
}

export type RehearsedRequest<C extends Contract> = {
  [K in OperationName<C>]: { readonly operation: K; readonly input: Input<C, K>; readonly bytes: number };
}[OperationName<C>];

export interface Driver<C extends Contract = Contract> extends DriverCallbacks<C> {
  readonly contract: C;
}

const drivers = new WeakSet<object>();

/** A driver's default export: `export default defineDriver(block, { async probe({ usb }, ctx) { … } })`. */
export function defineDriver<C extends Contract>(contract: C, callbacks: DriverCallbacks<C>): Driver<C> {
  for (const name of ["probe", "remove", "suspend", "resume"] as const) {
    const found = typeof callbacks[name];
    if (found !== "function" && (name === "probe" || found !== "undefined"))
      throw new DeviceError("invalid", `defineDriver: ${name}: expected a function, found ${found}`);
  }
  const driver = Object.freeze({ ...callbacks, contract });
  drivers.add(driver);
  return driver;
}

/** What a driver's module exports by default, or DeviceError("invalid"). */
export function driverOf(exported: unknown): Driver {
  if (typeof exported === "object" && exported !== null && drivers.has(exported)) return exported as Driver;
  throw new DeviceError(
    "invalid",
    `the driver's default export: expected the result of defineDriver, found ${exported === null ? "null" : typeof exported}`,
  );
}
