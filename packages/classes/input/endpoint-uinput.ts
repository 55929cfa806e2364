// Runs in: reflector. Owns: one keyboard, mouse or tablet as the kernel's programs know it: an input device that outlives its drivers, and the
// lights that are to shine on it.
import type { Clock } from "@ring3/core/clock";
import type { Log } from "@ring3/core/log";
import type { SlotPort } from "@ring3/core/slot-port";
import type { InputClass } from "./contract.ts";
import { InputFrames, inputDescription } from "./endpoint-frames.ts";
import { InputNode, type InputNodes } from "./endpoint-node.ts";

export interface InputEndpointOptions {
  readonly unit: string;
  readonly name: string;
  /** Rejects with DeviceError. */
  readonly open: () => Promise<SlotPort<InputClass>>;
  readonly nodes: InputNodes;
  readonly clock: Clock;
  readonly log: Log;
}

export class InputEndpoint {
  /** /dev/input/eventN */
  readonly paths: readonly string[];
  readonly #port: SlotPort<InputClass>;
  readonly #node: InputNode;

  private constructor(port: SlotPort<InputClass>, node: InputNode) {
    this.#port = port;
    this.#node = node;
    this.paths = [node.path];
  }

  static async start({ unit, name, open, nodes, clock, log }: InputEndpointOptions): Promise<InputEndpoint> {
    const port = await open();
    try {
      const { properties } = port;
      const frames = new InputFrames(properties);
      const lights = new Lights(port, log);
      const description = inputDescription(properties, { name, phys: `ring3/${unit}` });
      const node = await InputNode.open(nodes, 0, description, clock, {
        led: (code, on) => lights.set(code, on),
      });
      port.on("keys", (data) => node.frame(frames.keys(data)));
      port.on("motion", (data) => node.frame(frames.motion(data)));
      port.on("pointer", (data) => node.frame(frames.pointer(data)));
      port.onDriver((there) => {
        if (there) return lights.tell();
        node.release(); // nobody could say that anything is still pressed
        frames.released();
      });
      return new InputEndpoint(port, node);
    } catch (error) {
      await port.close();
      throw error;
    }
  }

  async close(): Promise<void> {
    await this.#port.close(); // first: it may still tell
    this.#node.close();
  }
}

/** Those that programs want to shine: told to the driver, and to the next one. */
class Lights {
  readonly #port: SlotPort<InputClass>;
  readonly #log: Log;
  #mask = 0;
  /** The driver is being told; once it has been, it is told again where that is not what is wanted any more. */
  #telling = false;
  #changed = false;

  constructor(port: SlotPort<InputClass>, log: Log) {
    this.#port = port;
    this.#log = log;
  }

  set(code: number, on: boolean): void {
    this.#mask = on ? this.#mask | (1 << code) : this.#mask & ~(1 << code);
    this.tell();
  }

  tell(): void {
    this.#changed = true;
    if (!this.#telling && this.#port.supports("leds")) void this.#tell();
  }

  async #tell(): Promise<void> {
    this.#telling = true;
    while (this.#changed) {
      this.#changed = false;
      await this.#port.request("leds", { mask: this.#mask >>> 0 }).catch((error: Error) => {
        this.#log.debug(`no light: ${error.message}`); // the next driver is told anew
      });
    }
    this.#telling = false;
  }
}
