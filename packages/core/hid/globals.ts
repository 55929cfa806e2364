// Runs in: everywhere. Owns: nothing. Pure: the global items of a HID report descriptor, and the stack that they are pushed on (HID 1.11 §6.2.2.7).
import { type Item, refuse } from "./items.ts";
import { PUSHED_MAX, REPORT_SIZE_MAX, USAGES_MAX } from "./limits.ts";

/** Data that mean another number once the other end of the range is known. */
type Extent = Pick<Item, "signed" | "unsigned">;
const ZERO: Extent = { signed: 0, unsigned: 0 };

interface Globals {
  usagePage: number;
  logicalMinimum: Extent;
  logicalMaximum: Extent;
  physicalMinimum: Extent;
  physicalMaximum: Extent;
  unitExponent: number;
  unit: number;
  reportSize: number;
  /** 0: no report has an id. */
  reportId: number;
  reportCount: number;
}

const NOTHING: Globals = {
  usagePage: 0,
  logicalMinimum: ZERO,
  logicalMaximum: ZERO,
  physicalMinimum: ZERO,
  physicalMaximum: ZERO,
  unitExponent: 0,
  unit: 0,
  reportSize: 0,
  reportId: 0,
  reportCount: 0,
};

export class GlobalItems {
  #now: Globals = { ...NOTHING };
  readonly #pushed: Globals[] = [];

  get now(): Readonly<Globals> {
    return this.#now;
  }

  apply(item: Item): void {
    const { offset, tag, unsigned } = item;
    switch (tag) {
      case 0:
        this.#now.usagePage = unsigned & 0xffff;
        break;
      case 1:
        this.#now.logicalMinimum = item;
        break;
      case 2:
        this.#now.logicalMaximum = item;
        break;
      case 3:
        this.#now.physicalMinimum = item;
        break;
      case 4:
        this.#now.physicalMaximum = item;
        break;
      case 5:
        this.#now.unitExponent = exponent(item);
        break;
      case 6:
        this.#now.unit = unsigned;
        break;
      case 7:
        if (unsigned > REPORT_SIZE_MAX) refuse(offset, "Report Size", `at most ${REPORT_SIZE_MAX}`, unsigned);
        this.#now.reportSize = unsigned;
        break;
      case 8:
        if (unsigned < 1 || unsigned > 255) refuse(offset, "Report ID", "1 to 255", unsigned);
        this.#now.reportId = unsigned;
        break;
      case 9:
        if (unsigned > USAGES_MAX) refuse(offset, "Report Count", `at most ${USAGES_MAX}`, unsigned);
        this.#now.reportCount = unsigned;
        break;
      case 10:
        if (this.#pushed.length === PUSHED_MAX)
          refuse(offset, "Push", `at most ${PUSHED_MAX} at a time`, "one more");
        this.#pushed.push({ ...this.#now });
        break;
      case 11:
        this.#now = this.#pushed.pop() ?? refuse(offset, "Pop", "a Push before it", "none");
        break;
      default:
        refuse(offset, "global item", "a tag from 0 to 11", tag); // as Linux does, hid_parser_global
    }
  }
}

/** Devices send a nibble or a whole two's complement; so does Linux read it, hid_parser_global. */
function exponent({ signed }: Item): number {
  return signed >= 0 && signed <= 0x0f ? nibble(signed) : signed;
}

/** The low four bits as a two's complement. */
export const nibble = (bits: number): number => (bits << 28) >> 28;

/**
 * A negative minimum makes both ends two's complements (§6.2.2.7). Devices that mean 128 by a maximum of one byte 0x80 below a negative
 * minimum are believed.
 */
export function range(minimum: Extent, maximum: Extent): { minimum: number; maximum: number } {
  const isSigned = minimum.signed < 0 && maximum.signed >= minimum.signed;
  return { minimum: minimum.signed, maximum: isSigned ? maximum.signed : maximum.unsigned };
}
