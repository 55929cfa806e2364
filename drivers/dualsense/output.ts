// Runs in: driver host, jailed. Owns: nothing. Pure: a DualSense's output report: Linux's drivers/hid/hid-playstation.c (struct
// dualsense_output_report_common, DS_OUTPUT_*); of the triggers https://nondebug.github.io/dualsense, for Linux does not know them.
import { TRIGGER_EFFECT_BYTES } from "@ring3/sdk";

export const OUTPUT_ID = 0x02;
/** Without its id. */
export const OUTPUT_BYTES = 47;

// Offsets without the id.
const FLAGS0 = 0;
const FLAGS1 = 1;
const WEAK = 2;
const STRONG = 3;
const MUTE_LIGHT = 8;
const POWER_SAVE = 9;
const RIGHT_TRIGGER = 10;
const LEFT_TRIGGER = 21;
const FLAGS2 = 38;
const LIGHT_SETUP = 41;
const PLAYER = 43;
const LIGHT = 44;

// What of a report is meant.
const RUMBLE = 1 << 0; // of flags 0
const NO_SOUND_HAPTICS = 1 << 1;
const TRIGGER_FLAGS = [1 << 3, 1 << 2] as const; // left, right
const MUTE_LIGHT_FLAG = 1 << 0; // of flags 1
const POWER_SAVE_FLAG = 1 << 1;
const LIGHT_FLAG = 1 << 2;
const PLAYER_FLAG = 1 << 4;
const LIGHT_SETUP_FLAG = 1 << 1; // of flags 2
const RUMBLE_2 = 1 << 2;

const LIGHT_OUT = 2; // of the set-up: ends what the light bar does by itself
const MUTED = 1 << 4; // of the power saving

/** From five lights in a row, as the console has them: the first player's is the middle one. */
const playerLights = [0, 0b00100, 0b01010, 0b10101, 0b11011, 0b11111];

export type TriggerEffect = { readonly mode: number; readonly parameters: readonly number[] };

type Output = Uint8Array<ArrayBuffer>;
const output = (values: Readonly<Record<number, number>>): Output => {
  const report = new Uint8Array(OUTPUT_BYTES);
  for (const [at, value] of Object.entries(values)) report[Number(at)] = value;
  return report;
};

/** Which rumble a controller knows: of the firmware's feature version 2.21 on, another one. "either": to stop any. */
export type RumbleKind = "first" | "second" | "either";

/** Both from 0 to 65535. */
export const rumble = (strong: number, weak: number, kind: RumbleKind): Output =>
  output({
    [FLAGS0]: NO_SOUND_HAPTICS | (kind === "second" ? 0 : RUMBLE),
    [FLAGS2]: kind === "first" ? 0 : RUMBLE_2,
    [WEAK]: weak >> 8,
    [STRONG]: strong >> 8,
  });

export const lightSetup = (): Output => output({ [FLAGS2]: LIGHT_SETUP_FLAG, [LIGHT_SETUP]: LIGHT_OUT });

export const light = (red: number, green: number, blue: number): Output =>
  output({ [FLAGS1]: LIGHT_FLAG, [LIGHT]: red, [LIGHT + 1]: green, [LIGHT + 2]: blue });

/** Players from the sixth on begin anew. */
export const player = (number: number): Output =>
  output({ [FLAGS1]: PLAYER_FLAG, [PLAYER]: playerLights[number === 0 ? 0 : ((number - 1) % 5) + 1]! });

/** The microphone and the light below its button. */
export const mute = (isMuted: boolean): Output =>
  output({
    [FLAGS1]: MUTE_LIGHT_FLAG | POWER_SAVE_FLAG,
    [MUTE_LIGHT]: isMuted ? 1 : 0,
    [POWER_SAVE]: isMuted ? MUTED : 0,
  });

/** `side` 0: left, 1: right. */
export function trigger(side: 0 | 1, { mode, parameters }: TriggerEffect): Output {
  const report = output({ [FLAGS0]: TRIGGER_FLAGS[side] });
  report.set([mode, ...parameters.slice(0, TRIGGER_EFFECT_BYTES)], side === 0 ? LEFT_TRIGGER : RIGHT_TRIGGER);
  return report;
}
