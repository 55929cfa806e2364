// Runs in: the gamepad sim. Owns: nothing; the wired Xbox 360 controller.
// Sources, which the README names in full: a dump of its descriptors; its messages as Tattiebogle and xboxdrv wrote them down.
import { bytes } from "../../input/descriptors.ts";
import type { Firmware, Model, Wire } from "../../input/model.ts";
import type { Answer, Setup } from "../../usbip/endpoint-zero.ts";
import { type Button, bits, directions, fresh, type Pad, scaled, sticks } from "../state.ts";
import { vocabularyOf } from "../vocabulary.ts";

const IN = 0x81;
const OUT = 0x01;
const REPORT_BYTES = 20;
const READ_INPUT = 0xc101; // vendor request, wValue 0100h: what Linux's xpad_start_input asks some pads for

/** Its state of lights and more, as it tells them once it is configured. */
const greeting = ["01030e", "020300", "030303", "080300"].map(bytes);

/** Bits of bytes 2 and 3; the directions are bits 0 to 3. */
const order: readonly (Button | undefined)[] = [
  ...[undefined, undefined, undefined, undefined],
  ...(["start", "select", "left-stick", "right-stick"] as const),
  ...(["left-shoulder", "right-shoulder", "mode", undefined] as const),
  ...(["south", "east", "west", "north"] as const),
];

export function report(pad: Pad): Uint8Array {
  const out = Buffer.alloc(REPORT_BYTES);
  out[1] = REPORT_BYTES;
  out.writeUInt16LE(directions(pad.hat) | bits(pad, order), 2);
  out[4] = scaled(pad.leftTrigger, 255);
  out[5] = scaled(pad.rightTrigger, 255);
  for (const [at, value] of sticks(pad).entries()) out.writeInt16LE(value, 6 + 2 * at);
  return out;
}

class Xbox360 implements Firmware<Pad> {
  readonly awake = true;
  readonly #wire: Wire;
  #last = report(fresh());

  constructor(wire: Wire) {
    this.#wire = wire;
    for (const message of greeting) wire.send(IN, message);
  }

  show(pad: Pad): void {
    this.#last = report(pad);
    this.#wire.report(IN, this.#last);
  }

  request({ code, value, index }: Setup): Answer {
    return code === READ_INPUT && value === 0x0100 && index === 0 ? this.#last : undefined;
  }

  out(address: number, data: Uint8Array): void {
    const [type, length, value = 0, strong = 0, weak = 0] = data;
    if (address !== OUT) return;
    if (type === 0x00 && length === 8) {
      this.#wire.observe("rumble", { strong, weak });
    } else if (type === 0x01 && length === 3) {
      this.#wire.observe("led", { pattern: value });
      this.#wire.send(IN, Uint8Array.of(0x01, 3, value));
    }
  }
}

export const xbox360: Model<Pad> = {
  descriptors: {
    speed: "full",
    device: bytes("12 01 0002 ff ff ff 08 5e04 8e02 1401 01 02 03 01"),
    configuration: bytes(`
      09 02 9900 04 01 00 a0 fa
      09 04 00 00 02 ff 5d 01 00
      11 21 00 01 01 25 81 14 00 00 00 00 13 01 08 00 00
      07 05 81 03 2000 04
      07 05 01 03 2000 08
      09 04 01 00 04 ff 5d 03 00
      1b 21 00 01 01 01 82 40 01 02 20 16 83 00 00 00 00 00 00 16 03 00 00 00 00 00 00
      07 05 82 03 2000 02
      07 05 02 03 2000 04
      07 05 83 03 2000 40
      07 05 03 03 2000 10
      09 04 02 00 01 ff 5d 02 00
      09 21 00 01 01 22 84 07 00
      07 05 84 03 2000 10
      09 04 03 00 00 ff fd 13 04
      06 41 00 01 01 03`),
    strings: [
      "©Microsoft Corporation",
      "Controller",
      "04B229A",
      "Xbox Security Method 3, Version 1.00, © 2005 Microsoft Corporation. All rights reserved.",
    ],
  },
  vocabulary: vocabularyOf({ buttons: order.filter((button) => button !== undefined), triggers: true }),
  input: IN,
  handshake: false,
  intervalMs: 0,
  start: (wire) => new Xbox360(wire),
};
