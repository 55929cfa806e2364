// Runs in: driver host, jailed. Owns: nothing. Pure: how a Switch Pro Controller is told to rumble: a frequency and an amplitude twice for either side.
// The amplitudes: dekuNukem's Nintendo_Switch_Reverse_Engineering, "rumble_data_table.md"; how they are used: Linux's drivers/hid/hid-nintendo.c
// (joycon_encode_rumble, joycon_set_rumble).

/** Four bytes for the left side, four for the right one. */
export type Rumble = readonly number[];

/** In thousandths, by their number in the protocol. */
const amplitudes = [
  ...[
    0, 10, 12, 14, 17, 20, 24, 28, 33, 40, 47, 56, 67, 80, 95, 112, 117, 123, 128, 134, 140, 146, 152, 159,
    166,
  ],
  ...[
    173, 181, 189, 198, 206, 215, 225, 230, 235, 240, 245, 251, 256, 262, 268, 273, 279, 286, 292, 298, 305,
    311,
  ],
  ...[
    318, 325, 332, 340, 347, 355, 362, 370, 378, 387, 395, 404, 413, 422, 431, 440, 450, 460, 470, 480, 491,
    501,
  ],
  ...[
    512, 524, 535, 547, 559, 571, 584, 596, 609, 623, 636, 650, 665, 679, 694, 709, 725, 741, 757, 773, 790,
    808,
  ],
  ...[825, 843, 862, 881, 900, 920, 940, 960, 981, 1003],
];
const STRONGEST = 1003;
// JC_RUMBLE_DFLT_HIGH_FREQ, 320 Hz, and JC_RUMBLE_DFLT_LOW_FREQ, 160 Hz, as they are sent.
const HIGH_FREQUENCY = [0x00, 0x01] as const;
const LOW_FREQUENCY = 0x40;

/** From 0 to 65535. */
function side(magnitude: number): number[] {
  const wanted = Math.trunc((magnitude * STRONGEST) / 0xffff);
  const number = amplitudes.findIndex((amplitude) => wanted <= amplitude);
  // The low one's has its lowest bit in the byte of the frequency.
  return [
    HIGH_FREQUENCY[0],
    HIGH_FREQUENCY[1] + 2 * number,
    LOW_FREQUENCY + ((number & 1) << 7),
    0x40 + (number >> 1),
  ];
}

/** The strong motor is the left one. */
export const encodeRumble = (strong: number, weak: number): Rumble => [...side(strong), ...side(weak)];
export const STILL: Rumble = encodeRumble(0, 0);
