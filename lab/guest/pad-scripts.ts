// Runs in: lab guest, in tests. Owns: nothing; what hands do to a simulated pad, part by part, to compare what two drivers make of it.
import { steps } from "./oracle.ts";

/** Those that all pads have whose buttons have names. */
export const buttons: readonly string[] = [
  ...["south", "east", "north", "west", "left-shoulder", "right-shoulder"],
  ...["select", "start", "left-stick", "right-stick"],
];
/** The kernel has room for so many buttons in a frame, where each tells its usage too. */
const AT_ONCE = 4;

/** Each is pressed while others are held, so that each frame names one. */
export const presses = (...names: readonly string[]): string =>
  Array.from({ length: Math.ceil(names.length / AT_ONCE) }, (_, at) =>
    names.slice(at * AT_ONCE, (at + 1) * AT_ONCE),
  )
    .map((some) => steps(...some.map((name) => `press ${name}`), `release ${some[0]}`, "release all"))
    .join("");

export const sticks = steps(
  ...["left 0.5 -1", "left -1 0.25", "left 0 0"],
  ...["right 1 -0.5", "right -1 1", "right 0 0"],
);
export const triggers = steps(
  ...["left-trigger 1", "left-trigger 0.3", "right-trigger 0.5"],
  ...["left-trigger 0", "right-trigger 0"],
);
const directions = [
  "up",
  "up-right",
  "right",
  "down-right",
  "down",
  "down-left",
  "left",
  "up-left",
  "center",
];
export const hat = steps(...directions.map((direction) => `hat ${direction}`));
/** A finger that comes down beside one that stays, and the other way round. */
export const touches = steps(
  ...["touch 0 0.5 0.5", "touch 0 0.6 1", "touch 1 0.1 0.2", "touch 1 0 0.2", "touch 0 up", "touch 0 1 0"],
  ...["press touchpad", "touch 0 up", "touch 1 up", "release touchpad"],
);
export const motion = steps(
  ...["gyro 0 108 0", "gyro -20 0 300", "gyro 0 0 0"],
  ...["accel 0.5 -1 0", "accel 0 0 1"],
);
