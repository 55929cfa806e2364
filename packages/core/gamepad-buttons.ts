// Runs in: every process. Owns: nothing; what the buttons of game controllers are called.

/**
 * By Linux's names for them (Documentation/input/gamepad.rst): what is printed on a button differs, where it lies does not. The order is that of the
 * bits of the gamepad class.
 */
export const gamepadButtons = [
  "south",
  "east",
  "north",
  "west",
  "leftShoulder",
  "rightShoulder",
  "leftTrigger", // as a button: where the trigger has no way, or beside its way where the device tells both
  "rightTrigger",
  "select",
  "start",
  "mode", // the maker's logo
  "leftStick", // pressed
  "rightStick",
  "capture", // share, record
  "touchpad", // pressed
  "mute",
  "paddle1",
  "paddle2",
  "paddle3",
  "paddle4",
  "c", // third and last of two rows of three
  "z",
  "extra1", // of those that only number their buttons: what is left
  "extra2",
  "extra3",
  "extra4",
  "extra5",
  "extra6",
  "extra7",
  "extra8",
  "extra9",
] as const;
export type GamepadButton = (typeof gamepadButtons)[number];
