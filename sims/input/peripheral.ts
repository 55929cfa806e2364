// Runs in: a sim of an input device. Owns: the device over its whole life: on and off the bus, its stream, what is played on it.
import { setTimeout as sleep } from "node:timers/promises";
import type { DeviceRecord } from "../usbip/codec.ts";
import type { Exported, Port, Stream } from "../usbip/server.ts";
import { recordOf } from "./descriptors.ts";
import { Device } from "./device.ts";
import type { Faults } from "./faults.ts";
import type { Model } from "./model.ts";
import { play } from "./player.ts";
import type { Step } from "./script.ts";

export interface PeripheralOptions<State> {
  readonly model: Model<State>;
  /** Where it is plugged in. */
  readonly port: string;
  readonly path: string;
  readonly intervalMs: number;
  readonly faults: Faults;
  /** Played from when a host first reads input. */
  readonly steps: readonly Step<State>[];
  /** Something has happened to it. */
  tell(event: object): void;
  observe(observed: string, details: object): void;
}

export class Peripheral<State> implements Exported {
  readonly #options: PeripheralOptions<State>;
  #device: Device<State> | undefined;
  readonly #streams = new Set<Stream>();
  /** Which stream has used an interface last. */
  readonly #users = new Map<number, Stream>();
  #unplugged = new AbortController();
  #imports = 0;

  constructor(options: PeripheralOptions<State>) {
    this.#options = options;
    this.#device = this.#build();
  }

  get faults(): Faults {
    return this.#options.faults;
  }

  get model(): Model<State> {
    return this.#options.model;
  }

  get plugged(): boolean {
    return this.#device !== undefined;
  }

  record(): DeviceRecord | undefined {
    const { model, path, port } = this.#options;
    return this.#device === undefined ? undefined : recordOf(model.descriptors, path, port);
  }

  /**
   * Whoever drives one interface of a device has imported it for that, as it would have opened its node: several may. A stream that uses
   * an interface ends the one that has used it before.
   */
  attach(stream: Stream): Port {
    const device = this.#device!;
    this.#streams.add(stream);
    this.#imports++;
    return {
      submit: (urb) => {
        const used = device.interfaceOf(urb);
        if (used !== undefined) this.#use(used, stream);
        device.submit(urb);
      },
      unlink: (urb) => device.unlink(urb),
    };
  }

  detach(stream: Stream): void {
    this.#streams.delete(stream);
    this.#device?.detach(stream);
    for (const [used, user] of this.#users) if (user === stream) this.#users.delete(used);
  }

  unplug(): void {
    if (this.#device === undefined) return;
    this.#end();
    this.#options.tell({ event: "unplugged" });
  }

  plug(): void {
    if (this.#device !== undefined) throw new Error("the device is plugged already");
    this.#unplugged = new AbortController();
    this.#device = this.#build();
    this.#options.tell({ event: "plugged", busid: this.#options.port });
  }

  shutdown(): void {
    if (this.#device !== undefined) this.#end();
  }

  /** Resolves at its end, or when the device is pulled out. */
  async play(steps: readonly Step<State>[]): Promise<void> {
    const device = this.#device;
    if (device === undefined) throw new Error("the device is unplugged");
    const { signal } = this.#unplugged;
    const stage = {
      act(change: (state: State) => void) {
        change(device.state);
        device.show();
      },
      sleep: (ms: number) => sleep(ms, undefined, { signal }),
    };
    await play(steps, stage, () => performance.now()).catch((error: unknown) => {
      if (!signal.aborted) throw error;
    });
  }

  stats(): object {
    return {
      plugged: this.plugged,
      streams: this.#streams.size,
      imports: this.#imports,
      sent: this.#device?.sent ?? 0,
      lost: this.#device?.lost ?? 0,
      received: this.#device?.received ?? 0,
      faults: [...this.faults],
    };
  }

  #use(interfaceNumber: number, stream: Stream): void {
    const before = this.#users.get(interfaceNumber);
    if (before === stream) return;
    if (before !== undefined) this.#cut(before);
    this.#users.set(interfaceNumber, stream);
  }

  #end(): void {
    this.#unplugged.abort();
    for (const stream of this.#streams) this.#cut(stream);
    this.#device?.stop();
    this.#device = undefined;
  }

  #cut(stream: Stream): void {
    stream.close();
    this.detach(stream);
  }

  #build(): Device<State> {
    const { model, steps, tell } = this.#options;
    return new Device(model, model.vocabulary.fresh(), {
      ...this.#options,
      read: () => {
        if (steps.length > 0) void this.play(steps).then(() => tell({ event: "played" }));
      },
    });
  }
}
