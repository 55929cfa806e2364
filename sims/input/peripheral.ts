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
  #stream: Stream | undefined;
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

  /** A newer import fences the one before: nothing of the old stream reaches the device any more. */
  attach(stream: Stream): Port {
    this.#cut();
    this.#stream = stream;
    this.#imports++;
    return this.#device!;
  }

  detach(stream: Stream): void {
    if (stream !== this.#stream) return;
    this.#stream = undefined;
    this.#device?.detach();
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
      imported: this.#stream !== undefined,
      imports: this.#imports,
      sent: this.#device?.sent ?? 0,
      lost: this.#device?.lost ?? 0,
      received: this.#device?.received ?? 0,
      faults: [...this.faults],
    };
  }

  #end(): void {
    this.#unplugged.abort();
    this.#device?.stop();
    this.#device = undefined;
    this.#cut();
  }

  #cut(): void {
    this.#stream?.close();
    this.#stream = undefined;
    this.#device?.detach();
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
