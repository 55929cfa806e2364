// Runs in: driver host, jailed. Owns: the tablet as its clients know it: what it is, and what they were told of its pen.
import {
  Changes,
  type Context,
  type HidDevice,
  INPUT_ABSOLUTE,
  INPUT_KEYS,
  INPUT_PRESSURE,
  type InputClass,
  type InputProperties,
  input,
  KEYS_PRESSED_MAX,
} from "@ring3/sdk";
import {
  AWAY,
  BTN_STYLUS,
  BTN_TOOL_RUBBER,
  BTN_TOUCH,
  decodeReport,
  PRESSURE_MAX,
  RESOLUTION,
  X_MAX,
  Y_MAX,
} from "./reports.ts";

export class Tablet {
  readonly name = "Wacom Penpartner Pen"; // as in Linux: drivers/hid/wacom_sys.c, wacom_update_name
  readonly properties: InputProperties;
  readonly #pointer: Changes<InputClass, "pointer">;
  readonly #keys: Changes<InputClass, "keys">;
  #pen = AWAY;

  constructor(ctx: Context<InputClass>, { bustype, vendorId, productId, version }: HidDevice) {
    const none = input.properties!.create();
    for (const code of [BTN_TOOL_RUBBER, BTN_TOUCH, BTN_STYLUS])
      none.keys[code >>> 5] = (none.keys[code >>> 5]! | (1 << (code & 31))) >>> 0;
    this.properties = {
      ...none,
      busType: bustype,
      vendor: vendorId,
      product: productId,
      version,
      features: INPUT_KEYS | INPUT_ABSOLUTE | INPUT_PRESSURE,
      absoluteMaxX: X_MAX,
      absoluteMaxY: Y_MAX,
      pressureMax: PRESSURE_MAX,
      resolutionX: RESOLUTION,
      resolutionY: RESOLUTION,
    };
    this.#pointer = new Changes(ctx, "pointer");
    this.#keys = new Changes(ctx, "keys");
  }

  take(reportId: number, bytes: Uint8Array): void {
    const pen = decodeReport(reportId, bytes, this.#pen);
    if (pen === undefined) return;
    const { x, y, pressure, near, pressed } = pen;
    const held = this.#pen.pressed.filter((code) => pressed.includes(code));
    // Who lifts a pen has done so before he moved on, who presses has come there first.
    if (held.length < this.#pen.pressed.length) this.#tellKeys(held);
    this.#pointer.tell({ x, y, pressure, near });
    this.#tellKeys(pressed);
    this.#pen = pen;
  }

  #tellKeys(pressed: readonly number[]): void {
    this.#keys.tell({ pressed: Array.from({ length: KEYS_PRESSED_MAX }, (_, at) => pressed[at] ?? 0) });
  }
}
