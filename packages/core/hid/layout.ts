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

/** The usage of a field's control number `index`, counted from 0; undefined beyond the last. */
export function usageAt(usages: readonly NumberRange[], index: number): number | undefined {
  let left = index;
  for (const { minimum, maximum } of usages) {
    const count = maximum - minimum + 1;
    if (left < count) return minimum + left;
    left -= count;
  }
  return undefined;
}

/** The number that `usageAt` gives `usage` for; -1: the field has no such usage. */
export function indexOfUsage(usages: readonly NumberRange[], usage: number): number {
  let before = 0;
  for (const { minimum, maximum } of usages) {
    if (usage >= minimum && usage <= maximum) return before + usage - minimum;
    before += maximum - minimum + 1;
  }
  return -1;
}
