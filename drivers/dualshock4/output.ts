// Runs in: driver host, jailed. Owns: nothing. Pure: a DualShock 4's output report: Linux's drivers/hid/hid-playstation.c (struct
// dualshock4_output_report_common, dualshock4_output_worker).

export const OUTPUT_ID = 0x05;
/** Without its id. */
export const OUTPUT_BYTES = 31;
const RUMBLE = 1 << 0;
const LIGHT = 1 << 1;

export type Colour = readonly [red: number, green: number, blue: number];

/** As the console has them: blue, red, green, pink. */
const playerColours: readonly Colour[] = [
  [0, 0, 0x40],
  [0x40, 0, 0],
  [0, 0x40, 0],
  [0x20, 0, 0x20],
];
const DARK: Colour = [0, 0, 0];

/** Players from the fifth on begin anew. */
export const playerColour = (number: number): Colour =>
  number === 0 ? DARK : playerColours[(number - 1) % playerColours.length]!;

export interface Output {
  /** Motors, from 0 to 65535. */
  readonly strong: number;
  readonly weak: number;
  readonly colour: Colour;
}

/** Motors and light in each report, for there are copies that take what is not said for none. */
export function output({ strong, weak, colour }: Output): Uint8Array<ArrayBuffer> {
  const report = new Uint8Array(OUTPUT_BYTES);
  report.set([RUMBLE | LIGHT, 0, 0, weak >> 8, strong >> 8, ...colour]);
  return report;
}
