// Runs in: driver host, jailed. Owns: what one unit's clients are told, and in which order.
import { Changes, type Context, type InputClass } from "@ring3/sdk";
import type { InputUnit } from "./unit.ts";

export class Speaker {
  readonly unit: InputUnit;
  readonly #ctx: Context<InputClass>;
  readonly #number: number;
  readonly #keys: Changes<InputClass, "keys">;
  readonly #pointer: Changes<InputClass, "pointer">;
  readonly #power: Changes<InputClass, "power">;

  constructor(ctx: Context<InputClass>, unit: InputUnit, number: number) {
    this.unit = unit;
    this.#ctx = ctx;
    this.#number = number;
    this.#keys = new Changes(ctx, "keys", number);
    this.#pointer = new Changes(ctx, "pointer", number);
    this.#power = new Changes(ctx, "power", number);
  }

  take(reportId: number, bytes: Uint8Array): void {
    const said = this.unit.take(reportId, bytes);
    if (said === undefined) return;
    const { motion, pointer, keys, isLifted, taps, percent } = said;
    // Who lifts a pen or lets a key go has done so before he moved on, who presses has come there first.
    if (isLifted) this.#keys.tell(keys);
    if (motion !== undefined)
      this.#ctx.emit("motion", { ...motion, timestampUs: this.#ctx.timestampUs() }, this.#number);
    if (pointer !== undefined) this.#pointer.tell(pointer);
    this.#keys.tell(keys);
    for (const code of taps) {
      this.#keys.tell(this.unit.keysWith(code));
      this.#keys.tell(keys);
    }
    if (percent !== undefined) this.#power.tell({ percent, charging: 0 });
  }
}
