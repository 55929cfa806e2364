// Runs in: driver host, jailed. Owns: one HID device with its units: what they are told to do, and what must be done again after a rest or a death.
import {
  type Context,
  DeviceError,
  type HidDevice,
  type InputClass,
  type UsbInterface,
  type Wait,
} from "@ring3/sdk";
import { applicationsOf } from "./applications.ts";
import { Speaker } from "./speaker.ts";
import { InputUnit } from "./unit.ts";
import { type MultiplierReport, multiplied, multiplierReports } from "./wheels.ts";

/** The LEDs that each unit was told to light, in the units' order; null: none was told. */
type Kept = readonly (number | null)[];

// HID 1.11 §4.2, §4.3.
const BOOT = 1;
const KEYBOARD = 1;
const NO_BYTES = new Uint8Array(0);

export class Keyboards {
  readonly speakers: readonly Speaker[];
  readonly #hid: HidDevice;
  readonly #ctx: Context<InputClass>;
  readonly #multipliers: readonly MultiplierReport[];
  #lit: Kept;
  #isBoot = false;

  constructor(hid: HidDevice, ctx: Context<InputClass>) {
    this.speakers = applicationsOf(hid.collections, hid.name)
      .map((application) => new InputUnit(application, hid.layout, hid))
      .filter(({ isUsed }) => isUsed)
      .map((unit, number) => new Speaker(ctx, unit, number));
    this.#hid = hid;
    this.#ctx = ctx;
    this.#multipliers = multiplierReports(hid.layout);
    const kept = ctx.state.get() as Kept | undefined;
    this.#lit = this.speakers.map((_, number) => kept?.[number] ?? null);
  }

  /** `from`: where it is one of a USB device. Some boot keyboards are silent until their LEDs have been set, and all of them bear that (usbhid_start). */
  async start(from: UsbInterface | undefined): Promise<void> {
    const { interfaceSubclass, interfaceProtocol } = from?.alternate ?? {};
    this.#isBoot = interfaceSubclass === BOOT && interfaceProtocol === KEYBOARD;
    await this.#prepare();
    this.#hid.oninputreport = ({ reportId, bytes }) => {
      for (const speaker of this.speakers) speaker.take(reportId, bytes);
    };
  }

  async light(number: number, mask: number, wait: Wait): Promise<void> {
    await this.#show(number, mask, wait);
    this.#lit = this.#lit.map((lit, at) => (at === number ? mask : lit));
    this.#ctx.state.set(this.#lit);
  }

  rest(): Promise<void> {
    return this.#hid.close();
  }

  async work(): Promise<void> {
    for (const speaker of this.speakers) speaker.unit.forget();
    await this.#hid.open();
    await this.#prepare();
  }

  /** What a device may have forgotten, or an earlier driver left. */
  async #prepare(): Promise<void> {
    await this.#refine();
    for (const [number, lit] of this.#lit.entries()) {
      const mask = lit ?? (this.#isBoot ? 0 : null);
      if (mask !== null) await this.#usual("LEDs", () => this.#show(number, mask));
    }
  }

  async #show(number: number, mask: number, wait?: Wait): Promise<void> {
    for (const { reportId, bytes } of this.speakers[number]!.unit.lights.reports(mask))
      await this.#hid.sendReport(reportId, bytes, wait);
  }

  /** Wheels tell as finely as they can. One that refuses goes on by whole notches, as in Linux (hidinput_change_resolution_multipliers). */
  async #refine(): Promise<void> {
    const refined: MultiplierReport[] = [];
    for (const own of this.#multipliers)
      await this.#usual("resolution of the wheels", async () => {
        const { reportId, hasMore } = own;
        await this.#hid.sendFeatureReport(
          reportId,
          multiplied(own, hasMore ? await this.#feature(reportId) : NO_BYTES),
        );
        refined.push(own);
      });
    for (const { unit } of this.speakers) unit.refine(refined);
  }

  async #feature(reportId: number): Promise<Uint8Array> {
    const view = await this.#hid.receiveFeatureReport(reportId);
    return new Uint8Array(view.buffer, view.byteOffset, view.byteLength).subarray(reportId === 0 ? 0 : 1);
  }

  /** What a keyboard or mouse may do without. */
  async #usual(what: string, run: () => Promise<void>): Promise<void> {
    try {
      await run();
    } catch (error) {
      if (!(error instanceof DeviceError) || error.kind === "disconnected") throw error;
      this.#ctx.log.info(`${what}: ${error.message}`);
    }
  }
}
