// Runs in: reflector. Owns: the devices that a mapping needs beside a unit's own: a keyboard, a mouse, a pad. They can do what the mapping names.
import {
  BTN_LEFT,
  BUS_VIRTUAL,
  REL_HWHEEL,
  REL_HWHEEL_HI_RES,
  REL_WHEEL,
  REL_WHEEL_HI_RES,
  REL_X,
  REL_Y,
} from "@ring3/kernel/uinput/codes";
import type { InputDescription } from "@ring3/kernel/uinput/description";
import type { GamepadProperties } from "../gamepad/contract.ts";
import { PadFrames } from "../gamepad/endpoint-frames.ts";
import { InputFrames } from "./endpoint-frames.ts";
import type { Planned, UnitNodes } from "./endpoint-nodes.ts";
import type { Moved } from "./mapping/mouse.ts";
import { type GamepadState, sameState } from "./mapping/pad.ts";
import type { Targets } from "./mapping/targets.ts";

/** Behind those of a unit's own devices. */
const [KEYBOARD, MOUSE, PAD] = [3, 4, 5];

/** What a unit's own devices cannot show. */
export type Needs = Pick<Targets, "keyboard" | "mouse"> & {
  readonly gamepad?: GamepadProperties | undefined;
};

interface Unit {
  readonly name: string;
  readonly phys: string;
  readonly vendor: number;
  readonly product: number;
  readonly version: number;
}

export class MadeDevices {
  readonly planned: readonly Planned[];
  readonly #keys: InputFrames | undefined;
  readonly #mouse: InputFrames | undefined;
  readonly #pad: PadFrames | undefined;
  #padShown: GamepadState | undefined;

  constructor({ keyboard, mouse, gamepad }: Needs, { name, phys, vendor, product, version }: Unit) {
    const ids = { bustype: BUS_VIRTUAL, vendor, product, version };
    const own = { features: 0, pressureMax: 0 };
    const planned: Planned[] = [];
    if (keyboard.length > 0) {
      this.#keys = new InputFrames(own);
      const description = { name: `${name} Keyboard`, phys, ids, keys: keyboard, repeats: true };
      planned.push({ index: KEYBOARD, description });
    }
    if (mouse.buttons.length > 0 || mouse.moves || mouse.wheel || mouse.horizontalWheel) {
      this.#mouse = new InputFrames(own);
      planned.push({ index: MOUSE, description: mouseOf(mouse, { name: `${name} Mouse`, phys, ids }) });
    }
    if (gamepad !== undefined) {
      const properties = { ...gamepad, busType: BUS_VIRTUAL, vendor, product, version };
      this.#pad = new PadFrames(properties, { name: `${name} Gamepad`, phys });
      planned.push({ index: PAD, description: this.#pad.description });
    }
    this.planned = planned;
  }

  show(
    keyboard: readonly number[],
    mouse: Moved & { readonly buttons: readonly number[] },
    pad: GamepadState | undefined,
    nodes: UnitNodes,
  ): void {
    if (this.#keys !== undefined) nodes.at(KEYBOARD).frame(this.#keys.keys({ pressed: keyboard }));
    if (this.#mouse !== undefined) {
      nodes.at(MOUSE).frame(this.#mouse.motion(mouse));
      nodes.at(MOUSE).frame(this.#mouse.keys({ pressed: mouse.buttons }));
    }
    if (this.#pad === undefined || pad === undefined || sameState(pad, this.#padShown)) return;
    this.#padShown = pad;
    nodes.at(PAD).frame(this.#pad.of(pad));
  }

  released(): void {
    this.#keys?.released();
    this.#mouse?.released();
    this.#padShown = undefined;
  }
}

/** Programs take nothing for a mouse that has not its axes and BTN_LEFT (systemd, src/udev/udev-builtin-input_id.c): it has these, and nobody presses what is not mapped. */
function mouseOf(
  { buttons, wheel, horizontalWheel }: Targets["mouse"],
  named: Pick<InputDescription, "name" | "phys" | "ids">,
): InputDescription {
  return {
    ...named,
    keys: [...new Set([BTN_LEFT, ...buttons])],
    relatives: [
      ...[REL_X, REL_Y],
      ...(wheel ? [REL_WHEEL, REL_WHEEL_HI_RES] : []),
      ...(horizontalWheel ? [REL_HWHEEL, REL_HWHEEL_HI_RES] : []),
    ],
  };
}
