// Runs in: driver host, jailed. Owns: nothing. Pure: what each control of a keyboard, mouse or tablet is for.
import {
  CONTROLS_MAX,
  controlCount,
  type HidLayout,
  HidReport,
  hidUsages,
  type PressedUsages,
  type ReportField,
} from "@ring3/sdk";
import type { Application } from "./applications.ts";
import { codeOf, plainUsage } from "./codes.ts";

const { x, y, wheel } = hidUsages.genericDesktop;
const { acPan, volume } = hidUsages.consumer;
const { inRange, invert, eraser, tipSwitch, tipPressure, batteryStrength } = hidUsages.digitizer;
/** What an axis of an input device, and so the class, has room for (struct input_absinfo): a device may say 32 bits and a sign. */
const EXTENT_MAX = 0x7fff_ffff;
/** Beyond it Linux knows no key of any page. */
const LAST_KEY = 0x3ff;

/** A report as far as it is one application's, and whether it has come yet. */
export interface OwnReport {
  readonly reportId: number;
  readonly report: HidReport;
  seen: boolean;
}

/** One value of a report. */
export class Control {
  readonly usage: number;
  readonly field: ReportField;
  readonly minimum: number;
  readonly maximum: number;
  readonly #from: OwnReport;
  readonly #index: number;

  constructor(from: OwnReport, index: number) {
    this.field = from.report.fieldAt(index);
    this.usage = plainUsage(from.report.usages[index]!);
    this.minimum = this.field.item.logicalMinimum;
    this.maximum = this.field.item.logicalMaximum;
    this.#from = from;
    this.#index = index;
  }

  get isRelative(): boolean {
    return !this.field.item.isAbsolute;
  }

  /** Cut to its range, as in Linux (hidinput_hid_event). Undefined: a null state, or it has not come yet. */
  get value(): number | undefined {
    const value = this.#from.report.values[this.#index]!;
    if (!this.#from.seen || Number.isNaN(value)) return undefined;
    return this.minimum < this.maximum ? Math.min(this.maximum, Math.max(this.minimum, value)) : value;
  }

  get extent(): number {
    return this.maximum - this.minimum;
  }

  isOf(reportId: number): boolean {
    return this.#from.reportId === reportId;
  }
}

export interface KeyControl {
  readonly control: Control;
  readonly code: number;
}

/** Places that hold usages, and the codes of those. */
export interface KeyArray {
  readonly pressed: PressedUsages;
  readonly codes: ReadonlyMap<number, number>;
}

export interface InputControls {
  readonly reports: readonly OwnReport[];
  readonly keys: readonly KeyControl[];
  readonly arrays: readonly KeyArray[];
  /** Some are of the keyboard page. */
  readonly types: boolean;
  readonly motion: { readonly x: Control | undefined; readonly y: Control | undefined };
  readonly wheel: Control | undefined;
  readonly pan: Control | undefined;
  readonly volume: Control | undefined;
  readonly pointer: { readonly x: Control; readonly y: Control } | undefined;
  readonly pen: Readonly<Record<"inRange" | "invert" | "eraser" | "tip" | "pressure", Control | undefined>>;
  readonly battery: Control | undefined;
}

export function controlsOf({ collections }: Application, { input }: HidLayout): InputControls {
  const reports: OwnReport[] = [];
  const controls: Control[] = [];
  for (const [reportId, layout] of input.reports) {
    const fields = layout.fields.filter(
      ({ path, item }) => collections.includes(path[0]!) && !item.isConstant,
    );
    if (fields.length === 0 || controls.length + controlCount(fields) > CONTROLS_MAX) continue;
    const own = { reportId, report: new HidReport({ ...layout, fields }), seen: false };
    reports.push(own);
    own.report.usages.forEach((_, index) => void controls.push(new Control(own, index)));
  }
  // Of several fingers the first: those behind it have the same usages.
  const first = (usage: number): Control | undefined => controls.find((control) => control.usage === usage);
  const relative = (usage: number) => controls.find((each) => each.usage === usage && each.isRelative);
  const absolute = (usage: number) =>
    controls.find(
      (each) => each.usage === usage && !each.isRelative && each.extent > 0 && each.extent <= EXTENT_MAX,
    );
  const [pointerX, pointerY] = [absolute(x), absolute(y)];
  return {
    reports,
    keys: keysOf(controls),
    arrays: reports.flatMap(({ report }) => report.arrays.map(arrayOf)),
    types: reports.some(({ report }) => report.layout.fields.some(isOfKeyboard)),
    motion: { x: relative(x), y: relative(y) },
    wheel: relative(wheel),
    pan: relative(acPan),
    volume: relative(volume),
    pointer: pointerX && pointerY && { x: pointerX, y: pointerY },
    pen: {
      inRange: first(inRange),
      invert: first(invert),
      eraser: first(eraser),
      tip: first(tipSwitch) ?? first(hidUsages.digitizer.touch),
      pressure: absolute(tipPressure),
    },
    battery: absolute(batteryStrength) ?? absolute(hidUsages.genericDevice.batteryStrength),
  };
}

const isOfKeyboard = ({ usages }: ReportField): boolean =>
  usages.some(({ minimum }) => minimum >>> 16 === hidUsages.usagePages.keyboard);

function keysOf(controls: readonly Control[]): KeyControl[] {
  return controls.flatMap((control) => {
    const code = codeOf(control.usage, control.field.path);
    return code === undefined ? [] : [{ control, code }];
  });
}

function arrayOf(pressed: PressedUsages): KeyArray {
  const codes = new Map<number, number>();
  for (const { minimum, maximum } of pressed.field.usages)
    for (let usage = minimum; usage <= maximum && (usage & 0xffff) <= LAST_KEY; usage++) {
      const code = codeOf(usage, pressed.field.path);
      if (code !== undefined) codes.set(usage, code);
    }
  return { pressed, codes };
}
