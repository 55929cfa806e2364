// Runs in: reflector. Owns: a mapper at work: it is woken in time, and what it answers is shown.
import type { Clock, Timer } from "@ring3/core/clock";
import type { Mapper } from "./mapping/mapper.ts";
import type { Output } from "./mapping/output.ts";

export class MapperRun {
  readonly #mapper: Mapper;
  readonly #clock: Clock;
  readonly #show: (output: Output) => void;
  readonly #switched: (profile: string) => void;
  #profile: string;
  #wakeMs: number | undefined;
  #timer: Timer | undefined;

  /** `switched`: a button has made another profile active. */
  constructor(
    mapper: Mapper,
    clock: Clock,
    show: (output: Output) => void,
    switched: (profile: string) => void,
  ) {
    this.#mapper = mapper;
    this.#profile = mapper.profile;
    this.#clock = clock;
    this.#show = show;
    this.#switched = switched;
  }

  state(state: Parameters<Mapper["state"]>[0]): void {
    this.#shown(this.#mapper.state(state, this.#clock.now()));
  }

  sensors(sensors: Parameters<Mapper["sensors"]>[0]): void {
    this.#shown(this.#mapper.sensors(sensors, this.#clock.now()));
  }

  keys(keys: Parameters<Mapper["keys"]>[0]): void {
    this.#shown(this.#mapper.keys(keys, this.#clock.now()));
  }

  motion(moved: Parameters<Mapper["motion"]>[0]): void {
    this.#shown(this.#mapper.motion(moved, this.#clock.now()));
  }

  pointer(pointer: Parameters<Mapper["pointer"]>[0]): void {
    this.#shown(this.#mapper.pointer(pointer, this.#clock.now()));
  }

  /** Nothing is known of the device any more. */
  reset(): void {
    this.#shown(this.#mapper.reset(this.#clock.now()));
  }

  /** Of those that the mapping has. */
  use(profile: string): void {
    this.#profile = profile;
    this.#shown(this.#mapper.use(profile, this.#clock.now()));
  }

  close(): void {
    this.#timer?.cancel();
  }

  #shown(output: Output): void {
    this.#show(output);
    this.#wakeAt(output.nextWakeMs);
    const { profile } = this.#mapper;
    if (profile === this.#profile) return;
    this.#profile = profile;
    this.#switched(profile);
  }

  #wakeAt(wakeMs: number | undefined): void {
    if (wakeMs === this.#wakeMs) return;
    this.#wakeMs = wakeMs;
    this.#timer?.cancel();
    if (wakeMs === undefined) return;
    this.#timer = this.#clock.after(wakeMs - this.#clock.now(), () => {
      this.#wakeMs = undefined;
      this.#shown(this.#mapper.wake(this.#clock.now()));
    });
  }
}
