// Runs in: everywhere, a driver's code included. Owns: where each control lies in a device's reports.
import type { HidCollectionInfo, HidReportItem } from "./collections.ts";
import type { NumberRange } from "./locals.ts";

export type ReportKind = "input" | "output" | "feature";

/** What one Input, Output or Feature item that has usages declares. Padding has none, and is no field. */
export interface ReportField {
  readonly item: HidReportItem;
  /** Of its first control, from the first bit behind the report id on. */
  readonly bitOffset: number;
  /**
   * In the order of its controls. A variable has one usage for each control, the last one for all that are left; an array has in each of its
   * places the number of one of them, counted from the logical minimum on.
   */
  readonly usages: readonly NumberRange[];
  /** The collections around it, outermost first: an application, mostly. */
  readonly path: readonly HidCollectionInfo[];
}

export interface ReportLayout {
  readonly kind: ReportKind;
  /** 0: reports of this kind have no ids. */
  readonly reportId: number;
  /** Without the report id. */
  readonly bytes: number;
  readonly fields: readonly ReportField[];
}

/** The reports of one kind. */
export interface ReportLayouts {
  /** Each begins with a byte that is its id. */
  readonly numbered: boolean;
  readonly reports: ReadonlyMap<number, ReportLayout>;
  /** Of the longest, its id included; 0 where there is none. */
  readonly longestBytes: number;
}

export type HidLayout = Readonly<Record<ReportKind, ReportLayouts>>;

/** How many values a HidReport of these fields has, and places of arrays. */
export const controlCount = (fields: readonly ReportField[]): number =>
  fields.reduce((count, { item }) => count + item.reportCount, 0);

/** A field's usages by the number of its control, counted from 0. A descriptor may have thousands of ranges, and a report thousands of places. */
export class Usages {
  readonly #ranges: readonly NumberRange[];
  /** Of each range the number of its first usage. */
  readonly #firsts: readonly number[];
  readonly #count: number;

  constructor(ranges: readonly NumberRange[]) {
    let count = 0;
    this.#ranges = ranges;
    this.#firsts = ranges.map(({ minimum, maximum }) => {
      const first = count;
      count += maximum - minimum + 1;
      return first;
    });
    this.#count = count;
  }

  /** Undefined beyond the last. */
  at(index: number): number | undefined {
    if (index >= this.#count) return undefined;
    let [low, high] = [0, this.#firsts.length - 1];
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if (this.#firsts[middle]! <= index) low = middle;
      else high = middle - 1;
    }
    return this.#ranges[low]!.minimum + index - this.#firsts[low]!;
  }

  /** The first number that `at` gives `usage` for; -1: the field has no such usage. */
  indexOf(usage: number): number {
    const range = this.#ranges.findIndex(({ minimum, maximum }) => usage >= minimum && usage <= maximum);
    return range === -1 ? -1 : this.#firsts[range]! + usage - this.#ranges[range]!.minimum;
  }
}
