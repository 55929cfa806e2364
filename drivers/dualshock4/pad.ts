// Runs in: driver host, jailed. Owns: one DualShock 4: what it is told, and what of that the next driver and a wake-up must tell it again.
import {
  Changes,
  type Context,
  DeviceError,
  type Gamepad,
  type HidDevice,
  Motors,
  type Wait,
} from "@ring3/sdk";
import { CALIBRATION_ID, type Calibration, decodeCalibration, uncalibrated } from "./calibration.ts";
import { FIRMWARE_ID, firmwareText } from "./firmware.ts";
import { decodeInput, INPUT_ID } from "./input.ts";
import { type Colour, OUTPUT_ID, output, playerColour } from "./output.ts";

/** A controller that does not answer for so long has stopped. */
const ANSWER_MS = 2000;
const FIRST_PLAYER = 1;

type Kept = { readonly colour: Colour };

export class DualShock4 {
  readonly #hid: HidDevice;
  readonly #ctx: Context<Gamepad>;
  readonly #motors: Motors;
  readonly #state: Changes<Gamepad, "state">;
  readonly #touch: Changes<Gamepad, "touch">;
  readonly #power: Changes<Gamepad, "power">;
  #calibration: Calibration = uncalibrated;
  #colour: Colour;
  #strong = 0;
  #weak = 0;

  constructor(hid: HidDevice, ctx: Context<Gamepad>) {
    this.#hid = hid;
    this.#ctx = ctx;
    this.#colour = (ctx.state.get() as Kept | undefined)?.colour ?? playerColour(FIRST_PLAYER);
    this.#motors = ctx.scope.use(
      new Motors(ctx, async (strong, weak, _, wait) => {
        this.#strong = strong;
        this.#weak = weak;
        await this.#tell(this.#colour, wait);
      }),
    );
    this.#state = new Changes(ctx, "state");
    this.#touch = new Changes(ctx, "touch");
    this.#power = new Changes(ctx, "power");
  }

  /** From whatever state it is in. Rejects with DeviceError. */
  async start(): Promise<void> {
    await this.#motors.stop(); // and its light with it
    const firmware = firmwareText(await this.#ask(FIRMWARE_ID, "firmware"));
    this.#ctx.log.info("DualShock 4", { firmware });
    this.#calibration = decodeCalibration(await this.#ask(CALIBRATION_ID, "calibration"));
    if (!this.#calibration.isSound)
      this.#ctx.log.warn("calibration: it makes no sense; sensors are told as they are");
    this.#hid.oninputreport = ({ reportId, bytes }) => this.#take(reportId, bytes);
  }

  rumble(input: { strong: number; weak: number; durationMs: number }, wait: Wait): Promise<void> {
    return this.#motors.run(input, wait);
  }

  async light(colour: Colour, wait: Wait): Promise<void> {
    await this.#tell(colour, wait);
    this.#colour = colour;
    this.#ctx.state.set({ colour } satisfies Kept);
  }

  player(number: number, wait: Wait): Promise<void> {
    return this.light(playerColour(number), wait);
  }

  async rest(): Promise<void> {
    await this.#motors.stop();
    await this.#hid.close();
  }

  async work(): Promise<void> {
    for (const told of [this.#state, this.#touch, this.#power]) told.forget();
    await this.#hid.open();
    await this.start();
  }

  #take(reportId: number, bytes: Uint8Array): void {
    const input = reportId === INPUT_ID ? decodeInput(bytes, this.#calibration) : undefined;
    if (input === undefined) return;
    this.#state.tell(input.state);
    for (const touch of input.touches) this.#touch.tell(touch);
    this.#ctx.emit("motion", { ...input.motion, timestampUs: this.#ctx.timestampUs() });
    this.#power.tell(input.power);
  }

  async #tell(colour: Colour, wait?: Wait): Promise<void> {
    using limit = this.#ctx.limit(ANSWER_MS, wait);
    await this.#hid.sendReport(OUTPUT_ID, output(this.#strong, this.#weak, colour), limit);
  }

  /** Copies do not know all of these reports: what they refuse counts as empty. */
  async #ask(reportId: number, what: string): Promise<DataView> {
    using limit = this.#ctx.limit(ANSWER_MS);
    try {
      return await this.#hid.receiveFeatureReport(reportId, limit);
    } catch (error) {
      if (!(error instanceof DeviceError)) throw error;
      if (error.kind === "timeout")
        throw new DeviceError("timeout", `DualShock 4: it does not tell its ${what}`, { cause: error });
      if (error.kind !== "stall" && error.kind !== "invalid") throw error;
      this.#ctx.log.warn(`${what}: ${error.message}`);
      return new DataView(new ArrayBuffer(0));
    }
  }
}
