// Runs in: everywhere. Owns: nothing. Pure: one Input, Output or Feature item in WebHID's shape.
import type { HidReportItem, HidUnitSystem } from "./collections.ts";
import { type GlobalItems, nibble, range } from "./globals.ts";
import { type Item, refuse } from "./items.ts";
import { USAGES_MAX } from "./limits.ts";
import type { LocalItems, NumberRange } from "./locals.ts";

// Data of a main item, HID 1.11 §6.2.2.5.
const CONSTANT = 1 << 0;
const VARIABLE = 1 << 1;
const RELATIVE = 1 << 2;
const WRAP = 1 << 3;
const NON_LINEAR = 1 << 4;
const NO_PREFERRED = 1 << 5;
const NULL_STATE = 1 << 6;
const VOLATILE = 1 << 7;
const BUFFERED_BYTES = 1 << 8;

// The unit's lowest nibble, §6.2.2.7.
const unitSystems: readonly HidUnitSystem[] = [
  "none",
  "si-linear",
  "si-rotation",
  "english-linear",
  "english-rotation",
];
const VENDOR_DEFINED = 0xf;

export function reportItem(
  main: Item,
  globals: GlobalItems["now"],
  locals: LocalItems,
  usages: readonly NumberRange[],
): HidReportItem {
  const { unit, reportSize, reportCount, unitExponent } = globals;
  const logical = range(globals.logicalMinimum, globals.logicalMaximum);
  // Linux refuses these too (hid_add_field).
  if (logical.maximum < logical.minimum)
    refuse(main.offset, "Logical Maximum", `at least the minimum ${logical.minimum}`, logical.maximum);
  const physical = range(globals.physicalMinimum, globals.physicalMaximum);
  const flag = (bit: number): boolean => (main.unsigned & bit) !== 0;
  const unitExponentAt = (index: number): number => nibble(unit >>> (4 * index));
  const isArray = !flag(VARIABLE);
  const only = usages.length === 1 && usages[0]!.minimum < usages[0]!.maximum ? usages[0] : undefined;
  const controls = isArray ? logical.maximum - logical.minimum + 1 : reportCount;
  return {
    isAbsolute: !flag(RELATIVE),
    isArray,
    isBufferedBytes: flag(BUFFERED_BYTES),
    isConstant: flag(CONSTANT),
    isLinear: !flag(NON_LINEAR),
    isRange: only !== undefined,
    isVolatile: flag(VOLATILE),
    hasNull: flag(NULL_STATE),
    hasPreferredState: !flag(NO_PREFERRED),
    wrap: flag(WRAP),
    usages: only === undefined ? listed(usages, Math.min(controls, USAGES_MAX)) : [],
    usageMinimum: only?.minimum,
    usageMaximum: only?.maximum,
    reportSize,
    reportCount,
    unitExponent,
    unitSystem: unitSystem(unit & 0xf),
    unitFactorLengthExponent: unitExponentAt(1),
    unitFactorMassExponent: unitExponentAt(2),
    unitFactorTimeExponent: unitExponentAt(3),
    unitFactorTemperatureExponent: unitExponentAt(4),
    unitFactorCurrentExponent: unitExponentAt(5),
    unitFactorLuminousIntensityExponent: unitExponentAt(6),
    logicalMinimum: logical.minimum,
    logicalMaximum: logical.maximum,
    physicalMinimum: physical.minimum,
    physicalMaximum: physical.maximum,
    stringIndexes: locals.strings,
    designatorIndexes: locals.designators,
  };
}

function unitSystem(system: number): HidUnitSystem {
  return unitSystems[system] ?? (system === VENDOR_DEFINED ? "vendor-defined" : "reserved");
}

function listed(usages: readonly NumberRange[], most: number): number[] {
  const list: number[] = [];
  for (const { minimum, maximum } of usages)
    for (let usage = minimum; usage <= maximum && list.length < most; usage++) list.push(usage);
  return list;
}
