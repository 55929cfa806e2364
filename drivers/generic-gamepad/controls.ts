// Runs in: driver host, jailed. Owns: nothing. Pure: which controls of a device's input reports are a pad's.
import {
  CONTROLS_MAX,
  controlCount,
  type HidCollectionInfo,
  type HidLayout,
  HidReport,
  hidUsages,
} from "@ring3/sdk";

const { gamepad, joystick, multiAxisController } = hidUsages.genericDesktop;
const padUsages: readonly number[] = [gamepad, joystick, multiAxisController];

/** An input report, and whether it has come yet: what has not is at rest. */
export interface PadReport {
  readonly reportId: number;
  readonly report: HidReport;
  seen: boolean;
}

/** One value of a report. */
export class Control {
  readonly usage: number;
  readonly minimum: number;
  readonly maximum: number;
  readonly isAbsolute: boolean;
  readonly #from: PadReport;
  readonly #index: number;

  constructor(from: PadReport, index: number) {
    const { logicalMinimum, logicalMaximum, isAbsolute } = from.report.fieldAt(index).item;
    this.usage = from.report.usages[index]!;
    this.minimum = logicalMinimum;
    this.maximum = logicalMaximum;
    this.isAbsolute = isAbsolute;
    this.#from = from;
    this.#index = index;
  }

  get hasRange(): boolean {
    return this.minimum < this.maximum;
  }

  /** As the device has sent it; NaN: a null state. Undefined: it has not yet. */
  get value(): number | undefined {
    return this.#from.seen ? this.#from.report.values[this.#index] : undefined;
  }
}

export interface PadControls {
  /** Gamepad, joystick or multi-axis controller. */
  readonly application: number;
  readonly reports: readonly PadReport[];
  /** The first of each usage: as in Linux (hidinput_configure_usage) further ones are nothing. */
  readonly byUsage: ReadonlyMap<number, Control>;
}

const usageOf = ({ usagePage, usage }: HidCollectionInfo): number => (usagePage << 16) | usage;

/** One for each application collection of a pad that has controls, in their order. */
export function padsOf(collections: readonly HidCollectionInfo[], layout: HidLayout): PadControls[] {
  return collections.flatMap((collection) => {
    if (!padUsages.includes(usageOf(collection))) return [];
    const controls: Control[] = [];
    const reports: PadReport[] = [];
    for (const [reportId, own] of layout.input.reports) {
      const fields = own.fields.filter(({ path, item }) => path[0] === collection && !item.isConstant);
      if (fields.length === 0 || controls.length + controlCount(fields) > CONTROLS_MAX) continue;
      const from = { reportId, report: new HidReport({ ...own, fields }), seen: false };
      reports.push(from);
      from.report.usages.forEach((_, index) => void controls.push(new Control(from, index)));
    }
    if (controls.length === 0) return [];
    const byUsage = new Map<number, Control>();
    for (const control of controls) if (!byUsage.has(control.usage)) byUsage.set(control.usage, control);
    return [{ application: usageOf(collection), reports, byUsage }];
  });
}
