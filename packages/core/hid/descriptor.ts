// Runs in: everywhere. Owns: nothing. Pure: a HID report descriptor, read as the hostile input it is (Device Class Definition for HID 1.11 §6.2.2).
import type { HidCollectionInfo, HidReportInfo, HidReportItem } from "./collections.ts";
import { GlobalItems } from "./globals.ts";
import { GLOBAL, type Item, LOCAL, MAIN, readItems, refuse } from "./items.ts";
import type { HidLayout, ReportField, ReportKind, ReportLayout, ReportLayouts } from "./layout.ts";
import { COLLECTION_DEPTH_MAX, FIELDS_MAX, LISTED_USAGES_MAX, REPORT_BYTES_MAX } from "./limits.ts";
import { LocalItems } from "./locals.ts";
import { reportItem } from "./report-item.ts";

// Tags of main items, §6.2.2.4.
const kinds: Readonly<Record<number, ReportKind>> = { 8: "input", 9: "output", 11: "feature" };
const COLLECTION = 10;
const END_COLLECTION = 12;

export interface ReportDescriptor {
  /** As in WebHID: outermost ones, with what is in them. */
  readonly collections: readonly HidCollectionInfo[];
  /** The same, by report: for codecs (report.ts). It has what stands outside of all collections too. */
  readonly layout: HidLayout;
}

/**
 * Throws DeviceError "protocol". Descriptors that Linux takes (drivers/hid/hid-core.c, hid_open_report) are taken, mistakes included: unknown
 * main and local items, items outside of every collection, Push without Pop. Those that it refuses are refused: a cut item, a missing End
 * Collection, unknown global items, an empty logical range. Two things are otherwise: long items are skipped (HID 1.11 §6.2.2.3), and too many
 * fields are told of rather than left out. Time and memory are bounded by `DESCRIPTOR_BYTES_MAX`.
 */
export function parseReportDescriptor(bytes: Uint8Array): ReportDescriptor {
  const parser = new Parser();
  for (const item of readItems(bytes)) parser.take(item);
  return parser.result(bytes.length);
}

interface GrowingCollection extends HidCollectionInfo {
  readonly children: GrowingCollection[];
  readonly inputReports: GrowingReport[];
  readonly outputReports: GrowingReport[];
  readonly featureReports: GrowingReport[];
}
interface GrowingReport extends HidReportInfo {
  readonly items: HidReportItem[];
}
interface GrowingLayout {
  readonly kind: ReportKind;
  readonly reportId: number;
  readonly fields: ReportField[];
  bits: number;
}

class Parser {
  readonly #globals = new GlobalItems();
  #locals = new LocalItems();
  readonly #collections: GrowingCollection[] = [];
  /** Those that have not ended, outermost first. */
  #open: readonly GrowingCollection[] = [];
  readonly #layouts = {
    input: new Map<number, GrowingLayout>(),
    output: new Map<number, GrowingLayout>(),
    feature: new Map<number, GrowingLayout>(),
  };
  #listedUsages = 0;

  take(item: Item): void {
    if (item.type === GLOBAL) this.#globals.apply(item);
    else if (item.type === LOCAL) this.#locals.apply(item, this.#globals.now.usagePage);
    else if (item.type === MAIN) {
      this.#main(item);
      this.#locals = new LocalItems();
    }
  }

  result(end: number): ReportDescriptor {
    if (this.#open.length > 0) refuse(end, "end", "End Collection", `${this.#open.length} open`);
    if (this.#locals.isDelimiterOpen) refuse(end, "end", "the delimited set to end", "it open");
    const { input, output, feature } = this.#layouts;
    const layout = { input: layouts(input), output: layouts(output), feature: layouts(feature) };
    return { collections: this.#collections, layout };
  }

  #main(item: Item): void {
    const kind = kinds[item.tag];
    if (kind !== undefined) this.#report(kind, item);
    else if (item.tag === COLLECTION) this.#begin(item);
    else if (item.tag === END_COLLECTION) {
      if (this.#open.length === 0) refuse(item.offset, "End Collection", "an open collection", "none");
      this.#open = this.#open.slice(0, -1);
    }
  }

  #begin({ offset, unsigned }: Item): void {
    if (this.#open.length === COLLECTION_DEPTH_MAX)
      refuse(offset, "Collection", `at most ${COLLECTION_DEPTH_MAX} inside of each other`, "one more");
    const page = this.#globals.now.usagePage;
    const usage = this.#locals.usagesAt(page)[0]?.minimum;
    const collection: GrowingCollection = {
      usagePage: usage === undefined ? page : usage >>> 16,
      usage: (usage ?? 0) & 0xffff,
      type: unsigned & 0xff,
      children: [],
      inputReports: [],
      outputReports: [],
      featureReports: [],
    };
    (this.#open.at(-1)?.children ?? this.#collections).push(collection);
    this.#open = [...this.#open, collection];
  }

  #report(kind: ReportKind, main: Item): void {
    const globals = this.#globals.now;
    const usages = this.#locals.usagesAt(globals.usagePage);
    const item = reportItem(main, globals, this.#locals, usages);
    this.#listedUsages += item.usages.length;
    if (this.#listedUsages > LISTED_USAGES_MAX)
      refuse(main.offset, "usages", `at most ${LISTED_USAGES_MAX}`, this.#listedUsages);
    for (const collection of this.#open) itemsOf(collection[`${kind}Reports`], globals.reportId).push(item);

    const layout = this.#layout(kind, globals.reportId);
    const bitOffset = layout.bits;
    layout.bits += item.reportSize * item.reportCount;
    if (layout.bits > (REPORT_BYTES_MAX - 1) * 8)
      refuse(
        main.offset,
        `${kind} report ${globals.reportId}`,
        `at most ${REPORT_BYTES_MAX - 1} bytes`,
        `${layout.bits} bits`,
      );
    if (usages.length === 0 || layout.bits === bitOffset) return;
    if (layout.fields.length === FIELDS_MAX)
      refuse(main.offset, `${kind} report ${globals.reportId}`, `at most ${FIELDS_MAX} fields`, "one more");
    layout.fields.push({ item, bitOffset, usages, path: this.#open });
  }

  #layout(kind: ReportKind, reportId: number): GrowingLayout {
    const known = this.#layouts[kind].get(reportId);
    if (known !== undefined) return known;
    const layout: GrowingLayout = { kind, reportId, fields: [], bits: 0 };
    this.#layouts[kind].set(reportId, layout);
    return layout;
  }
}

function itemsOf(reports: GrowingReport[], reportId: number): HidReportItem[] {
  const known = reports.find((report) => report.reportId === reportId);
  if (known !== undefined) return known.items;
  const items: HidReportItem[] = [];
  reports.push({ reportId, items });
  return items;
}

function layouts(growing: ReadonlyMap<number, GrowingLayout>): ReportLayouts {
  const reports = new Map<number, ReportLayout>();
  for (const [reportId, { bits, ...layout }] of growing)
    reports.set(reportId, { ...layout, bytes: Math.ceil(bits / 8) });
  const numbered = [...reports.keys()].some((reportId) => reportId !== 0);
  const longest = Math.max(0, ...reports.values().map(({ bytes }) => bytes));
  return { numbered, reports, longestBytes: reports.size === 0 ? 0 : longest + (numbered ? 1 : 0) };
}
