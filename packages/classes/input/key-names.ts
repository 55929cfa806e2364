// Runs in: the command line; browser, in the console. Owns: nothing; Linux's names for keys and buttons, by their codes.
import * as codes from "@ring3/core/input-codes";

/** Of linux/input-event-codes.h's: what is no key, and where a group of buttons begins. */
const notKeys = new Set(
  "KEY_RESERVED KEY_MAX BTN_MISC BTN_MOUSE BTN_JOYSTICK BTN_GAMEPAD BTN_DIGI BTN_WHEEL BTN_TRIGGER_HAPPY".split(
    " ",
  ),
);

/** With KEY_ or BTN_ in front. */
export const keyNames: ReadonlyMap<number, string> = new Map(
  Object.entries(codes).flatMap(([name, code]) =>
    /^(KEY|BTN)_/.test(name) && !notKeys.has(name) ? [[code, name]] : [],
  ),
);
