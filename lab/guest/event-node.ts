// Runs in: lab guest, in tests. Owns: an event node of this kernel's, as a program has it. Reads what the kernel says of its input devices.
import { closeSync, constants, openSync, readFileSync, readSync, writeSync } from "node:fs";
import { native } from "@ring3/kernel/native";
import { until } from "./patience.ts";

const TOLD = 40; // of events that were not those

export interface InputDevice {
  readonly name: string;
  /** "0003 045e 028e 0114": bus, vendor, product, version. */
  readonly id: string;
  /** Where it is: "usb-vhci_hcd.0-1/input0", "ring3/usb-1:1.0#0". */
  readonly phys: string;
  /** "/dev/input/event3" */
  readonly node: string;
}

/** /proc/bus/input/devices (drivers/input/input.c, input_devices_seq_show). */
export function inputDevices(): InputDevice[] {
  return readFileSync("/proc/bus/input/devices", "utf8")
    .split("\n\n")
    .flatMap((entry) => {
      const id = /^I: Bus=(\w+) Vendor=(\w+) Product=(\w+) Version=(\w+)$/m.exec(entry);
      const name = /^N: Name="(.*)"$/m.exec(entry);
      const phys = /^P: Phys=(.*)$/m.exec(entry);
      const event = /^H: Handlers=.*\b(event\d+)\b/m.exec(entry);
      if (!id || !name || !phys || !event) return [];
      return [{ name: name[1]!, id: id.slice(1).join(" "), phys: phys[1]!, node: `/dev/input/${event[1]}` }];
    });
}

/** Waits until the kernel has input devices of these names, and no more than these of `id`; those of one name come as it has made them. */
export async function inputDevicesOf(id: string, names: readonly string[]): Promise<InputDevice[]> {
  const ours = () => inputDevices().filter((device) => device.id.includes(id));
  const list = (devices: readonly { name: string }[]) => devices.map(({ name }) => name).sort();
  await until(
    () => list(ours()).join("\n") === [...names].sort().join("\n"),
    () => `input devices ${JSON.stringify(names)}; found ${JSON.stringify(list(ours()))}`,
  );
  const left = ours();
  return names.map(
    (wanted) =>
      left.splice(
        left.findIndex(({ name }) => name === wanted),
        1,
      )[0]!,
  );
}

// linux/input-event-codes.h
export const EV_KEY = 1;
export const EV_REL = 2;
export const EV_ABS = 3;
export const EV_LED = 17;
const EV_FF = 21;
const FF_RUMBLE = 0x50;

const EVENT_BYTES = 24; // struct input_event on 64 bits: struct timeval, type, code, value
const EFFECT_BYTES = 48; // struct ff_effect on 64 bits
const ABSINFO_BYTES = 24; // struct input_absinfo: value, minimum, maximum, fuzz, flat, resolution
const EVIOCGABS = 0x80184540; // _IOR('E', 0x40 + code, struct input_absinfo)
const EVIOCSFF = 0x40304580; // _IOW('E', 0x80, struct ff_effect)

export class EventNode implements Disposable {
  readonly #fd: number;
  readonly #heard: string[] = [];

  constructor({ node }: InputDevice) {
    this.#fd = openSync(node, constants.O_RDWR | constants.O_NONBLOCK);
  }

  /** Waits for each in its order, "type code value"; what comes between them does not matter. */
  async hears(...wanted: readonly (readonly [type: number, code: number, value: number])[]): Promise<void> {
    for (const event of wanted) {
      const text = event.join(" ");
      const taken = () => {
        this.#read();
        const at = this.#heard.indexOf(text);
        this.#heard.splice(0, at + 1);
        return at >= 0;
      };
      await until(taken, () => `event ${text}; heard last: ${this.#heard.slice(-TOLD).join(", ")}`);
    }
  }

  /** Of an axis: so many a millimetre. */
  resolution(code: number): number {
    const info = Buffer.alloc(ABSINFO_BYTES);
    const result = native.ioctl(this.#fd, EVIOCGABS + code, info);
    if (result < 0) throw new Error(`EVIOCGABS: errno ${-result}`);
    return info.readInt32LE(20);
  }

  /** Turns a light on or off, as a program does. */
  write(type: number, code: number, value: number): void {
    const event = Buffer.alloc(EVENT_BYTES);
    event.writeUInt16LE(type, 16);
    event.writeUInt16LE(code, 18);
    event.writeInt32LE(value, 20);
    writeSync(this.#fd, event);
  }

  /** struct ff_effect and its ff_rumble_effect (linux/input.h): uploaded, then played once. */
  rumble(strong: number, weak: number, ms: number): void {
    const effect = Buffer.alloc(EFFECT_BYTES);
    effect.writeUInt16LE(FF_RUMBLE, 0);
    effect.writeInt16LE(-1, 2); // the kernel gives it a number
    effect.writeUInt16LE(ms, 10);
    effect.writeUInt16LE(strong, 16);
    effect.writeUInt16LE(weak, 18);
    const result = native.ioctl(this.#fd, EVIOCSFF, effect);
    if (result < 0) throw new Error(`EVIOCSFF: errno ${-result}`);
    this.write(EV_FF, effect.readInt16LE(2), 1);
  }

  [Symbol.dispose](): void {
    closeSync(this.#fd);
  }

  #read(): void {
    const events = Buffer.alloc(EVENT_BYTES * 64);
    for (;;) {
      let length: number;
      try {
        length = readSync(this.#fd, events);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "EAGAIN") return;
        throw error;
      }
      for (let at = 0; at < length; at += EVENT_BYTES) {
        const [type, code] = [events.readUInt16LE(at + 16), events.readUInt16LE(at + 18)];
        this.#heard.push(`${type} ${code} ${events.readInt32LE(at + 20)}`);
      }
    }
  }
}
