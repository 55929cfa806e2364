// Runs in: everywhere, a driver's code included. Owns: what is in one report: its controls' values, made of its bytes and made into them.
import { DeviceError } from "../errors.ts";
import { readBits, SLACK_BYTES, writeBits } from "./bits.ts";
import { type ReportField, type ReportLayout, Usages } from "./layout.ts";

const ERROR_ROLL_OVER = 0x0007_0001; // HID Usage Tables 1.12 §10, Keyboard/Keypad page
/** Of a field with more only the lowest 32 are looked at, as in Linux (hid_field_extract). */
const BITS_MAX = 32;

/** How the numbers of one field lie in a report. */
class Places {
  readonly field: ReportField;
  readonly count: number;
  readonly bitOffset: number;
  readonly stride: number;
  readonly bits: number;
  /** As much as a sign needs to be shifted up and down; 0: unsigned. */
  readonly signShift: number;
  readonly minimum: number;
  readonly maximum: number;
  /** What the bits can hold. */
  readonly lowest: number;
  readonly highest: number;

  constructor(field: ReportField) {
    const { reportSize, reportCount, logicalMinimum, logicalMaximum } = field.item;
    const isSigned = logicalMinimum < 0;
    this.field = field;
    this.count = reportCount;
    this.bitOffset = field.bitOffset;
    this.stride = reportSize;
    this.bits = Math.min(reportSize, BITS_MAX);
    this.signShift = isSigned ? 32 - this.bits : 0;
    this.minimum = logicalMinimum;
    this.maximum = logicalMaximum;
    this.lowest = isSigned ? -(2 ** (this.bits - 1)) : 0;
    this.highest = 2 ** (isSigned ? this.bits - 1 : this.bits) - 1;
  }

  read(bytes: Uint8Array, index: number): number {
    const value = readBits(bytes, this.bitOffset + index * this.stride, this.bits);
    return this.minimum < 0 ? (value << this.signShift) >> this.signShift : value;
  }

  write(bytes: Uint8Array, index: number, value: number): void {
    writeBits(bytes, this.bitOffset + index * this.stride, this.bits, value);
  }

  /** A number that the bits can hold and the logical range has not. */
  get outside(): number | undefined {
    if (this.maximum < this.highest) return Math.max(this.lowest, this.maximum + 1);
    return this.minimum > this.lowest ? Math.min(this.highest, this.minimum - 1) : undefined;
  }
}

/** A variable's controls. */
class Variables extends Places {
  /** Of its first value among all of the report's. */
  readonly first: number;
  /** As in Linux (hidinput_hid_event), one without a range has no values outside of it. */
  readonly isNullable: boolean;

  constructor(field: ReportField, first: number) {
    super(field);
    this.first = first;
    this.isNullable = field.item.hasNull && this.minimum < this.maximum;
  }

  decode(bytes: Uint8Array, values: Float64Array): void {
    for (let index = 0; index < this.count; index++) {
      const value = this.read(bytes, index);
      const isNull = this.isNullable && (value < this.minimum || value > this.maximum);
      values[this.first + index] = isNull ? Number.NaN : value;
    }
  }

  encode(bytes: Uint8Array, values: Float64Array): void {
    for (let index = 0; index < this.count; index++) {
      const value = values[this.first + index]!;
      const sent = Number.isNaN(value) && this.isNullable ? this.outside : value;
      if (sent === undefined || !Number.isInteger(sent) || sent < this.lowest || sent > this.highest)
        throw new DeviceError(
          "out-of-range",
          `value ${this.first + index} of a HID report: expected ${this.lowest} to ${this.highest}, found ${value}`,
        );
      this.write(bytes, index, sent);
    }
  }
}

/** An array's places: each holds the number of a usage that is on, or one that means none. */
export class PressedUsages extends Places {
  /** The first `pressedCount` are on. */
  readonly usages: Uint32Array;
  pressedCount = 0;
  readonly #next: Uint32Array;
  readonly #known: Usages;

  constructor(field: ReportField) {
    super(field);
    this.#known = new Usages(field.usages);
    this.usages = new Uint32Array(this.count);
    this.#next = new Uint32Array(this.count);
  }

  decode(bytes: Uint8Array): void {
    let count = 0;
    for (let index = 0; index < this.count; index++) {
      const usage = this.#usageOf(this.read(bytes, index));
      if (usage === ERROR_ROLL_OVER) return; // too many keys to tell which: those before are still on (hid_input_fetch_field)
      if (usage !== undefined) this.#next[count++] = usage;
    }
    for (let index = 0; index < count; index++) this.usages[index] = this.#next[index]!;
    this.pressedCount = count;
  }

  encode(bytes: Uint8Array): void {
    for (let index = 0; index < this.count; index++) {
      const sent = index < this.pressedCount ? this.#numberOf(this.usages[index]!) : this.#none;
      if (sent === undefined)
        throw new DeviceError("invalid", "array of a HID report: it has no number that means no usage");
      this.write(bytes, index, sent);
    }
  }

  has(usage: number): boolean {
    for (let index = 0; index < this.pressedCount; index++) if (this.usages[index] === usage) return true;
    return false;
  }

  /** False: the array has no such usage. */
  press(usage: number): boolean {
    if (this.#numberOf(usage) === undefined) return false;
    if (this.has(usage)) return true;
    if (this.pressedCount === this.count)
      throw new DeviceError(
        "invalid",
        `array of a HID report: expected at most ${this.count} usages on, found one more`,
      );
    this.usages[this.pressedCount++] = usage;
    return true;
  }

  release(usage: number): void {
    for (let index = this.pressedCount - 1; index >= 0; index--)
      if (this.usages[index] === usage) this.usages[index] = this.usages[--this.pressedCount]!;
  }

  /** Usage 0 of every page stands for no control (HID Usage Tables 1.12 §3.1), and so does what is out of range (HID 1.11 §6.2.2.5). */
  #usageOf(number: number): number | undefined {
    if (number < this.minimum || number > this.maximum) return undefined;
    const usage = this.#known.at(number - this.minimum);
    return usage === undefined || (usage & 0xffff) === 0 ? undefined : usage;
  }

  #numberOf(usage: number): number | undefined {
    const number = this.#known.indexOf(usage) + this.minimum;
    return number >= this.lowest && number <= this.highest && this.#usageOf(number) === usage
      ? number
      : undefined;
  }

  get #none(): number | undefined {
    return this.#usageOf(0) === undefined ? 0 : this.outside;
  }
}

/**
 * One report of a layout, again and again. Nothing is allocated after its making. Values are as they are in the report: not clamped to the
 * logical range, not scaled.
 */
export class HidReport {
  readonly layout: ReportLayout;
  /** One for each control of a variable, in their order; NaN: a null state. */
  readonly values: Float64Array;
  /** Whose value that is. */
  readonly usages: Uint32Array;
  readonly arrays: readonly PressedUsages[];
  readonly #variables: readonly Variables[];
  readonly #bytes: Uint8Array;

  constructor(layout: ReportLayout) {
    let first = 0;
    const variables: Variables[] = [];
    for (const field of layout.fields.filter(({ item }) => !item.isArray)) {
      variables.push(new Variables(field, first));
      first += field.item.reportCount;
    }
    this.layout = layout;
    this.values = new Float64Array(first);
    this.usages = Uint32Array.from(variables.flatMap(usagesOf));
    this.arrays = layout.fields.filter(({ item }) => item.isArray).map((field) => new PressedUsages(field));
    this.#variables = variables;
    this.#bytes = new Uint8Array(layout.bytes + SLACK_BYTES);
  }

  /** `bytes`: without the report id. As in Linux (hid_report_raw_event) what is missing is zero, and what is too much is not looked at. */
  decode(bytes: Uint8Array): void {
    const own = this.#bytes;
    const length = Math.min(bytes.length, this.layout.bytes);
    for (let index = 0; index < length; index++) own[index] = bytes[index]!;
    own.fill(0, length);
    for (const variable of this.#variables) variable.decode(own, this.values);
    for (const array of this.arrays) array.decode(own);
  }

  /** As if none had come yet. */
  clear(): void {
    this.values.fill(0);
    for (const array of this.arrays) array.pressedCount = 0;
  }

  /**
   * The report's bytes without its id, padding zero. Throws DeviceError "out-of-range" for a value that its bits cannot hold, and for NaN where
   * there is no null state.
   */
  encode(into: Uint8Array<ArrayBuffer> = new Uint8Array(this.layout.bytes)): Uint8Array<ArrayBuffer> {
    if (into.length < this.layout.bytes)
      throw new DeviceError(
        "invalid",
        `HID report: expected room for ${this.layout.bytes} bytes, found ${into.length}`,
      );
    into.fill(0);
    for (const variable of this.#variables) variable.encode(into, this.values);
    for (const array of this.arrays) array.encode(into);
    return into;
  }

  /** Where `values` has the first control of this usage, from `from` on; -1: nowhere. */
  indexOf(usage: number, from = 0): number {
    return this.usages.indexOf(usage, from);
  }

  /** Undefined: a null state, or no such control. */
  value(usage: number): number | undefined {
    const value = this.values[this.indexOf(usage)];
    return Number.isNaN(value) ? undefined : value;
  }

  /** Undefined: the null state. */
  set(usage: number, value: number | undefined): void {
    const index = this.indexOf(usage);
    if (index === -1) throw noUsage(usage);
    this.values[index] = value ?? Number.NaN;
  }

  /** In an array. */
  isPressed(usage: number): boolean {
    return this.arrays.some((array) => array.has(usage));
  }

  press(usage: number): void {
    if (!this.arrays.some((array) => array.press(usage))) throw noUsage(usage);
  }

  release(usage: number): void {
    for (const array of this.arrays) array.release(usage);
  }

  /** The field of the control that `values` has at `index`. */
  fieldAt(index: number): ReportField {
    return this.#variables.find(({ first, count }) => index < first + count)!.field;
  }
}

function usagesOf({ field, count }: Variables): number[] {
  const usages = new Usages(field.usages);
  const last = field.usages.at(-1)!.maximum;
  return Array.from({ length: count }, (_, index) => usages.at(index) ?? last);
}

const noUsage = (usage: number): DeviceError =>
  new DeviceError("invalid", `usage 0x${usage.toString(16)}: the HID report has none`);
