// Runs in: reflector. Owns: one input device of the kernel's, as what programs know one of a unit's devices.
import type { Clock } from "@ring3/core/clock";
import type { UinputCalls } from "@ring3/kernel/uinput/calls";
import { SYSNAME_BYTES, UI_GET_SYSNAME } from "@ring3/kernel/uinput/constants";
import type { InputDescription, InputEvent } from "@ring3/kernel/uinput/description";
import { UinputDevice, type UinputOwner } from "@ring3/kernel/uinput/device";
import { NO_UPLOADS, type Uploads } from "@ring3/kernel/uinput/rumble";
import { Teller } from "./endpoint-teller.ts";

/** What the manager does for a unit's input devices, which are numbered from 0. */
export interface InputNodes {
  /** /dev/uinput for it: as a device of that shape has it already, with what `remember` was last told, or anew. */
  open(index: number, shape: string): Promise<{ calls: UinputCalls; memo: string }>;
  /** Where programs find it, by the kernel's name for it. */
  node(sysname: string): Promise<string>;
  remember(index: number, memo: string): Promise<void>;
  /** Those of all others end, whoever has made them. */
  keep(indexes: readonly number[]): Promise<void>;
}

export interface NodeOwner extends Pick<UinputOwner, "rumble"> {
  /** Those that programs want to shine: a bit for each LED_*. */
  leds?(mask: number): void;
}

/** What programs have left with a device, which the kernel tells nobody again. */
interface Memo {
  readonly uploads: Uploads;
  readonly leds: number;
}
const NO_MEMO: Memo = { uploads: NO_UPLOADS, leds: 0 };

export class InputNode {
  /** /dev/input/eventN */
  readonly path: string;
  /** A reflector before this one has made it. */
  readonly adopted: boolean;
  readonly #device: UinputDevice;

  private constructor(path: string, adopted: boolean, device: UinputDevice) {
    this.path = path;
    this.adopted = adopted;
    this.#device = device;
  }

  /** Makes the device, or goes on with the one that a reflector before this has made: whoever has it open notices nothing. */
  static async open(
    nodes: InputNodes,
    index: number,
    description: InputDescription,
    clock: Clock,
    owner: NodeOwner = {},
  ): Promise<InputNode> {
    const { calls, memo: left } = await nodes.open(index, JSON.stringify(description));
    let memo = memoOf(left);
    const teller = new Teller(() => nodes.remember(index, JSON.stringify(memo))); // a program may upload faster than the manager writes down
    const change = (part: Partial<Memo>) => {
      memo = { ...memo, ...part };
      teller.tell();
    };
    const whole: UinputOwner = {
      ...owner,
      uploads: (uploads) => change({ uploads }),
      led(code, on) {
        change({ leds: (on ? memo.leds | (1 << code) : memo.leds & ~(1 << code)) >>> 0 });
        owner.leds?.(memo.leds);
      },
    };
    const adopted = calls.ioctl(UI_GET_SYSNAME(SYSNAME_BYTES), new Uint8Array(SYSNAME_BYTES)) >= 0;
    if (adopted && memo.leds !== 0) owner.leds?.(memo.leds);
    const device = adopted
      ? UinputDevice.adopt(calls, description, clock, whole, memo.uploads)
      : UinputDevice.create(calls, description, clock, whole);
    try {
      return new InputNode(await nodes.node(device.sysname()), adopted, device);
    } catch (error) {
      device.close();
      throw error;
    }
  }

  frame(events: readonly InputEvent[]): void {
    if (events.length > 0) this.#device.frame(events);
  }

  release(): void {
    this.#device.release();
  }

  /** The manager has it too, and ends it with its unit. */
  close(): void {
    this.#device.close();
  }
}

/** As a reflector of this version has written it; nothing was left yet where it is empty. */
const memoOf = (text: string): Memo => (text === "" ? NO_MEMO : (JSON.parse(text) as Memo));
