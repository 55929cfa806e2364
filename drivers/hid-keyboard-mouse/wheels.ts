// Runs in: driver host, jailed. Owns: nothing. Pure: how finely wheels tell how far they were turned: HID Usage Tables 1.5 §4.3.1, Resolution Multiplier.
import {
  CONTROLS_MAX,
  controlCount,
  type HidCollectionInfo,
  type HidLayout,
  HidReport,
  hidUsages,
  WHEEL_NOTCH,
} from "@ring3/sdk";
import type { Control } from "./controls.ts";

const { resolutionMultiplier } = hidUsages.genericDesktop;
const LOGICAL = 2; // HID 1.11 §6.2.2.6
/** What an event's field holds. */
const I32_MAX = 0x7fff_ffff;
/** No device has more (drivers/hid/hid-core.c, hid_calculate_multiplier). */
const MULTIPLIER_MAX = 255;

interface Multiplier {
  readonly index: number;
  readonly logicalMaximum: number;
  /** Parts of a notch that one step is, once the multiplier is at its maximum. */
  readonly parts: number;
  /** It is for all wheels in here. */
  readonly collection: HidCollectionInfo | undefined;
}

/** A feature report that has multipliers. */
export interface MultiplierReport {
  readonly reportId: number;
  readonly report: HidReport;
  readonly multipliers: readonly Multiplier[];
  /** There is more in it, which is to stay as it is. */
  readonly hasMore: boolean;
}

export function multiplierReports({ feature }: HidLayout): MultiplierReport[] {
  return [...feature.reports].flatMap(([reportId, layout]) => {
    if (controlCount(layout.fields) > CONTROLS_MAX) return [];
    const report = new HidReport(layout);
    const multipliers = [...report.usages.keys()].flatMap((index) => {
      const { item, path } = report.fieldAt(index);
      if (report.usages[index] !== resolutionMultiplier || item.reportCount !== 1) return [];
      const parts = item.physicalMaximum;
      const { logicalMaximum } = item;
      const collection = path.findLast(({ type }) => type === LOGICAL) ?? path[0];
      return [
        { index, logicalMaximum, parts: parts >= 1 && parts <= MULTIPLIER_MAX ? parts : 1, collection },
      ];
    });
    return multipliers.length === 0
      ? []
      : [{ reportId, report, multipliers, hasMore: layout.fields.length > 1 }];
  });
}

/** All multipliers at their maximum; `now`: the report as the device has it. */
export function multiplied(
  { report, multipliers }: MultiplierReport,
  now: Uint8Array,
): Uint8Array<ArrayBuffer> {
  report.decode(now);
  for (const { index, logicalMaximum } of multipliers) report.values[index] = logicalMaximum;
  return report.encode();
}

/** One wheel. */
export class Wheel {
  readonly control: Control;
  #parts = 1;
  /** What was turned and is too little to tell. */
  #left = 0;

  constructor(control: Control) {
    this.control = control;
  }

  /** `reports`: those whose multipliers are in effect. */
  refine(reports: readonly MultiplierReport[]): void {
    const own = reports
      .flatMap(({ multipliers }) => multipliers)
      .findLast(({ collection }) => collection && this.control.field.path.includes(collection));
    this.#parts = own?.parts ?? 1;
    this.#left = 0;
  }

  /** WHEEL_NOTCH to the notch. */
  turn(steps: number): number {
    const turned = this.#left + steps * WHEEL_NOTCH;
    const told = Math.trunc(turned / this.#parts);
    this.#left = turned - told * this.#parts;
    return Math.max(-I32_MAX, Math.min(I32_MAX, told));
  }
}
