// Runs in: driver host, jailed. Owns: nothing. Pure: the lights of one unit, and the output reports that set them.
import { CONTROLS_MAX, controlCount, type HidLayout, HidReport } from "@ring3/sdk";
import type { Application } from "./applications.ts";
import { leds } from "./codes.ts";

interface Light {
  readonly index: number;
  /** LED_* */
  readonly led: number;
}

export class Lights {
  /** A bit for each LED_*. */
  readonly mask: number;
  readonly #reports: { readonly reportId: number; readonly report: HidReport; readonly lights: Light[] }[];

  constructor({ collections }: Application, { output }: HidLayout) {
    this.#reports = [...output.reports].flatMap(([reportId, layout]) => {
      if (controlCount(layout.fields) > CONTROLS_MAX) return [];
      const report = new HidReport(layout);
      const lights = [...report.usages.keys()].flatMap((index) => {
        const led = leds.get(report.usages[index]!);
        const { path, item } = report.fieldAt(index);
        const holdsOne = item.logicalMinimum >= 0 || item.reportSize > 1;
        return led === undefined || item.isConstant || !holdsOne || !collections.includes(path[0]!)
          ? []
          : [{ index, led }];
      });
      return lights.length === 0 ? [] : [{ reportId, report, lights }];
    });
    this.mask = this.#reports.flatMap(({ lights }) => lights).reduce((mask, { led }) => mask | (1 << led), 0);
  }

  /** What is to be sent for these lights to shine, and no others: 1 or 0, as Linux sends it, whatever range they name (hidinput_led_worker). */
  reports(mask: number): { readonly reportId: number; readonly bytes: Uint8Array<ArrayBuffer> }[] {
    return this.#reports.map(({ reportId, report, lights }) => {
      for (const { index, led } of lights) report.values[index] = (mask >>> led) & 1;
      return { reportId, bytes: report.encode() };
    });
  }
}
