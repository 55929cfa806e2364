// Runs in: the gamepad sim. Owns: nothing; the Xbox One controller of model 1708, wired: silent until it is told to be on.
// Sources, which the README names in full: a dump of its descriptors; the Gaming Input Protocol as others have written it down; xpad.
import { bytes } from "../../input/descriptors.ts";
import type { Firmware, Model, Wire } from "../../input/model.ts";
import type { Answer } from "../../usbip/endpoint-zero.ts";
import { type Button, bits, directions, fresh, type Pad, scaled, sticks } from "../state.ts";
import { vocabularyOf } from "../vocabulary.ts";

const IN = 0x82;
const OUT = 0x02;

const command = {
  acknowledge: 0x01,
  announce: 0x02,
  status: 0x03,
  identify: 0x04,
  power: 0x05,
  guide: 0x07,
  rumble: 0x09,
  light: 0x0a,
  input: 0x20,
} as const;

// Of the byte behind the command.
const CLIENT = 0x0f; // 0: the controller, others: what is plugged into it
const NEEDS_ACKNOWLEDGEMENT = 0x10;
const SYSTEM = 0x20;
const FIRST_PART = 0x40;
const PART = 0x80;

// Modes of the power command; others do nothing.
const POWER_ON = 0;
const POWER_OFF = [0x01, 0x04, 0x07]; // asleep, off, starting anew
const WIRED = 0x80; // connected, no battery: as a wired one says
const GUIDE_KEY = 0x5b; // the left Windows key, which the guide button is
const AGAIN_MS = 500; // it announces itself, or tells of its guide button, until it is answered

const HEADER_BYTES = 4;

/** Bits of the input report's first two bytes; the directions are bits 8 to 11. */
const order: readonly (Button | undefined)[] = [
  ...([undefined, undefined, "start", "select", "south", "east", "west", "north"] as const),
  ...([undefined, undefined, undefined, undefined] as const),
  ...(["left-shoulder", "right-shoulder", "left-stick", "right-stick"] as const),
];

/** What command 20h tells: buttons, triggers of ten bits, sticks. */
export function payload(pad: Pad): Uint8Array {
  const out = Buffer.alloc(14);
  out.writeUInt16LE(bits(pad, order) | (directions(pad.hat) << 8), 0);
  out.writeUInt16LE(scaled(pad.leftTrigger, 1023), 2);
  out.writeUInt16LE(scaled(pad.rightTrigger, 1023), 4);
  for (const [at, value] of sticks(pad).entries()) out.writeInt16LE(value, 6 + 2 * at);
  return out;
}

/** Address, ids, versions of firmware and hardware, four numbers each. */
const announcement = bytes(`
  7e ed 8e 29 d8 e9 00 00  5e04 ea02
  0400 0800 1d0a 0000  0400 0100 0000 0000`);

const PART_BYTES = 58;
/** What it is, as far as it goes: where which of eight lists stands, and the one of its classes. */
const description = Uint8Array.from([
  ...bytes("10 00 01 00 00 00 00 00 00 00 00 00 00 00 00 00"),
  ...bytes("00 00 00 00 00 00 00 00 00 00 10 00 00 00 00 00"),
  ...[1, 26, 0, ...Buffer.from("Windows.Xbox.Input.Gamepad")],
]);

const HEADSET = 1;
const LIGHT_ON = 1;

class XboxOne implements Firmware<Pad> {
  #isOn = false;
  #isLit = false;
  readonly #wire: Wire;
  readonly #sequences = new Map<number, number>();
  #pad = fresh();
  /** What the guide button did, told one after the other, each until it is acknowledged. */
  readonly #guide: { readonly down: boolean; sequence: number }[] = [];
  #guideDown = false;

  constructor(wire: Wire) {
    this.#wire = wire;
    this.#announce();
    wire.every(AGAIN_MS, () => {
      if (!wire.idle(IN)) return;
      if (!this.#isOn) this.#announce();
      else if (this.#guide.length > 0) this.#tellGuide();
      if (wire.faults.has("accessory")) wire.send(IN, this.#headset());
    });
  }

  get awake(): boolean {
    return this.#isOn && (this.#isLit || !this.#wire.faults.has("needs-led"));
  }

  show(pad: Pad): void {
    this.#pad = pad;
    if (!this.awake) return;
    const down = pad.pressed.has("mode");
    if (down !== this.#guideDown) {
      this.#guideDown = down;
      this.#guide.push({ down, sequence: this.#next(command.guide) });
      if (this.#guide.length === 1) this.#tellGuide();
    }
    this.#tellInput();
  }

  request(): Answer {
    return undefined;
  }

  out(address: number, data: Uint8Array): void {
    const [code = 0, flags = 0, sequence = 0] = data;
    if (address !== OUT || data.length < HEADER_BYTES || (flags & CLIENT) !== 0) return;
    const body = data.subarray(HEADER_BYTES);
    if ((flags & NEEDS_ACKNOWLEDGEMENT) !== 0) {
      const got = [0, code, SYSTEM, body.length, 0, 0, 0, 0, 0];
      this.#wire.send(IN, Uint8Array.of(command.acknowledge, SYSTEM, sequence, got.length, ...got));
    }
    this.#obey(code, sequence, body);
  }

  #obey(code: number, sequence: number, body: Uint8Array): void {
    switch (code) {
      case command.acknowledge:
        if (body[1] === command.guide && this.#guide[0]?.sequence === sequence) {
          this.#guide.shift();
          if (this.#guide.length > 0) this.#tellGuide();
        } else if (body[1] === command.identify) this.#describe(sequence, Buffer.from(body).readUInt16LE(3));
        return;
      case command.identify:
        if (!this.#wire.faults.has("stop-in-handshake")) this.#describe(this.#next(code), 0);
        return;
      case command.power:
        this.#power(body[0]);
        return;
      case command.rumble: {
        if (!this.#isOn) return;
        const [, motors = 0, leftTrigger, rightTrigger, strong, weak, on, off, repeat] = body;
        const told = [
          ["leftTrigger", leftTrigger, 8],
          ["rightTrigger", rightTrigger, 4],
          ["strong", strong, 2],
          ["weak", weak, 1],
        ] as const;
        const meant = told.filter(([, , bit]) => (motors & bit) !== 0).map(([name, value]) => [name, value]);
        this.#wire.observe("rumble", { ...Object.fromEntries(meant), on, off, repeat });
        return;
      }
      case command.light:
        this.#wire.observe("light", { mode: body[1], brightness: body[2] });
        this.#light(body[1]);
        return;
    }
  }

  /** Once it is off it announces itself again. */
  #power(mode: number | undefined): void {
    if (mode === undefined || this.#wire.faults.has("stop-in-handshake")) return;
    this.#wire.observe("power", { mode });
    if (mode === POWER_ON && !this.#isOn) {
      this.#isOn = true;
      this.#wire.send(IN, this.#message(command.status, SYSTEM, Uint8Array.of(WIRED, 0, 0, 0)));
      if (this.awake) this.#tellInput();
    } else if (POWER_OFF.includes(mode)) {
      this.#isOn = this.#isLit = false;
    }
  }

  #light(mode: number | undefined): void {
    const wasAwake = this.awake;
    this.#isLit = mode === LIGHT_ON;
    if (this.awake && !wasAwake) this.#tellInput();
  }

  #tellInput(): void {
    const input = this.#message(command.input, 0, payload(this.#pad));
    const before = this.#wire.faults.has("accessory") ? this.#headset() : [];
    this.#wire.report(IN, Uint8Array.of(...before, ...input));
  }

  #headset(): Uint8Array {
    return this.#message(command.announce, SYSTEM | HEADSET, announcement);
  }

  #announce(): void {
    this.#wire.send(IN, this.#message(command.announce, SYSTEM, announcement));
  }

  /** Part by part, each once the one before is acknowledged; behind the last an empty one. */
  #describe(sequence: number, from: number): void {
    const part = description.subarray(from, from + PART_BYTES);
    const first = from === 0 ? FIRST_PART : 0;
    const flags = PART | first | SYSTEM | (part.length > 0 ? NEEDS_ACKNOWLEDGEMENT : 0);
    const place = from === 0 ? description.length : from;
    this.#wire.send(IN, Uint8Array.of(command.identify, flags, sequence, part.length, place, ...part));
  }

  #tellGuide(): void {
    const { down, sequence } = this.#guide[0]!;
    const flags = SYSTEM | NEEDS_ACKNOWLEDGEMENT;
    this.#wire.send(IN, Uint8Array.of(command.guide, flags, sequence, 2, down ? 1 : 0, GUIDE_KEY));
  }

  #message(code: number, flags: number, body: Uint8Array): Uint8Array {
    return Uint8Array.of(code, flags, this.#next(code), body.length, ...body);
  }

  /** Each command counts for itself, from 1 to 255. */
  #next(code: number): number {
    const sequence = ((this.#sequences.get(code) ?? 0) % 255) + 1;
    this.#sequences.set(code, sequence);
    return sequence;
  }
}

const buttons = [...order.filter((button) => button !== undefined), "mode"] as const;

export const xboxOne: Model<Pad> = {
  descriptors: {
    speed: "full",
    device: bytes("12 01 0002 ff 47 d0 40 5e04 ea02 0804 01 02 03 01"),
    configuration: bytes(`
      09 02 6000 03 01 00 a0 fa
      09 04 00 00 02 ff 47 d0 00
      07 05 02 03 4000 04
      07 05 82 03 4000 04
      09 04 01 00 00 ff 47 d0 00
      09 04 01 01 02 ff 47 d0 00
      07 05 03 01 e400 01
      07 05 83 01 4000 01
      09 04 02 00 00 ff 47 d0 00
      09 04 02 01 02 ff 47 d0 00
      07 05 04 02 4000 00
      07 05 84 02 4000 00`),
    strings: ["Microsoft", "Controller", "3033363030343037323136373239"],
  },
  vocabulary: vocabularyOf({ buttons, triggers: true }),
  input: IN,
  handshake: true,
  faults: ["needs-led", "accessory"],
  intervalMs: 0,
  start: (wire) => new XboxOne(wire),
};
