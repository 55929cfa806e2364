// Runs in: reflector. Owns: one game controller as the kernel's programs know it: its input devices, which outlive its drivers, and what programs
// want felt.
import type { Clock, Timer } from "@ring3/core/clock";
import type { Log } from "@ring3/core/log";
import type { SlotPort } from "@ring3/core/slot-port";
import { InputNode, type InputNodes } from "../input/endpoint-node.ts";
import { GAMEPAD_MOTION, GAMEPAD_TOUCH, type Gamepad, RUMBLE_MAX_MS } from "./contract.ts";
import { MotionFrames, PadFrames, TouchFrames } from "./endpoint-frames.ts";

export interface GamepadEndpointOptions {
  readonly unit: string;
  readonly name: string;
  /** Rejects with DeviceError. */
  readonly open: () => Promise<SlotPort<Gamepad>>;
  readonly nodes: InputNodes;
  readonly clock: Clock;
  readonly log: Log;
}

const [PAD, SENSORS, TOUCHPAD] = [0, 1, 2];

export class GamepadEndpoint {
  /** Of its input devices, the pad's first. */
  readonly paths: readonly string[];
  readonly #port: SlotPort<Gamepad>;
  readonly #inputs: readonly InputNode[];
  readonly #motors: Motors;

  private constructor(port: SlotPort<Gamepad>, inputs: readonly InputNode[], motors: Motors) {
    this.#port = port;
    this.#inputs = inputs;
    this.#motors = motors;
    this.paths = inputs.map(({ path }) => path);
  }

  static async start({
    unit,
    name,
    open,
    nodes,
    clock,
    log,
  }: GamepadEndpointOptions): Promise<GamepadEndpoint> {
    const port = await open();
    const motors = new Motors(port, clock, log);
    const inputs: InputNode[] = [];
    try {
      const { properties } = port;
      const named = { name, phys: `ring3/${unit}` };
      const pad = new PadFrames(properties, named);
      const node = await InputNode.open(nodes, PAD, pad.description, clock, {
        rumble: (strong, weak, untilMs) => motors.set(strong, weak, untilMs),
      });
      inputs.push(node);
      if ((properties.features & GAMEPAD_TOUCH) !== 0) {
        const touch = new TouchFrames(properties, named);
        const touchpad = await InputNode.open(nodes, TOUCHPAD, touch.description, clock);
        inputs.push(touchpad);
        port.on("touch", (data) => touchpad.frame(touch.of(data)));
        port.on("state", (state) => touchpad.frame(touch.press(state)));
      }
      if ((properties.features & GAMEPAD_MOTION) !== 0) {
        const motion = new MotionFrames(properties, named);
        const sensors = await InputNode.open(nodes, SENSORS, motion.description, clock);
        inputs.push(sensors);
        port.on("motion", (data) => sensors.frame(motion.of(data)));
      }
      port.on("state", (state) => node.frame(pad.of(state)));
      port.onDriver((there) => {
        if (there) motors.tell();
        else for (const input of inputs) input.release(); // nobody could say that anything is still pressed
      });
      return new GamepadEndpoint(port, inputs, motors);
    } catch (error) {
      motors.close();
      await port.close(); // first: it may still tell
      for (const input of inputs) input.close();
      throw error;
    }
  }

  async close(): Promise<void> {
    this.#motors.close();
    await this.#port.close(); // first: it may still tell
    for (const input of this.#inputs) input.close();
  }
}

/** What programs want felt, with its end: told to the driver, and to the next one for as long as it has left. */
class Motors {
  readonly #port: SlotPort<Gamepad>;
  readonly #clock: Clock;
  readonly #log: Log;
  #strong = 0;
  #weak = 0;
  #untilMs = 0;
  /** The driver is being told; once it has been, it is told again where that is not what is wanted any more. */
  #telling = false;
  #changed = false;
  #renewal: Timer | undefined;
  #closed = false;

  constructor(port: SlotPort<Gamepad>, clock: Clock, log: Log) {
    this.#port = port;
    this.#clock = clock;
    this.#log = log;
  }

  set(strong: number, weak: number, untilMs: number): void {
    this.#strong = strong;
    this.#weak = weak;
    this.#untilMs = untilMs;
    this.tell();
  }

  tell(): void {
    if (this.#closed || !this.#port.supports("rumble")) return;
    this.#changed = true;
    if (!this.#telling) void this.#tell();
  }

  async #tell(): Promise<void> {
    this.#telling = true;
    while (this.#changed && !this.#closed) {
      this.#changed = false;
      const left = Math.max(0, this.#untilMs - this.#clock.now());
      const still = left === 0 || (this.#strong === 0 && this.#weak === 0);
      const input = still
        ? { strong: 0, weak: 0, durationMs: 0 }
        : { strong: this.#strong, weak: this.#weak, durationMs: Math.ceil(Math.min(left, RUMBLE_MAX_MS)) };
      this.#renewal?.cancel();
      // What lasts longer than one request can say is said again before that is over.
      this.#renewal =
        still || left <= RUMBLE_MAX_MS ? undefined : this.#clock.after(RUMBLE_MAX_MS / 2, () => this.tell());
      await this.#port.request("rumble", input).catch((error: Error) => {
        this.#log.debug(`not felt: ${error.message}`); // the next driver is told anew
      });
    }
    this.#telling = false;
  }

  close(): void {
    this.#closed = true;
    this.#renewal?.cancel();
  }
}
