// Runs in: manager. Owns: how game controllers, keyboards and mice are met: whether the kernel has input devices of ours, and what reflectors ask of these.
import { constants, existsSync, readdirSync } from "node:fs";
import type { clientEdge } from "@ring3/control/client-edge";
import type { Config } from "@ring3/control/config";
import { Answer, type Handlers, type ServingPeer } from "@ring3/control/peer";
import { withoutKindText } from "@ring3/control/wire";
import { DeviceError } from "@ring3/core/errors";
import type { Log } from "@ring3/core/log";
import type { Descriptor } from "@ring3/kernel/fd/descriptor";
import { openDeviceNode } from "@ring3/kernel/open/open";
import { isDenied } from "@ring3/kernel/open/permission";
import type { Permission } from "./bus.ts";
import type { Device } from "./device.ts";
import { InputDevices } from "./input-devices.ts";
import type { Heirloom, Legacy } from "./legacy.ts";

type ClientEdge = typeof clientEdge;

const UINPUT = "/dev/uinput";
/** Classes whose units are input devices. */
const reflected: ReadonlySet<string> = new Set(["gamepad", "input"]);
export const isInputClass = (className: string): boolean => reflected.has(className);

const openUinput = (): Descriptor => openDeviceNode(UINPUT, constants.O_RDWR | constants.O_NONBLOCK);
const list = (folder: string): readonly string[] => (existsSync(folder) ? readdirSync(folder) : []);

export class Inputs {
  readonly #log: Log;
  #choice: Config["endpoints"]["input"] = "none";
  #devices: InputDevices | undefined;
  /** Why there are none. Said once somebody needs them. */
  #why: string | undefined;

  constructor(log: Log) {
    this.#log = log;
  }

  /** Throws DeviceError where the configuration asks for what cannot be had. `successor`: it could be had, and what is there goes on. */
  choose(choice: Config["endpoints"]["input"], legacy: Legacy, successor: boolean): void {
    this.#choice = choice;
    if (choice === "none") return;
    if (successor) {
      if (existsSync(UINPUT)) this.#devices = new InputDevices({ open: openUinput, list, legacy });
      return;
    }
    try {
      if (!existsSync(UINPUT))
        throw new DeviceError("unsupported", `there is no ${UINPUT}; as root: modprobe uinput`);
      openUinput().close();
      this.#devices = new InputDevices({ open: openUinput, list, legacy });
    } catch (error) {
      if (!(error instanceof DeviceError)) throw error;
      this.#why = withoutKindText(error);
      if (choice === "uinput")
        throw new DeviceError(
          "unsupported",
          `ring3.yaml has "endpoints: {input: uinput}"; ${this.#why}; or have it "auto"`,
          { cause: error },
        );
    }
  }

  /** Why nobody can be given one, and what to do. */
  #absence(): string {
    return this.#choice === "none"
      ? 'ring3.yaml has "endpoints: {input: none}"; have it "auto", and start ring3 again'
      : `there was no ${UINPUT} when ring3 started, or it was not its to write; as root: modprobe uinput, or what "ring3 udev" prints, and start ring3 again`;
  }

  /** What a class's reflector has to be told at its start. */
  needs(className: string): readonly string[] {
    if (!reflected.has(className)) return [];
    if (this.#devices !== undefined) return ["uinput"];
    if (this.#why !== undefined)
      this.#log.info(`${className}: programs meet it by @ring3/client alone: ${this.#why}`);
    this.#why = undefined;
    return [];
  }

  /** What it takes for units of these classes to be input devices. */
  permissions(classes: readonly string[]): readonly Permission[] {
    if (this.#choice === "none" || !classes.some((name) => reflected.has(name))) return [];
    const rule = (group: string) =>
      `SUBSYSTEM=="misc", KERNEL=="uinput", OPTIONS+="static_node=uinput", GROUP="${group}", MODE="0660"`;
    return [{ path: UINPUT, held: !isDenied(UINPUT), after: ", and start ring3 again", rule }];
  }

  inherit(left: readonly Heirloom<"input">[]): void {
    if (this.#devices !== undefined) return this.#devices.inherit(left);
    for (const { held } of left) for (const descriptor of held) descriptor.close(); // the kernel has lost its module meanwhile
  }

  /** Ends those of no unit that there is. */
  keep(units: ReadonlySet<string>): void {
    this.#devices?.keep(units);
  }

  /** The unit has gone. */
  remove(unit: string): void {
    this.#devices?.remove(unit);
  }

  /** `of`: the device of a unit that the asker has endpoints for; throws DeviceError for another. */
  handlers(
    of: (method: string, unit: string) => Device,
  ): Pick<
    Handlers<ClientEdge, Descriptor, ServingPeer<ClientEdge>>,
    "inputDevice" | "inputNode" | "inputMemo" | "inputKeep"
  > {
    const allowed = (method: string, unit: string): InputDevices => {
      const className = of(method, unit).driver!.manifest.class;
      if (!reflected.has(className))
        throw new DeviceError("denied", `${method} ${unit}: it is no input device`);
      if (this.#devices === undefined)
        throw new DeviceError("denied", `${method} ${unit}: ${this.#absence()}`);
      return this.#devices;
    };
    return {
      inputDevice: (device) => {
        const { descriptor, memo } = allowed("inputDevice", device.unit).open(device);
        return new Answer({ memo }, [descriptor]);
      },
      inputNode: ({ unit, sysname }) => ({ node: allowed("inputNode", unit).node(sysname) }),
      inputKeep: ({ unit, indexes }) => {
        allowed("inputKeep", unit).keepOf(unit, new Set(indexes));
        return {};
      },
      inputMemo: ({ memo, ...device }) => {
        allowed("inputMemo", device.unit).remember(device, memo);
        return {};
      },
    };
  }
}
