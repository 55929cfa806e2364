// Runs in: manager. Owns: what logind says of the machine's sleep, over the system bus: org.freedesktop.login1(5), "Inhibitor Locks".

import type { Clock, Timer } from "@ring3/core/clock";
import type { DeviceError } from "@ring3/core/errors";
import type { Log } from "@ring3/core/log";
import { BUS, type BusConnection, BusError, type BusMessage } from "@ring3/kernel/dbus/connection";
import type { Value } from "@ring3/kernel/dbus/value-reader";
import type { Descriptor } from "@ring3/kernel/fd/descriptor";

const LOGIN = "org.freedesktop.login1";
const PATH = "/org/freedesktop/login1";
const MANAGER = `${LOGIN}.Manager`;
const PROPERTIES = "org.freedesktop.DBus.Properties";

const RULES = [
  `type='signal',sender='${BUS}',interface='${BUS}',member='NameOwnerChanged',arg0='${LOGIN}'`,
  `type='signal',sender='${LOGIN}',path='${PATH}',interface='${MANAGER}',member='PrepareForSleep'`,
];

const RETRY_MIN_MS = 1_000;
const RETRY_MAX_MS = 30_000;
/** InhibitDelayMaxSec= of logind.conf(5), where nobody has set it, in case that logind does not say. */
const DELAY_MS = 5_000;

/** What is needed of a connection to the system bus. */
export type Bus = Pick<BusConnection, "match" | "ownerOf" | "call" | "close" | "onSignal" | "onClose">;

export interface SleepListener {
  /** The machine is about to sleep. Logind waits no longer than that for those who hold a lock. */
  begins(withinMs: number): void;
  /** It does not sleep, any more or after all; or nobody would say when it does. Said again and again. */
  ends(): void;
  /** As long as this descriptor is open, logind waits. */
  lock(lock: Descriptor): void;
}

export class LoginManager {
  readonly #open: () => Promise<Bus>;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #listener: SleepListener;
  #bus: Bus | undefined;
  /** The name of logind's own connection: the sender of what it says. */
  #owner: string | undefined;
  #delayMs = DELAY_MS;
  /** How much was heard: an answer is older than what was heard since it was asked for. */
  #heard = 0;
  #retryMs = RETRY_MIN_MS;
  #retry: Timer | undefined;
  #said = "";
  #closed = false;

  constructor(open: () => Promise<Bus>, clock: Clock, log: Log, listener: SleepListener) {
    this.#open = open;
    this.#clock = clock;
    this.#log = log;
    this.#listener = listener;
    void this.#follow();
  }

  close(): void {
    this.#closed = true;
    this.#retry?.cancel();
    this.#bus?.close();
  }

  /** One connection after the other. One that was lost may be back in a moment; without one nobody would say that the machine is awake, so it counts as awake. */
  async #follow(): Promise<void> {
    while (!this.#closed) {
      try {
        await this.#attend();
      } catch (error) {
        if (this.#closed) return;
        this.#listener.ends();
        this.#say("info", `${UNNOTICED}: ${(error as DeviceError).message}`);
      }
      const { promise, resolve } = Promise.withResolvers<void>();
      if (!this.#closed) this.#retry = this.#clock.after(this.#retryMs, resolve);
      this.#retryMs = Math.min(2 * this.#retryMs, RETRY_MAX_MS);
      await promise;
    }
  }

  /** Until the connection ends. Throws where there is none, or none that can be used. */
  async #attend(): Promise<void> {
    const bus = await this.#open();
    this.#bus = bus;
    const { promise: ended, resolve: end } = Promise.withResolvers<void>();
    bus.onClose = (error) => {
      this.#say("info", `the system bus was lost, and is asked again: ${error.message}`);
      end();
    };
    bus.onSignal = (signal) => this.#signalled(bus, signal, end);
    try {
      if (this.#closed) return;
      for (const rule of RULES) await bus.match(rule);
      await this.#meet(bus, await bus.ownerOf(LOGIN));
      await ended;
    } finally {
      this.#owner = undefined;
      bus.close();
    }
  }

  #signalled(bus: Bus, { sender, interface: name, member, body }: BusMessage, end: () => void): void {
    if (sender === BUS && member === "NameOwnerChanged" && body[0] === LOGIN) {
      const owner = body[2] === "" ? undefined : String(body[2]);
      this.#meet(bus, owner).catch(end);
      return;
    }
    // Anybody may send a signal of any name to this very connection.
    if (sender !== this.#owner || name !== MANAGER || member !== "PrepareForSleep") return;
    this.#heard++;
    if (body[0] === true) return this.#listener.begins(this.#delayMs);
    this.#listener.ends();
    this.#lock(bus, sender).catch(end);
  }

  /** There is a logind, another one, or none. */
  async #meet(bus: Bus, owner: string | undefined): Promise<void> {
    this.#owner = owner;
    this.#retryMs = RETRY_MIN_MS;
    const heard = ++this.#heard;
    if (owner === undefined) {
      this.#listener.ends();
      return this.#say("info", `${UNNOTICED}: there is no logind on the system bus`);
    }
    const delay = await property(bus, owner, "InhibitDelayMaxUSec");
    this.#delayMs = typeof delay === "bigint" ? Number(delay) / 1000 : DELAY_MS;
    const sleeps = await property(bus, owner, "PreparingForSleep");
    if (heard !== this.#heard) return;
    if (sleeps === true) return this.#listener.begins(this.#delayMs);
    this.#listener.ends();
    await this.#lock(bus, owner);
  }

  /** Without one the devices are brought to rest all the same, only nobody waits for that. */
  async #lock(bus: Bus, destination: string): Promise<void> {
    const heard = this.#heard;
    try {
      const [what, who, why, mode] = ["sleep", "ring3", "Devices are brought to rest", "delay"] as const;
      const strings = [what, who, why, mode];
      const call = { destination, path: PATH, interface: MANAGER, member: "Inhibit", strings };
      const { descriptors } = await bus.call(call, 1);
      this.#listener.lock(descriptors[0]!);
      this.#say("info", "devices will be at rest before the machine sleeps");
    } catch (error) {
      if (!(error instanceof BusError)) throw error;
      if (heard !== this.#heard) return; // refused because it sleeps already; there is another chance then
      this.#say(
        "warn",
        `the machine may sleep before its devices are at rest: logind gives no lock: ${error.message}`,
      );
    }
  }

  /** Once, until there is something else to say. */
  #say(level: "info" | "warn", text: string): void {
    if (text !== this.#said) this.#log[level](text);
    this.#said = text;
  }
}

const UNNOTICED = "devices will not be at rest when the machine sleeps";

/** undefined where this logind has none of that name. */
async function property(bus: Bus, destination: string, name: string): Promise<Value | undefined> {
  const call = { destination, path: PATH, interface: PROPERTIES, member: "Get", strings: [MANAGER, name] };
  try {
    const [variant] = (await bus.call(call)).body;
    return typeof variant === "object" && "signature" in variant ? variant.value : undefined;
  } catch (error) {
    if (error instanceof BusError) return undefined;
    throw error;
  }
}
