// Runs in: driver host, jailed. Owns: one Switch Pro Controller: how it is started, what it is told, and what of that it is told again.
import {
  Changes,
  type Context,
  DeviceError,
  type Gamepad,
  type HidDevice,
  Motors,
  type Wait,
} from "@ring3/sdk";
import {
  decodeSensors,
  decodeSticks,
  factorySensors,
  factorySticks,
  type Place,
  userSensors,
  userSticks,
} from "./calibration.ts";
import { type Calibration, decodeInput, type SwitchInput } from "./input.ts";
import { Link } from "./link.ts";
import { FULL_REPORTS, INPUT_ID, PRO_CONTROLLER, playerLights, subcommands, usbCommands } from "./packets.ts";
import { encodeRumble } from "./rumble.ts";

/** It stops by itself when it has not been told for a while (JC_RUMBLE_PERIOD_MS). */
const RUMBLE_AGAIN_MS = 50;
/** Of its sensors' samples, three in a report. */
const SAMPLE_US = 5000;
const FIRST_PLAYER = 1;

type Kept = { readonly player: number };

export class SwitchPro {
  readonly #hid: HidDevice;
  readonly #ctx: Context<Gamepad>;
  readonly #link: Link;
  readonly #motors: Motors;
  readonly #state: Changes<Gamepad, "state">;
  readonly #power: Changes<Gamepad, "power">;
  #calibration: Calibration | undefined;
  #strong = 0;
  #weak = 0;
  #rumbledMs = 0;
  #sampledUs = 0;

  constructor(hid: HidDevice, ctx: Context<Gamepad>) {
    this.#hid = hid;
    this.#ctx = ctx;
    this.#link = new Link(hid, ctx);
    this.#motors = ctx.scope.use(
      new Motors(ctx, (strong, weak, _, wait) => {
        this.#strong = strong;
        this.#weak = weak;
        return this.#rumble(wait);
      }),
    );
    this.#state = new Changes(ctx, "state");
    this.#power = new Changes(ctx, "power");
  }

  /** From whatever state it is in. Rejects with DeviceError. Undefined: it is started; else why it is none. */
  async start(): Promise<string | undefined> {
    this.#calibration = undefined;
    this.#hid.oninputreport = ({ reportId, bytes }) => this.#take(reportId, bytes);
    await this.#motors.stop();
    await this.#greet();
    const info = await this.#link.subcommand(subcommands.deviceInfo, [], "what it is");
    const [major, minor, kind] = info.data;
    if (kind !== PRO_CONTROLLER) return `it says that it is of kind ${kind}, and not a Pro Controller`;
    this.#ctx.log.info("Switch Pro Controller", { firmware: `${major}.${minor}` });
    const calibration = {
      sticks: decodeSticks(await this.#flash(userSticks), await this.#flash(factorySticks)),
      sensors: decodeSensors(await this.#flash(userSensors), await this.#flash(factorySensors)),
    };
    await this.#link.subcommand(subcommands.reportMode, [FULL_REPORTS], "full reports");
    await this.#link.subcommand(subcommands.vibration, [1], "vibration");
    await this.#link.subcommand(subcommands.motionSensors, [1], "motion sensors");
    const { player = FIRST_PLAYER } = (this.#ctx.state.get() as Kept | undefined) ?? {};
    await this.#link.subcommand(subcommands.playerLights, [playerLights(player)], "player lights");
    this.#calibration = calibration;
    return undefined;
  }

  rumble(input: { strong: number; weak: number; durationMs: number }, wait: Wait): Promise<void> {
    return this.#motors.run(input, wait);
  }

  async player(number: number, wait: Wait): Promise<void> {
    await this.#link.subcommand(subcommands.playerLights, [playerLights(number)], "player lights", wait);
    this.#ctx.state.set({ player: number } satisfies Kept);
  }

  async rest(): Promise<void> {
    await this.#motors.stop();
    await this.#hid.close();
  }

  async work(): Promise<void> {
    this.#state.forget();
    this.#power.forget();
    await this.#hid.open();
    const why = await this.start();
    if (why !== undefined) throw new DeviceError("protocol", why);
  }

  /** Out of Bluetooth's ways and into USB's: joycon_init, and the question that the console begins with, to which some do not answer. */
  async #greet(): Promise<void> {
    const { status, handshake, baudRate3M, noTimeout } = usbCommands;
    await this.#link.usb(status, "status", 1).catch(onlyTimeouts);
    await this.#link.usb(handshake, "handshake");
    await this.#link.usb(baudRate3M, "baud rate");
    await this.#link.usb(handshake, "second handshake");
    await this.#link.usbUnanswered(noTimeout);
  }

  /** Empty where it does not let it be read: then sticks and sensors are told as those of a usual one. */
  async #flash({ address, length }: Place): Promise<Uint8Array> {
    const what = `flash at ${address.toString(16)}`;
    return await this.#link.flash(address, length, what).catch((error) => {
      onlyTimeouts(error);
      this.#ctx.log.warn(`calibration: ${error.message}`);
      return new Uint8Array(0);
    });
  }

  #take(reportId: number, bytes: Uint8Array): void {
    this.#link.take(reportId, bytes);
    if (reportId !== INPUT_ID || this.#calibration === undefined) return;
    const input = decodeInput(bytes, this.#calibration);
    if (input === undefined) return;
    this.#state.tell(input.state);
    this.#power.tell(input.power);
    this.#sample(input.motions);
    if (this.#strong + this.#weak > 0 && this.#ctx.now() - this.#rumbledMs >= RUMBLE_AGAIN_MS)
      this.#rumble({ signal: this.#ctx.signal }).catch((error) => {
        if (!(error instanceof DeviceError)) throw error;
        if (error.kind !== "disconnected") this.#ctx.log.warn(error.message);
      });
  }

  /** Between the report before and this one, at their own pace where one was lost. */
  #sample(motions: SwitchInput["motions"]): void {
    const nowUs = this.#ctx.timestampUs();
    const step = Math.min(SAMPLE_US, Math.floor((nowUs - this.#sampledUs) / Math.max(1, motions.length)));
    this.#sampledUs = nowUs;
    for (const [index, motion] of motions.entries())
      this.#ctx.emit("motion", { ...motion, timestampUs: nowUs - (motions.length - 1 - index) * step });
  }

  async #rumble(wait: Wait): Promise<void> {
    this.#rumbledMs = this.#ctx.now();
    await this.#link.rumble(encodeRumble(this.#strong, this.#weak), wait);
  }
}

function onlyTimeouts(error: unknown): void {
  if (!(error instanceof DeviceError) || error.kind !== "timeout") throw error;
}
