// Runs in: driver host, jailed. Owns: the keys that a keyboard's ordinary reports tell, beside HID++.
import {
  CONTROLS_MAX,
  controlCount,
  type HidLayout,
  HidReport,
  hidUsages,
  keyOfUsage,
  type ReportField,
} from "@ring3/sdk";

interface KeyReport {
  readonly report: HidReport;
  down: readonly number[];
}

export class Keys {
  /** All that they can tell. */
  readonly codes: readonly number[];
  /** Some are of the keyboard page. */
  readonly types: boolean;
  readonly #reports = new Map<number, KeyReport>();

  constructor({ input }: HidLayout) {
    for (const [reportId, layout] of input.reports) {
      // What is relative tells steps.
      const fields = layout.fields.filter(({ item }) => item.isArray || item.isAbsolute);
      if (fields.length > 0 && controlCount(fields) <= CONTROLS_MAX)
        this.#reports.set(reportId, { report: new HidReport({ ...layout, fields }), down: [] });
    }
    const fields = [...this.#reports.values()].flatMap(({ report }) => report.layout.fields);
    this.codes = codesOf(fields.flatMap((field) => [...usagesOf(field)]));
    const { keyboard } = hidUsages.usagePages;
    this.types = fields.some(({ usages }) => usages.some(({ minimum }) => minimum >>> 16 === keyboard));
  }

  take(reportId: number, bytes: Uint8Array): void {
    const own = this.#reports.get(reportId);
    if (own === undefined) return;
    const { report } = own;
    report.decode(bytes);
    const isOn = (_: number, at: number): boolean => Math.abs(report.values[at]!) > 0; // NaN: a null state
    own.down = codesOf([
      ...report.usages.filter(isOn),
      ...report.arrays.flatMap(({ usages, pressedCount }) => [...usages.subarray(0, pressedCount)]),
    ]);
  }

  /** Nothing is pressed until a report says so. */
  forget(): void {
    for (const own of this.#reports.values()) {
      own.report.clear();
      own.down = [];
    }
  }

  get down(): number[] {
    return [...this.#reports.values()].flatMap(({ down }) => down);
  }
}

/** Beyond it Linux knows no key of any page. */
const LAST_KEY = 0x3ff;

function* usagesOf({ usages }: ReportField): Generator<number> {
  for (const { minimum, maximum } of usages)
    for (let usage = minimum; usage <= maximum && (usage & 0xffff) <= LAST_KEY; usage++) yield usage;
}

const codesOf = (usages: readonly number[]): number[] =>
  usages.map(keyOfUsage).filter((code) => code !== undefined);
