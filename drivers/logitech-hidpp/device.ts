// Runs in: driver host, jailed. Owns: one HID++ device: what it can do, what it is told, and what of that it is told again.
import {
  Changes,
  type Context,
  DeviceError,
  type HidDevice,
  type InputClass,
  tolerate,
  type Wait,
} from "@ring3/sdk";
import { type Battery, batteryLevel, type Power, saysPercent, unifiedBattery } from "./battery.ts";
import {
  BUTTONS,
  buttonFunctions,
  codesOfButtons,
  diversion,
  pressedButtons,
  specialButton,
} from "./buttons.ts";
import { Keys } from "./keys.ts";
import { Link } from "./link.ts";
import { unasked } from "./packets.ts";
import {
  currentResolution,
  nearest,
  RESOLUTION,
  resolutionFunctions,
  resolutions,
  SENSOR,
  settingOf,
} from "./resolution.ts";
import { type Abilities, pressedKeys } from "./unit.ts";

/** `speaks`: it has answered in HID++. */
type Kept = { readonly speaks?: boolean; readonly dpi?: number };

/** What it refuses, or is too busy for, it does without. */
const LACKING = ["unsupported", "busy"] as const;
const CAPABILITIES = 0; // of the unified battery: a function

export class HidppDevice {
  readonly #hid: HidDevice;
  readonly #ctx: Context<InputClass>;
  readonly #link: Link;
  readonly #keys: Keys;
  readonly #told: Changes<InputClass, "keys">;
  readonly #power: Changes<InputClass, "power">;
  #kept: Kept;
  #battery: { readonly kind: Battery; readonly isPercent: boolean } | undefined;
  /** 0: not known. */
  #percent = 0;
  #resolutions: readonly number[] = [];
  #dpi = 0;
  #buttons: ReadonlyMap<number, number> = new Map();
  #down: readonly number[] = [];
  #isStarted = false;
  /** In the order in which they were pressed. */
  #pressed: readonly number[] = [];

  constructor(hid: HidDevice, ctx: Context<InputClass>) {
    this.#hid = hid;
    this.#ctx = ctx;
    this.#link = new Link(hid, ctx);
    this.#keys = new Keys(hid.layout);
    this.#told = new Changes(ctx, "keys");
    this.#power = new Changes(ctx, "power");
    this.#kept = (ctx.state.get() as Kept | undefined) ?? {};
  }

  get abilities(): Abilities {
    return {
      codes: [...this.#keys.codes, ...this.#buttons.values()],
      types: this.#keys.types,
      hasPower: this.#battery !== undefined,
      hasResolution: this.#resolutions.length > 0,
      dpi: this.#dpi,
    };
  }

  /** From whatever state it is in. Rejects with DeviceError. Undefined: it is started; else why it is none. */
  async start(): Promise<string | undefined> {
    this.#hid.oninputreport = ({ reportId, bytes }) => this.#take(reportId, bytes);
    const greeting = await this.#link.greet();
    if (greeting === "1.0") return "it speaks HID++ 1.0";
    // One that has spoken before hangs: it is left to another driver only where the manager drops the state, before the last attempt.
    if (greeting === "silent" && this.#kept.speaks !== true) return "it does not answer in HID++";
    if (greeting === "silent")
      throw new DeviceError(
        "timeout",
        `${this.#hid.name}: HID++ ping: it does not answer (plugged in anew, it may)`,
      );
    this.#keep({ speaks: true });
    this.#ctx.log.info("HID++", { version: `${greeting.major}.${greeting.minor}` });
    await tolerate(this.#ctx.log, this.#startBattery(), LACKING);
    await tolerate(this.#ctx.log, this.#startResolution(), LACKING);
    await tolerate(this.#ctx.log, this.#startButtons(), LACKING);
    this.#isStarted = true;
    this.#tellKeys();
    return undefined;
  }

  /** The nearest that it has. */
  async resolve(dpi: number, wait: Wait): Promise<void> {
    await this.#setResolution(dpi, wait);
    this.#keep({ dpi: this.#dpi });
    this.#ctx.emit("resolution", { dpi: this.#dpi });
  }

  async rest(): Promise<void> {
    await this[Symbol.asyncDispose]();
    await this.#hid.close();
  }

  async work(): Promise<void> {
    this.#keys.forget();
    this.#down = [];
    this.#isStarted = false;
    await this.#hid.open();
    const why = await this.start();
    if (why !== undefined) throw new DeviceError("protocol", why);
  }

  /** Buttons do again what they do by themselves. Nobody listens for answers any more. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#hid.opened) return;
    try {
      for (const id of this.#buttons.keys())
        await this.#link.tell(BUTTONS, buttonFunctions.report, diversion(id, false), {});
    } catch (error) {
      if (!(error instanceof DeviceError)) throw error;
      if (error.kind !== "disconnected") this.#ctx.log.warn(`buttons not given back: ${error.message}`);
    }
  }

  #keep(change: Kept): void {
    this.#kept = { ...this.#kept, ...change };
    this.#ctx.state.set(this.#kept);
  }

  async #startBattery(): Promise<void> {
    this.#battery = undefined;
    for (const kind of [unifiedBattery, batteryLevel]) {
      const { feature, status } = kind;
      if (!(await this.#link.has(feature))) continue;
      const isPercent =
        kind !== unifiedBattery || saysPercent(await this.#link.call(feature, CAPABILITIES, [], "battery"));
      const parameters = await this.#link.call(feature, status, [], "battery");
      this.#battery = { kind, isPercent };
      this.#tellPower(parameters);
      return;
    }
  }

  async #startResolution(): Promise<void> {
    this.#resolutions = [];
    if (!(await this.#link.has(RESOLUTION))) return;
    const list = await this.#link.call(RESOLUTION, resolutionFunctions.list, [SENSOR], "list of resolutions");
    this.#dpi = await this.#resolution();
    this.#resolutions = resolutions(list);
    const { dpi } = this.#kept;
    if (dpi !== undefined) await tolerate(this.#ctx.log, this.#setResolution(dpi), LACKING);
  }

  async #setResolution(dpi: number, wait?: Wait): Promise<void> {
    const setting = settingOf(nearest(dpi, this.#resolutions));
    await this.#link.call(RESOLUTION, resolutionFunctions.set, setting, `resolution ${dpi}`, wait);
    this.#dpi = await this.#resolution(wait);
  }

  async #resolution(wait?: Wait): Promise<number> {
    const { get } = resolutionFunctions;
    return currentResolution(await this.#link.call(RESOLUTION, get, [SENSOR], "resolution", wait));
  }

  async #startButtons(): Promise<void> {
    this.#buttons = new Map();
    if (!(await this.#link.has(BUTTONS))) return;
    const { count, info, report } = buttonFunctions;
    const [controls = 0] = await this.#link.call(BUTTONS, count, [], "number of buttons");
    const ids: number[] = [];
    for (let at = 0; at < controls; at++) {
      const id = specialButton(await this.#link.call(BUTTONS, info, [at], `button ${at}`));
      if (id !== undefined) ids.push(id);
    }
    this.#buttons = codesOfButtons(ids);
    for (const id of this.#buttons.keys()) {
      const what = `button ${id.toString(16)}`;
      await tolerate(this.#ctx.log, this.#link.call(BUTTONS, report, diversion(id, true), what), LACKING);
    }
  }

  #take(reportId: number, bytes: Uint8Array): void {
    this.#link.take(reportId, bytes);
    this.#keys.take(reportId, bytes);
    const said = unasked(reportId, bytes);
    const feature = said?.event === 0 ? this.#link.featureAt(said.index) : undefined;
    if (said !== undefined && feature !== undefined) this.#hear(feature, said.parameters);
    this.#tellKeys();
  }

  #hear(feature: number, parameters: Uint8Array): void {
    if (feature === BUTTONS) this.#down = pressedButtons(parameters, this.#buttons);
    if (feature === this.#battery?.kind.feature) this.#tellPower(parameters);
  }

  #tellKeys(): void {
    if (!this.#isStarted || this.abilities.codes.length === 0) return;
    const now = new Set([...this.#keys.down, ...this.#down]);
    this.#pressed = [...this.#pressed.filter((code) => now.delete(code)), ...now];
    this.#told.tell(pressedKeys(this.#pressed));
  }

  #tellPower(parameters: Uint8Array): void {
    const { kind, isPercent } = this.#battery!;
    const { percent, charging }: Power = kind.decode(parameters, isPercent);
    this.#percent = percent ?? this.#percent;
    this.#power.tell({ percent: this.#percent, charging });
  }
}
