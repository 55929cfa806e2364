// Runs in: driver host, jailed. Owns: what one DualShock 4 is told, and what of that the next driver and a wake-up must tell it again.
import { Changes, type Context, type Gamepad, type HidDevice, playstation, type Wait } from "@ring3/sdk";
import { firmwareText } from "./firmware.ts";
import { dualShock4 } from "./kind.ts";
import { type Colour, type Output, output, playerColour } from "./output.ts";

type Kept = { readonly colour: Colour };

export class DualShock4 {
  readonly pad: playstation.Pad;
  readonly #ctx: Context<Gamepad>;
  readonly #lights: Changes<Gamepad, "lights">;
  #output: Output;

  constructor(hid: HidDevice, ctx: Context<Gamepad>) {
    const { colour = playerColour(ctx.device.ordinal) } = (ctx.state.get() as Kept | undefined) ?? {};
    this.#ctx = ctx;
    this.#lights = new Changes(ctx, "lights");
    this.#output = { strong: 0, weak: 0, colour };
    this.pad = new playstation.Pad(hid, ctx, dualShock4, {
      rumble: (strong, weak, wait) => this.#tell({ strong, weak }, wait), // and its light with it
      firmware: (report) => ctx.log.info("DualShock 4", { firmware: firmwareText(report) }),
    });
  }

  async light(colour: Colour, wait: Wait): Promise<void> {
    await this.#tell({ colour }, wait);
    this.#ctx.state.set({ colour } satisfies Kept);
  }

  player(number: number, wait: Wait): Promise<void> {
    return this.light(playerColour(number), wait);
  }

  /** What is on its way counts for whoever tells something else meanwhile; what did not get there counts for nobody. */
  async #tell(change: Partial<Output>, wait: Wait): Promise<void> {
    const before = this.#output;
    const told = { ...before, ...change };
    this.#output = told;
    try {
      await this.pad.send(output(told), wait);
      const [red, green, blue] = told.colour;
      this.#lights.tell({ red, green, blue, player: 0 });
    } catch (error) {
      if (this.#output === told) this.#output = before;
      throw error;
    }
  }
}
