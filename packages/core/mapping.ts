// Runs in: every process that reads or applies button mappings. Owns: nothing; what a mapping says of one device, as data, and how much of it there may be.
import type { Control } from "./controls.ts";

/** So that nothing that a mapping says can go on for ever or fill the memory. */
export const mappingLimits = {
  devices: 64,
  profiles: 16,
  /** Of a profile. Layers have none of their own. */
  layers: 16,
  /** Buttons and chords of a layer. */
  bindings: 256,
  /** Buttons of a chord. */
  chord: 6,
  /** What one binding or step presses at once. */
  controls: 8,
  /** Of a macro or a sequence; none of them starts another. */
  steps: 256,
  macroMs: 60_000,
  waitMs: 10_000,
  paceMs: 1000,
  chordMs: 1000,
  /** Runs of a macro that wait for their turn. */
  queue: 8,
  /** Each press and each pause of it lasts at least `tapMs`. */
  turboPerSecond: 50,
  /** Pixels, or notches of a wheel, a second. */
  speed: 20_000,
  sensitivity: 1000,
  smoothingMs: 1000,
} as const;

/** So long a tap lasts, and so far the steps of a macro are apart unless it says otherwise: who looks only now and then sees it all the same. */
export const TAP_MS = 10;

/** One axis each; values from -1 (left, up) to 1, triggers from 0. */
export const axisNames = ["leftX", "leftY", "rightX", "rightY", "leftTrigger", "rightTrigger"] as const;
export type AxisName = (typeof axisNames)[number];
/** Two axes each. */
export const stickNames = ["leftStick", "rightStick"] as const;
export type StickName = (typeof stickNames)[number];

export interface DeviceMapping {
  readonly profiles: ReadonlyMap<string, Profile>;
  /** The one that is active at first. */
  readonly first: string;
}

export interface Layer {
  readonly bindings: readonly Binding[];
  readonly axes: readonly AxisBinding[];
  readonly gyro?: GyroBinding;
}

export interface Profile extends Layer {
  readonly layers: ReadonlyMap<string, Layer>;
}

export interface Binding {
  /** One, or several that make a chord, in any order. */
  readonly on: readonly Control[];
  /** From the first of a chord's presses to the last. */
  readonly withinMs: number;
  /** What is pressed passes as well. */
  readonly also: boolean;
  readonly action: Action;
}

export type Action =
  | {
      readonly type: "press";
      readonly controls: readonly Control[];
      /** So often a second while held; 0: pressed all the while. */
      readonly turbo: number;
      /** How far sticks and triggers go, 0 to 1. */
      readonly amount: number;
    }
  | {
      readonly type: "macro";
      readonly steps: readonly Step[];
      /** What a further press does while it runs. */
      readonly again: "ignore" | "restart" | "queue";
      /** Whether it ends when the button is let go. */
      readonly whileHeld: boolean;
    }
  | { readonly type: "layer"; readonly layer: string; readonly toggle: boolean }
  | { readonly type: "profile"; readonly profile: string };

export interface Step {
  readonly press: readonly Control[];
  readonly release: readonly Control[];
  /** Until the next step, at least 1. */
  readonly thenMs: number;
}

export interface Curve {
  /** Below it there is nothing, beyond `outer` everything; 0 to 1. */
  readonly inner: number;
  readonly outer: number;
  readonly exponent: number;
  readonly scale: number;
}

export interface AxisBinding extends Curve {
  readonly from: AxisName | StickName;
  /** undefined: itself, but for the ways that buttons are bound to. */
  readonly to: AxisName | StickName | "mouse" | "wheel" | "nothing" | undefined;
  readonly also: boolean;
  readonly invertX: boolean;
  readonly invertY: boolean;
  /** From here on it counts as pressed, until it is `hysteresis` below. */
  readonly threshold: number;
  readonly hysteresis: number;
  /** Pixels, or notches, a second at the far end. */
  readonly speed: number;
  /** What the speed gains a second while the stick is away from its middle, for a second at most. */
  readonly acceleration: number;
}

/** What turns the pointer: a gyroscope's axis (0: x, 1: y, 2: z), and which way. */
export interface Turn {
  readonly axis: 0 | 1 | 2;
  readonly sign: 1 | -1;
}

export interface GyroBinding {
  /** All of these must be held; they keep what else they do. */
  readonly while: readonly Control[];
  readonly also: boolean;
  /** Pixels a degree. */
  readonly sensitivity: number;
  readonly smoothingMs: number;
  readonly horizontal: Turn;
  readonly vertical: Turn;
}
