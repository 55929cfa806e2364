// Runs in: manager. Owns: the descriptors of the input devices that the kernel has of us (uinput): such a device, and who has it open, lives as
// long as one of them. So the keeper holds them too, over the deaths of reflectors and managers.
import { recordName } from "@ring3/control/legacy";
import { DeviceError } from "@ring3/core/errors";
import { type Descriptor, duplicate } from "@ring3/kernel/fd/descriptor";
import type { Heirloom, Legacy } from "./legacy.ts";

export interface InputDevicesParts {
  /** /dev/uinput, anew. */
  readonly open: () => Descriptor;
  /** Names in a folder; none where there is no such folder. */
  readonly list: (folder: string) => readonly string[];
  readonly legacy: Legacy;
}

/** One of a unit's: its touchpad is another than its sticks. */
export interface InputDevice {
  readonly unit: string;
  readonly index: number;
  /** All that it was made of, in its reflector's words: what was made of something else is another device. */
  readonly shape: string;
}

interface Held {
  readonly device: InputDevice;
  readonly descriptor: Descriptor;
  /** What its reflector wants the next one to know. */
  memo: string;
}

/** drivers/input/input.c, input_allocate_device. */
const SYSNAME = /^input\d+$/;
const EVENT_NODE = /^event\d+$/;

export class InputDevices {
  readonly #parts: InputDevicesParts;
  readonly #held = new Map<string, Held>();

  constructor(parts: InputDevicesParts) {
    this.#parts = parts;
  }

  /** What an earlier manager has left. */
  inherit(left: readonly Heirloom<"input">[]): void {
    for (const { name, record, held } of left) {
      const { memo, ...device } = record;
      this.#held.set(name, { device, memo, descriptor: held[0]! });
    }
  }

  /** The device that there is, where it is the same; else another, that is to be made. The descriptor is the caller's. */
  open(device: InputDevice): { descriptor: Descriptor; memo: string } {
    const { legacy, open } = this.#parts;
    const name = nameOf(device);
    const before = this.#held.get(name);
    if (before?.device.shape === device.shape)
      return { descriptor: duplicate(before.descriptor.fd), memo: before.memo };
    this.#drop(name);
    const descriptor = open();
    const memo = "";
    legacy.note("input", name, { ...device, memo });
    legacy.hold(name, [descriptor.fd]);
    this.#held.set(name, { device, descriptor, memo });
    return { descriptor: duplicate(descriptor.fd), memo };
  }

  /** Of a device that is open. */
  remember(which: Pick<InputDevice, "unit" | "index">, memo: string): void {
    const name = nameOf(which);
    const held = this.#held.get(name);
    if (held === undefined)
      throw new DeviceError("invalid", `remember ${name}: there is no such input device`);
    held.memo = memo;
    this.#parts.legacy.note("input", name, { ...held.device, memo });
  }

  /** Where programs find a device, by the name that the kernel gave it (UI_GET_SYSNAME). Throws DeviceError where it has none. */
  node(sysname: string): string {
    const what = `find the input device ${sysname}`;
    if (!SYSNAME.test(sysname)) throw new DeviceError("invalid", what);
    const node = this.#parts.list(`/sys/class/input/${sysname}`).find((name) => EVENT_NODE.test(name));
    if (node === undefined)
      throw new DeviceError("unsupported", `${what}: it has no event node; as root: modprobe evdev`);
    return `/dev/input/${node}`;
  }

  /** Ends those of a unit. */
  remove(unit: string): void {
    for (const [name, { device }] of this.#held) if (device.unit === unit) this.#drop(name);
  }

  /** Ends a unit's other ones. */
  keepOf(unit: string, indexes: ReadonlySet<number>): void {
    for (const [name, { device }] of this.#held)
      if (device.unit === unit && !indexes.has(device.index)) this.#drop(name);
  }

  /** Ends those of no unit that there is. */
  keep(units: ReadonlySet<string>): void {
    for (const [name, { device }] of this.#held) if (!units.has(device.unit)) this.#drop(name);
  }

  #drop(name: string): void {
    const held = this.#held.get(name);
    if (held === undefined) return;
    this.#held.delete(name);
    held.descriptor.close();
    this.#parts.legacy.drop(name);
  }
}

const nameOf = ({ unit, index }: Pick<InputDevice, "unit" | "index">): string =>
  recordName("input", `${unit}.${index}`);
