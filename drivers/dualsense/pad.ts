// Runs in: driver host, jailed. Owns: what one DualSense is told, and what of that the next driver and a wake-up must tell it again.
import {
  Changes,
  type Context,
  DeviceError,
  type Gamepad,
  type HidDevice,
  playstation,
  type UsbBytes,
  type Wait,
} from "@ring3/sdk";
import { decodeFirmware } from "./firmware.ts";
import { dualSense, isMutePressed } from "./kind.ts";
import {
  light,
  lightSetup,
  mute,
  player,
  type RumbleKind,
  rumble,
  type TriggerEffect,
  trigger,
} from "./output.ts";

/** A steady blue: as Linux has it before anybody says otherwise. */
const BLUE = [0, 0, 128] as const;

type Kept = {
  readonly light?: readonly [red: number, green: number, blue: number];
  readonly player?: number;
  readonly isMuted?: boolean;
  readonly triggers?: readonly (TriggerEffect | null)[];
};

export class DualSense {
  readonly pad: playstation.Pad;
  readonly #ctx: Context<Gamepad>;
  readonly #lights: Changes<Gamepad, "lights">;
  #rumble: RumbleKind = "either";
  #kept: Kept;
  #wasMutePressed = false;
  #wantsMuted: boolean;
  #isMuting = false;

  constructor(hid: HidDevice, ctx: Context<Gamepad>) {
    this.#ctx = ctx;
    this.#lights = new Changes(ctx, "lights");
    this.#kept = (ctx.state.get() as Kept | undefined) ?? {};
    this.#wantsMuted = this.#kept.isMuted === true;
    this.pad = new playstation.Pad(hid, ctx, dualSense, {
      rumble: (strong, weak, wait) => this.#send(rumble(strong, weak, this.#rumble), wait),
      firmware: (report) => {
        const { version, rumble } = decodeFirmware(report, hid.productId);
        this.#rumble = rumble;
        ctx.log.info("DualSense", { firmware: `0x${version.toString(16).padStart(8, "0")}` });
      },
      show: () => this.#show(),
      input: (bytes, isFirst) => this.#heed(isMutePressed(bytes), isFirst),
    });
  }

  async light(red: number, green: number, blue: number, wait: Wait): Promise<void> {
    await this.#send(light(red, green, blue), wait);
    this.#keep({ light: [red, green, blue] });
    this.#tellLights();
  }

  async player(number: number, wait: Wait): Promise<void> {
    await this.#send(player(number), wait);
    this.#keep({ player: number });
    this.#tellLights();
  }

  #tellLights(): void {
    const { light: [red, green, blue] = BLUE, player = this.#ctx.device.ordinal } = this.#kept;
    this.#lights.tell({ red, green, blue, player });
  }

  async trigger(side: number, effect: TriggerEffect, wait: Wait): Promise<void> {
    if (side !== 0 && side !== 1)
      throw new DeviceError("invalid", `side of a trigger effect: expected 0 or 1, found ${side}`);
    await this.#send(trigger(side, effect), wait);
    const triggers = [...(this.#kept.triggers ?? [null, null])];
    triggers[side] = effect;
    this.#keep({ triggers });
  }

  /** Rejects with the first refusal; the others are told all the same. */
  async #show(): Promise<void> {
    const { isMuted, triggers = [] } = this.#kept;
    const refusals: DeviceError[] = [];
    const told = async (report: UsbBytes): Promise<boolean> => {
      try {
        await this.#send(report);
        return true;
      } catch (error) {
        if (!(error instanceof DeviceError) || error.kind !== "stall") throw error;
        refusals.push(error);
        return false;
      }
    };
    await told(lightSetup());
    const isLit = await told(light(...(this.#kept.light ?? BLUE)));
    const isNumbered = await told(player(this.#kept.player ?? this.#ctx.device.ordinal));
    if (isLit && isNumbered) this.#tellLights();
    if (isMuted !== undefined) await told(mute(isMuted));
    for (const [side, effect] of triggers.entries())
      if (effect !== null) await told(trigger(side as 0 | 1, effect));
    if (refusals[0] !== undefined) throw refusals[0];
  }

  /** As Linux mutes the microphone: nobody else would, for that is on another interface. Who held the button before is not pressing it now. */
  #heed(isPressed: boolean, isFirst: boolean): void {
    if (isPressed && !this.#wasMutePressed && !isFirst) {
      this.#wantsMuted = !this.#wantsMuted;
      if (!this.#isMuting) void this.#mute();
    }
    this.#wasMutePressed = isPressed;
  }

  /** One report at a time, however often the button is pressed meanwhile. */
  async #mute(): Promise<void> {
    const isMuted = (): boolean => this.#kept.isMuted === true;
    this.#isMuting = true;
    try {
      while (this.#wantsMuted !== isMuted()) {
        const wanted = this.#wantsMuted;
        await this.#send(mute(wanted));
        this.#keep({ isMuted: wanted });
      }
    } catch (error) {
      if (!(error instanceof DeviceError)) throw error;
      this.#wantsMuted = isMuted();
      if (error.kind !== "disconnected") this.#ctx.log.warn(`DualSense: microphone: ${error.message}`);
    } finally {
      this.#isMuting = false;
    }
  }

  #keep(change: Kept): void {
    this.#kept = { ...this.#kept, ...change };
    this.#ctx.state.set(this.#kept);
  }

  #send(report: UsbBytes, wait?: Wait): Promise<void> {
    return this.pad.send(report, wait);
  }
}
