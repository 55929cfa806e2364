// Runs in: reflector. Owns: one input device of the kernel's, as what programs know one of a unit's devices.
import type { Clock } from "@ring3/core/clock";
import type { Descriptor } from "@ring3/kernel/fd/descriptor";
import { uinputCalls } from "@ring3/kernel/uinput/calls";
import { SYSNAME_BYTES, UI_GET_SYSNAME } from "@ring3/kernel/uinput/constants";
import type { InputDescription, InputEvent } from "@ring3/kernel/uinput/description";
import { UinputDevice, type UinputOwner } from "@ring3/kernel/uinput/device";
import { NO_UPLOADS, type Uploads } from "@ring3/kernel/uinput/rumble";

/** What the manager does for a unit's input devices, which are numbered from 0. */
export interface InputNodes {
  /** /dev/uinput's descriptor for it: the one that a device of that shape has already, with what `remember` was last told, or another. */
  open(index: number, shape: string): Promise<{ descriptor: Descriptor; memo: string }>;
  /** Where programs find it, by the kernel's name for it. */
  node(sysname: string): Promise<string>;
  remember(index: number, memo: string): Promise<void>;
}

export class InputNode {
  /** /dev/input/eventN */
  readonly path: string;
  readonly #device: UinputDevice;

  private constructor(path: string, device: UinputDevice) {
    this.path = path;
    this.#device = device;
  }

  /** Makes the device, or goes on with the one that a reflector before this has made: whoever has it open notices nothing. */
  static async open(
    nodes: InputNodes,
    index: number,
    description: InputDescription,
    clock: Clock,
    owner: Omit<UinputOwner, "uploads"> = {},
  ): Promise<InputNode> {
    const { descriptor, memo } = await nodes.open(index, JSON.stringify(description));
    const calls = uinputCalls(descriptor);
    let latest: Uploads | undefined;
    let remembering = false;
    const remember = async () => {
      remembering = true;
      for (; latest !== undefined; ) {
        const memo = JSON.stringify(latest);
        latest = undefined;
        await nodes.remember(index, memo);
      }
      remembering = false;
    };
    const whole: UinputOwner = {
      ...owner,
      // A program may upload faster than the manager writes down: the latest counts.
      uploads(uploads) {
        latest = uploads;
        if (!remembering) void remember();
      },
    };
    const isMade = calls.ioctl(UI_GET_SYSNAME(SYSNAME_BYTES), new Uint8Array(SYSNAME_BYTES)) >= 0;
    const device = isMade
      ? UinputDevice.adopt(calls, description, clock, whole, uploadsOf(memo))
      : UinputDevice.create(calls, description, clock, whole);
    try {
      return new InputNode(await nodes.node(device.sysname()), device);
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

/** As a reflector of this version has written it; nothing was uploaded yet where it is empty. */
const uploadsOf = (memo: string): Uploads => (memo === "" ? NO_UPLOADS : (JSON.parse(memo) as Uploads));
