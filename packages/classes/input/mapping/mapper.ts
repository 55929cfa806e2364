// Runs in: reflector. Owns: what one device's mapping is doing. No clock of its own: time is passed in.

import type { EventData } from "@ring3/core/contract";
import type { Control } from "@ring3/core/controls";
import { DeviceError } from "@ring3/core/errors";
import type { Binding, DeviceMapping } from "@ring3/core/mapping";
import { type Axes, axesOf, isTrigger, noAxes, pressedButtons, wayOf } from "@ring3/core/pad";
import { GAMEPAD_MOTION } from "../../gamepad/contract.ts";
import type { InputClass } from "../contract.ts";
import { Actions } from "./actions.ts";
import { freeAxes, padAxes, pressedWays } from "./axes.ts";
import { Chords } from "./chords.ts";
import { GyroPointer, type Sensors } from "./gyro.ts";
import { Layers } from "./layers.ts";
import { MouseMotion, TICK_MS } from "./mouse.ts";
import { codesOf, downOf, gamepadOf, notches, type Output, triggerBitsOf } from "./output.ts";
import type { GamepadState } from "./pad.ts";
import { Presses } from "./presses.ts";
import { StickSpeed } from "./stick-speed.ts";
import { type Capabilities, keysOf, type Targets, targetsOf } from "./targets.ts";

type Pointer = EventData<InputClass, "pointer">;
const away = { x: 0, y: 0, pressure: 0, near: 0 };

/**
 * Times are milliseconds of one clock that does not go back. Each call returns the whole of what is to be shown from then on. What it is not told of
 * (touch, power) is not its business, and passes beside it.
 */
export class Mapper {
  /** What the virtual devices must be able to show; nothing else ever comes out. */
  readonly targets: Targets;
  readonly #mapping: DeviceMapping;
  readonly #capabilities: Capabilities;
  readonly #keys: ReadonlySet<Control>;
  readonly #presses: Presses;
  readonly #chords: Chords;
  readonly #actions: Actions;
  readonly #mouse = new MouseMotion();
  readonly #sticks = new StickSpeed();
  readonly #gyro = new GyroPointer();
  #profile: string;
  #layers: Layers;
  #nowMs = 0;
  /** As the device has told them; undefined: it has not. */
  #axes: Axes | undefined;
  #buttons = 0;
  #down: ReadonlyMap<Control, number> = new Map();
  #sensors = { gyro: [0, 0, 0], accel: [0, 0, 0] };
  #pen = away;

  /** `profile` is active at first; `before` is the one of the same device whose mapping this one replaces, and is not used any more. */
  constructor(
    mapping: DeviceMapping,
    capabilities: Capabilities,
    { before, profile = mapping.first }: { before?: Mapper | undefined; profile?: string } = {},
  ) {
    this.#presses = before === undefined ? new Presses() : before.#presses;
    this.#presses.reset();
    if (before !== undefined && before.profile !== profile) this.#presses.mute();
    this.#mapping = mapping;
    this.#capabilities = capabilities;
    this.targets = targetsOf(mapping, capabilities);
    this.#keys = new Set(keysOf(capabilities.input));
    this.#profile = profile;
    this.#layers = this.#layersOf(profile);
    this.#chords = new Chords(
      () => this.#layers,
      (controls, chord) => this.#begin(controls, chord),
    );
    const { triggerMax = 0 } = capabilities.gamepad ?? {};
    const isAxis = (control: Control) => {
      const way = wayOf(control);
      return way !== undefined && (!isTrigger(way.axis) || triggerMax > 0);
    };
    this.#actions = new Actions((control) => !isAxis(control));
  }

  get profile(): string {
    return this.#profile;
  }

  /** Of a device that goes on: what it says is pressed at first was pressed before, and begins nothing that would go on by itself. */
  resumes(): void {
    this.#presses.resume();
  }

  /** The gamepad class's `state`. */
  state(state: GamepadState, nowMs: number): Output {
    return this.#frame(nowMs, () => {
      const pad = this.#capabilities.gamepad;
      if (pad === undefined) return;
      this.#axes = axesOf(state, pad);
      this.#buttons = state.buttons & pad.buttons;
      const ways = pressedWays(this.#layers.axes, this.#axes, this.#presses.down, pad);
      this.#look([...pressedButtons(state, pad), ...ways]);
    });
  }

  /** The gamepad class's `motion`. */
  sensors(sensors: Sensors, nowMs: number): Output {
    return this.#frame(nowMs, () => {
      const { gyro: binding } = this.#layers;
      const { features = 0, gyroPerDegree = 0 } = this.#capabilities.gamepad ?? {};
      if ((features & GAMEPAD_MOTION) === 0) return;
      const turns =
        binding !== undefined &&
        gyroPerDegree > 0 &&
        binding.while.every((control) => this.#presses.holds(control));
      if (turns) this.#mouse.add(this.#gyro.move(binding, sensors, gyroPerDegree));
      else this.#gyro.rest();
      this.#sensors = {
        gyro: turns && !binding.also ? [0, 0, 0] : [...sensors.gyro],
        accel: [...sensors.accel],
      };
    });
  }

  /** The input class's `keys`. */
  keys({ pressed }: { readonly pressed: readonly number[] }, nowMs: number): Output {
    return this.#frame(nowMs, () => this.#look(pressed.filter((code) => this.#keys.has(code))));
  }

  /** The input class's `motion`. */
  motion(moved: Omit<EventData<InputClass, "motion">, "timestampUs">, nowMs: number): Output {
    return this.#frame(nowMs, () => this.#mouse.add(moved));
  }

  /** The input class's `pointer`. */
  pointer({ x, y, pressure, near }: Omit<Pointer, "timestampUs">, nowMs: number): Output {
    return this.#frame(nowMs, () => {
      this.#pen = { x, y, pressure, near };
    });
  }

  /** At nextWakeMs, or later. */
  wake(nowMs: number): Output {
    return this.#frame(nowMs, () => {});
  }

  /** Releases all and ends all, but keeps the profile and the layers that were toggled: the driver is down. */
  reset(nowMs: number): Output {
    return this.#frame(nowMs, () => {
      this.#presses.reset();
      this.#end();
      this.#layers.release();
      this.#axes = undefined;
      this.#buttons = 0;
      this.#sensors = { gyro: [0, 0, 0], accel: this.#sensors.accel };
      this.#pen = { ...this.#pen, pressure: 0, near: 0 };
    });
  }

  /** Ends what the profile before has begun; what is pressed has no effect until it is pressed anew. */
  use(profile: string, nowMs: number): Output {
    if (!this.#mapping.profiles.has(profile))
      throw new DeviceError(
        "invalid",
        `profile "${profile}": there are ${[...this.#mapping.profiles.keys()].join(", ")}`,
      );
    return this.#frame(nowMs, () => this.#switch(profile));
  }

  #frame(at: number, change: () => void): Output {
    const nowMs = Math.max(at, this.#nowMs);
    this.#mouse.pass(nowMs - this.#nowMs);
    this.#nowMs = nowMs;
    this.#actions.advance(nowMs);
    this.#chords.wake(nowMs);
    change();
    this.#mouse.velocity = this.#sticks.velocity(this.#layers.axes, this.#freeAxes(), nowMs);
    const down = downOf(this.#actions.runs);
    const { x, y } = notches(down, this.#down);
    this.#mouse.notch(x, y);
    this.#down = down;
    return this.#shown(down);
  }

  #shown(down: ReadonlyMap<Control, number>): Output {
    const { gamepad, pen } = this.targets;
    const { features = 0 } = this.#capabilities.gamepad ?? {};
    return {
      gamepad: gamepad && gamepadOf(down, ...this.#padParts(), gamepad),
      sensors: (features & GAMEPAD_MOTION) === 0 ? undefined : this.#sensors,
      keyboard: codesOf(down, "keyboard"),
      mouse: { ...this.#mouse.take(), buttons: codesOf(down, "mouse") },
      pen: pen && { ...this.#pen, buttons: codesOf(down, "pen") },
      nextWakeMs: this.#nextMs(),
    };
  }

  #padParts(): [axes: Axes, triggers: number] {
    if (this.#axes === undefined) return [noAxes(), 0];
    const plan = this.#layers.axes;
    const axes = padAxes(plan, this.#freeAxes(), this.#taken);
    const { triggerMax = 0 } = this.#capabilities.gamepad ?? {};
    return [axes, triggerBitsOf(triggerMax > 0 ? this.#buttons : 0, plan, axes, this.#taken)];
  }

  #nextMs(): number | undefined {
    const tick = this.#mouse.moves ? this.#nowMs + TICK_MS : undefined;
    const times = [this.#actions.nextMs, this.#chords.nextMs, tick].flatMap((time) => time ?? []);
    return times.length === 0 ? undefined : Math.min(...times);
  }

  #look(now: readonly Control[]): void {
    const { released, pressed } = this.#presses.look(now);
    for (const control of released) {
      this.#chords.flush();
      this.#actions.end(control, this.#nowMs);
    }
    for (const control of pressed)
      if (!this.#presses.isMute(control, "all")) this.#chords.press(control, this.#nowMs);
  }

  #begin(on: readonly Control[], chord: Binding | undefined): void {
    const mute = (what: "all" | "beginnings") => on.some((control) => this.#presses.isMute(control, what));
    if (mute("all")) return; // of the same moment, but behind a switch of the profile
    const binding = chord ?? this.#layers.bindingOf(on[0]!);
    const resumed = mute("beginnings");
    this.#actions.begin(on, binding, this.#layers, this.#nowMs, resumed);
    if (binding?.action.type === "profile" && !resumed) this.#switch(binding.action.profile);
  }

  #switch(profile: string): void {
    if (profile === this.#profile) return;
    this.#profile = profile;
    this.#presses.mute();
    this.#end();
    this.#layers = this.#layersOf(profile);
  }

  #end(): void {
    this.#chords.clear();
    this.#actions.clear();
    this.#mouse.reset();
    this.#sticks.reset();
    this.#gyro.rest();
  }

  #layersOf(profile: string): Layers {
    return new Layers(this.#mapping.profiles.get(profile)!);
  }

  #freeAxes(): Axes {
    return this.#axes === undefined ? noAxes() : freeAxes(this.#axes, this.#taken);
  }

  /** Something else is made of it, or nothing. */
  readonly #taken = (control: Control): boolean => {
    if (this.#presses.isMute(control, "all")) return true;
    const held = this.#actions.taken(control);
    if (held !== undefined) return held;
    const binding = this.#layers.bindingOf(control);
    return binding !== undefined && !binding.also;
  };
}

export const createMapper = (...options: ConstructorParameters<typeof Mapper>): Mapper =>
  new Mapper(...options);
