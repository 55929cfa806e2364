// Runs in: driver host, jailed. Owns: one Switch Pro Controller: how it is started, what it is told, and what of that it is told again.
import {
  Changes,
  type Context,
  DeviceError,
  type Gamepad,
  type HidDevice,
  Motors,
  tolerate,
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
import { Link, NEXT_STEP } from "./link.ts";
import {
  FULL_REPORTS,
  INPUT_ID,
  PRO_CONTROLLER,
  playerLights,
  type Reply,
  subcommands,
  usbCommands,
} from "./packets.ts";
import { encodeRumble, STILL } from "./rumble.ts";

/** Of its sensors' samples, three in a report. */
const SAMPLE_US = 5000;
/** It reports each 15 ms at the latest. */
const REPORT_MS = 1000;
const PLAYER_LIGHTS = "player lights";

type Kept = { readonly player: number };

export class SwitchPro {
  readonly #hid: HidDevice;
  readonly #ctx: Context<Gamepad>;
  readonly #link: Link;
  readonly #motors: Motors;
  readonly #state: Changes<Gamepad, "state">;
  readonly #power: Changes<Gamepad, "power">;
  readonly #lights: Changes<Gamepad, "lights">;
  #calibration: Calibration | undefined;
  #sampledUs = 0;
  /** Its first full report since it was told to send them. */
  #reported = Promise.withResolvers<void>();

  constructor(hid: HidDevice, ctx: Context<Gamepad>) {
    this.#hid = hid;
    this.#ctx = ctx;
    this.#link = new Link(hid, ctx);
    this.#motors = ctx.scope.use(
      new Motors(ctx, (strong, weak, _, wait) =>
        this.#link.rumble(strong + weak === 0 ? STILL : encodeRumble(strong, weak), wait),
      ),
    );
    this.#state = new Changes(ctx, "state");
    this.#power = new Changes(ctx, "power");
    this.#lights = new Changes(ctx, "lights");
  }

  /** From whatever state it is in. Rejects with DeviceError. Undefined: it is started; else why it is none. */
  async start(): Promise<string | undefined> {
    this.#calibration = undefined;
    this.#hid.oninputreport = ({ reportId, bytes }) => this.#take(reportId, bytes);
    await this.#motors.settle();
    await this.#greet();
    const info = await this.#set(subcommands.deviceInfo, [], "what it is");
    const [major, minor, kind] = info.data;
    if (info.isAccepted && kind !== PRO_CONTROLLER)
      return `it says that it is of kind ${kind}, and not a Pro Controller`;
    this.#ctx.log.info("Switch Pro Controller", { firmware: `${major}.${minor}` });
    const calibration = {
      sticks: decodeSticks(await this.#flash(userSticks), await this.#flash(factorySticks)),
      sensors: decodeSensors(await this.#flash(userSensors), await this.#flash(factorySensors)),
    };
    this.#reported = Promise.withResolvers();
    await this.#set(subcommands.reportMode, [FULL_REPORTS], "full reports");
    const { player = this.#ctx.device.ordinal } = (this.#ctx.state.get() as Kept | undefined) ?? {};
    for (const [id, value, what] of [
      [subcommands.vibration, 1, "vibration"],
      [subcommands.motionSensors, 1, "motion sensors"],
    ] as const)
      await tolerate(this.#ctx.log, this.#set(id, [value], what));
    await tolerate(this.#ctx.log, this.#show(player));
    this.#calibration = calibration;
    this.#link.pace.keep();
    await this.#hears();
    return undefined;
  }

  /** One may answer to all that it is told, and send no input all the same. */
  async #hears(): Promise<void> {
    const { promise } = this.#reported;
    const isHeard = await Promise.race([promise.then(() => true), this.#ctx.sleep(REPORT_MS)]);
    if (isHeard !== true)
      throw new DeviceError(
        "timeout",
        `${this.#ctx.device.id}: full reports: the controller was told to send them and sends none (${NEXT_STEP})`,
      );
  }

  rumble(input: { strong: number; weak: number; durationMs: number }, wait: Wait): Promise<void> {
    return this.#motors.run(input, wait);
  }

  async player(number: number, wait: Wait): Promise<void> {
    const lights = [playerLights(number)];
    const { isAccepted } = await this.#link.subcommand(subcommands.playerLights, lights, PLAYER_LIGHTS, wait);
    if (!isAccepted)
      throw new DeviceError(
        "unsupported",
        `${this.#ctx.device.id}: the controller refuses its player lights`,
      );
    this.#ctx.state.set({ player: number } satisfies Kept);
    this.#tellPlayer(number);
  }

  async #show(player: number): Promise<void> {
    const { isAccepted } = await this.#set(subcommands.playerLights, [playerLights(player)], PLAYER_LIGHTS);
    if (isAccepted) this.#tellPlayer(player);
  }

  #tellPlayer(player: number): void {
    this.#lights.tell({ red: 0, green: 0, blue: 0, player });
  }

  async rest(): Promise<void> {
    await this.#motors.settle();
    this.#link.pace.drop();
    await this.#hid.close();
  }

  async work(): Promise<void> {
    await this.#hid.open();
    const why = await this.start();
    if (why !== undefined)
      throw new DeviceError("protocol", `${this.#ctx.device.id}: after a rest ${why}; plug it in again`);
  }

  /**
   * Out of Bluetooth's ways and into USB's: joycon_init, and the question that the console begins with, to which some do not answer. Who does not shake
   * hands is spoken to as it is.
   */
  async #greet(): Promise<void> {
    const { status, handshake, baudRate3M, noTimeout } = usbCommands;
    await this.#link.usb(status, "status", 1).catch(onlyTimeouts);
    if (!(await tolerate(this.#ctx.log, this.#link.usb(handshake, "handshake")))) return;
    await tolerate(this.#ctx.log, this.#link.usb(baudRate3M, "baud rate"));
    await this.#link.usb(handshake, "second handshake");
    await this.#link.usbUnanswered(noTimeout);
  }

  /** An answer is one, whatever it says (joycon_ctlr_handle_event). */
  async #set(id: number, data: readonly number[], what: string): Promise<Reply> {
    const reply = await this.#link.subcommand(id, data, what);
    if (!reply.isAccepted) this.#ctx.log.warn(`goes on without: ${what}, which the controller refuses`);
    return reply;
  }

  /** Empty where it does not let it be read: then sticks and sensors are told as those of a usual one. */
  async #flash({ address, length }: Place): Promise<Uint8Array> {
    const what = `flash at ${address.toString(16)}`;
    const read = await this.#link.flash(address, length, what).catch((error) => {
      onlyTimeouts(error);
      return new Uint8Array(0);
    });
    if (read.length === 0) this.#ctx.log.warn(`calibration: the controller does not tell its ${what}`);
    return read;
  }

  #take(reportId: number, bytes: Uint8Array): void {
    this.#link.take(reportId, bytes);
    if (reportId !== INPUT_ID) return;
    this.#reported.resolve();
    if (this.#calibration === undefined) return;
    const input = decodeInput(bytes, this.#calibration);
    if (input === undefined) return;
    this.#state.tell(input.state);
    this.#power.tell(input.power);
    this.#sample(input.motions);
  }

  /** Between the report before and this one, at their own pace where one was lost. */
  #sample(motions: SwitchInput["motions"]): void {
    const nowUs = this.#ctx.timestampUs();
    const step = Math.min(SAMPLE_US, Math.floor((nowUs - this.#sampledUs) / Math.max(1, motions.length)));
    this.#sampledUs = nowUs;
    for (const [index, motion] of motions.entries())
      this.#ctx.emit("motion", { ...motion, timestampUs: nowUs - (motions.length - 1 - index) * step });
  }
}

function onlyTimeouts(error: unknown): void {
  if (!(error instanceof DeviceError) || error.kind !== "timeout") throw error;
}
