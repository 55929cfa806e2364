// Runs in: reflector. Owns: one game controller as the kernel's programs know it: its input devices, those that its mapping adds, and what programs
// want felt.
import type { SlotPort } from "@ring3/core/slot-port";
import { MadeDevices } from "../input/endpoint-made.ts";
import type { MapperRun } from "../input/endpoint-mapper.ts";
import type { Planned, UnitNodes } from "../input/endpoint-nodes.ts";
import {
  type InputKind,
  InputUnit,
  type InputUnitOptions,
  type Named,
  type Stops,
  type View,
} from "../input/endpoint-unit.ts";
import type { Output } from "../input/mapping/output.ts";
import { type GamepadState, sameState } from "../input/mapping/pad.ts";
import type { Targets } from "../input/mapping/targets.ts";
import { GAMEPAD_MOTION, GAMEPAD_TOUCH, type Gamepad, type GamepadProperties } from "./contract.ts";
import { MotionFrames, PadFrames, TouchFrames } from "./endpoint-frames.ts";
import { Motors } from "./endpoint-motors.ts";

const [PAD, SENSORS, TOUCHPAD] = [0, 1, 2];

/** Rejects with DeviceError. */
export function startGamepad(options: InputUnitOptions<Gamepad>): Promise<InputUnit<Gamepad>> {
  const motors = new Motors(options.clock, options.log);
  const kind: InputKind<Gamepad> = {
    capabilities: (gamepad) => ({ gamepad }),
    view: (properties, named, targets) => new PadView(properties, named, targets, motors),
    driver: (port, failed) => motors.driver(port, failed),
    close: () => motors.close(),
  };
  return InputUnit.start(options, kind);
}

class PadView implements View<Gamepad> {
  readonly planned: readonly Planned[];
  readonly #pad: PadFrames;
  readonly #touch: TouchFrames | undefined;
  readonly #motion: MotionFrames | undefined;
  readonly #made: MadeDevices | undefined;
  #padShown: GamepadState | undefined;
  #sensorsShown: Output["sensors"];
  /** When the device told what is shown of its sensors. */
  #sensedUs = 0;

  constructor(properties: GamepadProperties, named: Named, targets: Targets | undefined, motors: Motors) {
    const { features } = properties;
    this.#pad = new PadFrames(targets?.gamepad ?? properties, named); // the mapping may press what it has not
    const rumble = motors.set.bind(motors);
    const planned: Planned[] = [{ index: PAD, description: this.#pad.description, owner: { rumble } }];
    if ((features & GAMEPAD_MOTION) !== 0) {
      this.#motion = new MotionFrames(properties, named);
      planned.push({ index: SENSORS, description: this.#motion.description });
    }
    if ((features & GAMEPAD_TOUCH) !== 0) {
      this.#touch = new TouchFrames(properties, named);
      planned.push({ index: TOUCHPAD, description: this.#touch.description });
    }
    if (targets !== undefined) {
      const { keyboard, mouse } = targets;
      this.#made = new MadeDevices({ keyboard, mouse }, { ...properties, ...named });
      planned.push(...this.#made.planned);
    }
    this.planned = planned;
  }

  pass(port: SlotPort<Gamepad>, nodes: UnitNodes): Stops {
    const [node, pad] = [nodes.at(PAD), this.#pad];
    const stops = [port.on("state", (state) => node.frame(pad.of(state))), ...this.#touched(port, nodes)];
    const touch = this.#touch;
    if (touch !== undefined) {
      const touchpad = nodes.at(TOUCHPAD);
      stops.push(port.on("state", (state) => touchpad.frame(touch.press(state))));
    }
    const motion = this.#motion;
    if (motion !== undefined) {
      const sensors = nodes.at(SENSORS);
      stops.push(port.on("motion", (data) => sensors.frame(motion.of(data, data.timestampUs))));
    }
    return stops;
  }

  feed(port: SlotPort<Gamepad>, nodes: UnitNodes, run: MapperRun): Stops {
    return [
      port.on("state", (state) => run.state(state)),
      port.on("motion", (data) => {
        this.#sensedUs = data.timestampUs;
        run.sensors(data);
      }),
      ...this.#touched(port, nodes),
    ];
  }

  /** Fingers are no mapping's. */
  #touched(port: SlotPort<Gamepad>, nodes: UnitNodes): Stops {
    const touch = this.#touch;
    if (touch === undefined) return [];
    const touchpad = nodes.at(TOUCHPAD);
    return [port.on("touch", (data) => touchpad.frame(touch.of(data)))];
  }

  show({ gamepad, sensors, keyboard, mouse }: Output, nodes: UnitNodes): void {
    if (gamepad !== undefined && !sameState(gamepad, this.#padShown)) {
      this.#padShown = gamepad;
      nodes.at(PAD).frame(this.#pad.of(gamepad));
      if (this.#touch !== undefined) nodes.at(TOUCHPAD).frame(this.#touch.press(gamepad));
    }
    if (sensors !== undefined && sensors !== this.#sensorsShown && this.#motion !== undefined) {
      this.#sensorsShown = sensors;
      nodes.at(SENSORS).frame(this.#motion.of(sensors, this.#sensedUs));
    }
    this.#made?.show(keyboard, mouse, undefined, nodes);
  }

  released(): void {
    this.#padShown = undefined;
    this.#sensorsShown = undefined;
    this.#made?.released();
  }
}
