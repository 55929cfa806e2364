// Runs in: driver host, jailed. Owns: one DualSense: what it is told, and what of that the next driver and a wake-up must tell it again.
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
import { decodeFirmware, FIRMWARE_ID } from "./firmware.ts";
import { decodeInput, INPUT_ID } from "./input.ts";
import {
  light,
  lightSetup,
  mute,
  OUTPUT_ID,
  player,
  type RumbleKind,
  rumble,
  type TriggerEffect,
  trigger,
} from "./output.ts";

/** A controller that does not answer for so long has stopped. */
const ANSWER_MS = 2000;
/** A steady blue, and the first player: as Linux has them before anybody says otherwise. */
const defaults = { light: [0, 0, 128], player: 1 } as const;

type Kept = {
  readonly light?: readonly [red: number, green: number, blue: number];
  readonly player?: number;
  readonly isMuted?: boolean;
  readonly triggers?: readonly (TriggerEffect | null)[];
};

export class DualSense {
  readonly #hid: HidDevice;
  readonly #ctx: Context<Gamepad>;
  readonly #motors: Motors;
  readonly #state: Changes<Gamepad, "state">;
  readonly #touch: Changes<Gamepad, "touch">;
  readonly #power: Changes<Gamepad, "power">;
  #calibration: Calibration = uncalibrated;
  #rumble: RumbleKind = "either";
  #kept: Kept;
  #wasMutePressed = false;

  constructor(hid: HidDevice, ctx: Context<Gamepad>) {
    this.#hid = hid;
    this.#ctx = ctx;
    this.#kept = (ctx.state.get() as Kept | undefined) ?? {};
    this.#motors = ctx.scope.use(
      new Motors(ctx, (strong, weak, _, wait) => this.#send(rumble(strong, weak, this.#rumble), wait)),
    );
    this.#state = new Changes(ctx, "state");
    this.#touch = new Changes(ctx, "touch");
    this.#power = new Changes(ctx, "power");
  }

  /** From whatever state it is in. Rejects with DeviceError. */
  async start(): Promise<void> {
    await this.#motors.stop();
    const firmware = decodeFirmware(await this.#ask(FIRMWARE_ID, "firmware"), this.#hid.productId);
    this.#rumble = firmware.rumble;
    this.#calibration = decodeCalibration(await this.#ask(CALIBRATION_ID, "calibration"));
    if (!this.#calibration.isSound)
      this.#ctx.log.warn("calibration: it makes no sense; sensors are told as they are");
    this.#ctx.log.info("DualSense", { firmware: `0x${firmware.version.toString(16).padStart(8, "0")}` });
    await this.#send(lightSetup());
    await this.#send(light(...(this.#kept.light ?? defaults.light)));
    await this.#send(player(this.#kept.player ?? defaults.player));
    if (this.#kept.isMuted !== undefined) await this.#send(mute(this.#kept.isMuted));
    for (const [side, effect] of (this.#kept.triggers ?? []).entries())
      if (effect !== null) await this.#send(trigger(side as 0 | 1, effect));
    this.#hid.oninputreport = ({ reportId, bytes }) => this.#take(reportId, bytes);
  }

  rumble(input: { strong: number; weak: number; durationMs: number }, wait: Wait): Promise<void> {
    return this.#motors.run(input, wait);
  }

  async light(red: number, green: number, blue: number, wait: Wait): Promise<void> {
    await this.#send(light(red, green, blue), wait);
    this.#keep({ light: [red, green, blue] });
  }

  async player(number: number, wait: Wait): Promise<void> {
    await this.#send(player(number), wait);
    this.#keep({ player: number });
  }

  async trigger(side: number, effect: TriggerEffect, wait: Wait): Promise<void> {
    if (side !== 0 && side !== 1)
      throw new DeviceError("invalid", `side of a trigger effect: expected 0 or 1, found ${side}`);
    await this.#send(trigger(side, effect), wait);
    const triggers = [...(this.#kept.triggers ?? [null, null])];
    triggers[side] = effect;
    this.#keep({ triggers });
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
    const { state, motion, touch, power, isMutePressed } = input;
    this.#state.tell(state);
    this.#touch.tell(touch);
    this.#ctx.emit("motion", { ...motion, timestampUs: this.#ctx.timestampUs() });
    this.#power.tell(power);
    if (isMutePressed && !this.#wasMutePressed) this.#toggleMute();
    this.#wasMutePressed = isMutePressed;
  }

  /** As Linux does it: nobody else would, for its microphone is on another interface. */
  #toggleMute(): void {
    const isMuted = this.#kept.isMuted !== true;
    this.#keep({ isMuted });
    this.#send(mute(isMuted)).catch((error) => {
      if (!(error instanceof DeviceError)) throw error;
      if (error.kind !== "disconnected") this.#ctx.log.warn(`microphone: ${error.message}`);
    });
  }

  #keep(change: Kept): void {
    this.#kept = { ...this.#kept, ...change };
    this.#ctx.state.set(this.#kept);
  }

  async #send(report: Uint8Array<ArrayBuffer>, wait?: Wait): Promise<void> {
    using limit = this.#ctx.limit(ANSWER_MS, wait);
    await this.#hid.sendReport(OUTPUT_ID, report, limit);
  }

  /** Copies do not know all of these reports: what they refuse counts as empty. */
  async #ask(reportId: number, what: string): Promise<DataView> {
    using limit = this.#ctx.limit(ANSWER_MS);
    try {
      return await this.#hid.receiveFeatureReport(reportId, limit);
    } catch (error) {
      if (!(error instanceof DeviceError)) throw error;
      if (error.kind === "timeout")
        throw new DeviceError("timeout", `DualSense: it does not tell its ${what}`, { cause: error });
      if (error.kind !== "stall" && error.kind !== "invalid") throw error;
      this.#ctx.log.warn(`${what}: ${error.message}`);
      return new DataView(new ArrayBuffer(0));
    }
  }
}
