// Runs in: reflector. Owns: one keyboard, mouse or tablet as the kernel's programs know it: an input device that outlives its drivers, those that its
// mapping adds, and the lights that are to shine on it.
import type { Log } from "@ring3/core/log";
import type { SlotPort } from "@ring3/core/slot-port";
import {
  INPUT_HORIZONTAL_WHEEL,
  INPUT_RELATIVE,
  INPUT_WHEEL,
  type InputClass,
  type InputProperties,
} from "./contract.ts";
import { InputFrames, inputDescription } from "./endpoint-frames.ts";
import { MadeDevices } from "./endpoint-made.ts";
import type { MapperRun } from "./endpoint-mapper.ts";
import type { Planned, UnitNodes } from "./endpoint-nodes.ts";
import { Teller } from "./endpoint-teller.ts";
import {
  type InputKind,
  InputUnit,
  type InputUnitOptions,
  type Named,
  type Stops,
  type View,
} from "./endpoint-unit.ts";
import type { Output } from "./mapping/output.ts";
import { keysOf, type Targets } from "./mapping/targets.ts";

const OWN = 0;

/** Rejects with DeviceError. */
export function startInput(options: InputUnitOptions<InputClass>): Promise<InputUnit<InputClass>> {
  const lights = new Lights(options.log);
  const kind: InputKind<InputClass> = {
    capabilities: (input) => ({ input }),
    view: (properties, named, targets) => new InputView(properties, named, targets, lights),
    driver: (port) => lights.driver(port),
    close() {},
  };
  return InputUnit.start(options, kind);
}

class InputView implements View<InputClass> {
  readonly planned: readonly Planned[];
  readonly #frames: InputFrames;
  readonly #made: MadeDevices | undefined;
  readonly #features: number;
  readonly #keys: ReadonlySet<number>;
  /** It has said where it points. */
  #pointed = false;

  constructor(properties: InputProperties, named: Named, targets: Targets | undefined, lights: Lights) {
    this.#features = properties.features;
    this.#frames = new InputFrames(properties);
    this.#keys = new Set(keysOf(properties));
    const leds = lights.set.bind(lights);
    const own = { index: OWN, description: inputDescription(properties, named), owner: { leds } };
    if (targets === undefined) {
      this.planned = [own];
      return;
    }
    const { keyboard, mouse, gamepad } = targets;
    const needs = {
      keyboard: keyboard.filter((code) => !this.#keys.has(code)),
      mouse: {
        buttons: mouse.buttons.filter((code) => !this.#keys.has(code)),
        moves: mouse.moves && !this.#has(INPUT_RELATIVE),
        wheel: mouse.wheel && !this.#has(INPUT_WHEEL),
        horizontalWheel: mouse.horizontalWheel && !this.#has(INPUT_HORIZONTAL_WHEEL),
      },
      gamepad,
    };
    this.#made = new MadeDevices(needs, { ...properties, ...named });
    this.planned = [own, ...this.#made.planned];
  }

  pass(port: SlotPort<InputClass>, nodes: UnitNodes): Stops {
    const [node, frames] = [nodes.at(OWN), this.#frames];
    return [
      port.on("keys", (data) => node.frame(frames.keys(data))),
      port.on("motion", (data) => node.frame(frames.motion(data))),
      port.on("pointer", (data) => node.frame(frames.pointer(data))),
    ];
  }

  feed(port: SlotPort<InputClass>, _nodes: UnitNodes, run: MapperRun): Stops {
    return [
      port.on("keys", (data) => run.keys(data)),
      port.on("motion", (data) => run.motion(data)),
      port.on("pointer", (data) => {
        this.#pointed = true;
        run.pointer(data);
      }),
    ];
  }

  /** What its own device has comes out there. */
  show({ keyboard, mouse, pen, gamepad }: Output, nodes: UnitNodes): void {
    const node = nodes.at(OWN);
    const isOwn = (code: number) => this.#keys.has(code);
    const isMade = (code: number) => !this.#keys.has(code);
    const [wheel, horizontal] = [this.#has(INPUT_WHEEL), this.#has(INPUT_HORIZONTAL_WHEEL)];
    const moves = this.#has(INPUT_RELATIVE);
    const pressed = [...keyboard, ...mouse.buttons, ...(pen?.buttons ?? [])].filter(isOwn);
    node.frame(
      this.#frames.motion({
        x: moves ? mouse.x : 0,
        y: moves ? mouse.y : 0,
        wheel: wheel ? mouse.wheel : 0,
        horizontalWheel: horizontal ? mouse.horizontalWheel : 0,
      }),
    );
    node.frame(this.#frames.keys({ pressed }));
    if (pen !== undefined && this.#pointed) node.frame(this.#frames.pointer(pen));
    const made = {
      x: moves ? 0 : mouse.x,
      y: moves ? 0 : mouse.y,
      wheel: wheel ? 0 : mouse.wheel,
      horizontalWheel: horizontal ? 0 : mouse.horizontalWheel,
      buttons: mouse.buttons.filter(isMade),
    };
    this.#made!.show(keyboard.filter(isMade), made, gamepad, nodes);
  }

  released(): void {
    this.#frames.released();
    this.#made?.released();
  }

  #has(feature: number): boolean {
    return (this.#features & feature) !== 0;
  }
}

/** Those that programs want to shine: told to the driver, and to the next one. */
class Lights {
  readonly #log: Log;
  readonly #teller = new Teller(() => this.#tell());
  #port: SlotPort<InputClass> | undefined;
  /** undefined: nobody has wanted anything yet. */
  #mask: number | undefined;

  constructor(log: Log) {
    this.#log = log;
  }

  /** It knows of nothing. */
  driver(port: SlotPort<InputClass> | undefined): void {
    this.#port = port;
    this.#teller.tell();
  }

  set(mask: number): void {
    this.#mask = mask;
    this.#teller.tell();
  }

  async #tell(): Promise<void> {
    if (this.#mask === undefined || this.#port?.supports("leds") !== true) return;
    await this.#port.request("leds", { mask: this.#mask }).catch((error: Error) => {
      this.#log.debug(`no light: ${error.message}`); // the next driver is told anew
    });
  }
}
