// Runs in: everywhere. Owns: nothing. Pure: numbers that begin and end at any bit of a report, least significant first (HID 1.11 §5.6).

/** Behind the last byte that `readBits` needs there must be so many more. */
export const SLACK_BYTES = 4;

/** An unsigned number of 1 to 32 bits. */
export function readBits(bytes: Uint8Array, offset: number, bits: number): number {
  const at = offset >>> 3;
  const shift = offset & 7;
  let value =
    (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> shift;
  if (shift + bits > 32) value |= bytes[at + 4]! << (32 - shift);
  return bits === 32 ? value >>> 0 : value & ((1 << bits) - 1);
}

/** The lowest `bits` of a number, 1 to 32; a negative one as a two's complement. */
export function writeBits(bytes: Uint8Array, offset: number, bits: number, value: number): void {
  for (let done = 0; done < bits; ) {
    const at = (offset + done) >>> 3;
    const shift = (offset + done) & 7;
    const mask = (0xff << shift) & (0xff >> Math.max(0, 8 - shift - (bits - done)));
    bytes[at] = (bytes[at]! & ~mask) | (((value >>> done) << shift) & mask);
    done += 8 - shift;
  }
}
