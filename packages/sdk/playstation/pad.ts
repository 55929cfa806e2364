// Runs in: driver host, in a driver's code. Owns: what the lives of Sony's controllers have in common: the start, what they are asked, motors, rests.
import type { Gamepad } from "@ring3/classes/gamepad/contract";
import type { Input } from "@ring3/core/contract";
import { DeviceError, type DeviceErrorKind } from "@ring3/core/errors";
import { Changes } from "../changes.ts";
import type { Context } from "../define.ts";
import type { HidDevice } from "../hid/types.ts";
import { Motors } from "../motors.ts";
import { tolerate } from "../tolerate.ts";
import type { UsbBytes } from "../usb/types.ts";
import type { Wait } from "../wait.ts";
import { type Calibration, decodeCalibration, uncalibrated } from "./calibration.ts";
import { decodeInput, INPUT_ID, type InputLayout } from "./input.ts";

/** A controller that does not answer for so long has stopped. */
const ANSWER_MS = 2000;
/** What comes of lights and motors that a copy has not: sticks and buttons are there all the same. */
const LACKING: readonly DeviceErrorKind[] = ["stall", "timeout", "protocol", "io", "invalid"];

export interface FeatureReport {
  readonly id: number;
  /** With the id. */
  readonly bytes: number;
}

/** What one kind of controller is. */
export interface PadKind {
  readonly name: string;
  readonly input: InputLayout;
  readonly outputId: number;
  readonly firmware: FeatureReport;
  readonly calibration: FeatureReport;
}

/** What its driver does about it. */
export interface PadOps {
  /** Tells the motors; both from 0 to 65535. */
  rumble(strong: number, weak: number, wait: Wait): Promise<void>;
  /** `report`: its id first; empty from a copy that does not know it. */
  firmware(report: DataView): void;
  /** Tells what was kept of lights and the like. */
  show?(): Promise<void>;
  /** `isFirst`: since the start, or since a rest. */
  input?(bytes: Uint8Array, isFirst: boolean): void;
}

/** Why a HID device is none of this kind, for `decline`; undefined: it is one. */
export function whyNot({ layout: { input, output } }: HidDevice, kind: PadKind): string | undefined {
  return input.reports.has(INPUT_ID) && output.reports.has(kind.outputId)
    ? undefined
    : `its report descriptor has not reports ${INPUT_ID} and ${kind.outputId} of a ${kind.name}; a driver for any pad may have it`;
}

export class Pad {
  readonly #hid: HidDevice;
  readonly #ctx: Context<Gamepad>;
  readonly #kind: PadKind;
  readonly #ops: PadOps;
  readonly #motors: Motors;
  readonly #state: Changes<Gamepad, "state">;
  readonly #touch: Changes<Gamepad, "touch">;
  readonly #power: Changes<Gamepad, "power">;
  #calibration: Calibration = uncalibrated;
  #isFirst = true;

  constructor(hid: HidDevice, ctx: Context<Gamepad>, kind: PadKind, ops: PadOps) {
    this.#hid = hid;
    this.#ctx = ctx;
    this.#kind = kind;
    this.#ops = ops;
    this.#motors = ctx.scope.use(new Motors(ctx, (strong, weak, _, wait) => ops.rumble(strong, weak, wait)));
    this.#state = new Changes(ctx, "state");
    this.#touch = new Changes(ctx, "touch");
    this.#power = new Changes(ctx, "power");
  }

  /** From whatever state it is in. Rejects with DeviceError. */
  async start(): Promise<void> {
    const { name, firmware, calibration } = this.#kind;
    await this.#motors.settle(LACKING);
    this.#ops.firmware(await this.#ask(firmware, "firmware"));
    this.#calibration = decodeCalibration(await this.#ask(calibration, "calibration"));
    if (!this.#calibration.isSound)
      this.#ctx.log.warn(`${name}: its calibration makes no sense; sensors are told as they are`);
    if (this.#ops.show !== undefined) await tolerate(this.#ctx.log, this.#ops.show(), LACKING);
    this.#hid.oninputreport = ({ reportId, bytes }) => this.#take(reportId, bytes);
  }

  rumble(input: Input<Gamepad, "rumble">, wait: Wait): Promise<void> {
    return this.#motors.run(input, wait);
  }

  async rest(): Promise<void> {
    await this.#motors.settle(LACKING);
    await this.#hid.close();
  }

  async work(): Promise<void> {
    this.#isFirst = true;
    await this.#hid.open();
    await this.start();
  }

  async send(report: UsbBytes, wait?: Wait): Promise<void> {
    using limit = this.#ctx.limit(ANSWER_MS, wait);
    await this.#hid.sendReport(this.#kind.outputId, report, limit);
  }

  #take(reportId: number, bytes: Uint8Array): void {
    const input = reportId === INPUT_ID ? decodeInput(bytes, this.#kind.input, this.#calibration) : undefined;
    if (input === undefined) return;
    this.#state.tell(input.state);
    for (const touch of input.touches) this.#touch.tell(touch);
    this.#ctx.emit("motion", { ...input.motion, timestampUs: this.#ctx.timestampUs() });
    this.#power.tell(input.power);
    this.#ops.input?.(bytes, this.#isFirst);
    this.#isFirst = false;
  }

  /** Copies do not know all of these reports: what they refuse, and what is too short or another, counts as empty (ps_get_report). */
  async #ask({ id, bytes }: FeatureReport, what: string): Promise<DataView> {
    const { name } = this.#kind;
    using limit = this.#ctx.limit(ANSWER_MS);
    let why: string;
    try {
      const report = await this.#hid.receiveFeatureReport(id, limit);
      if (report.byteLength >= bytes && report.getUint8(0) === id) return report;
      const found = report.byteLength === 0 ? "none" : `${report.byteLength} of report ${report.getUint8(0)}`;
      why = `expected ${bytes} bytes of feature report ${id}, found ${found}`;
    } catch (error) {
      if (!(error instanceof DeviceError)) throw error;
      if (error.kind === "timeout")
        throw new DeviceError("timeout", `${name}: it does not tell its ${what} (plugged in anew, it may)`, {
          cause: error,
        });
      if (error.kind !== "stall" && error.kind !== "invalid") throw error;
      why = error.message;
    }
    this.#ctx.log.warn(`${name}: ${what}: ${why}`);
    return new DataView(new ArrayBuffer(0));
  }
}
