// Runs in: everywhere, a driver's code included. Owns: the shape of what a HID report descriptor declares: WebHID's HIDCollectionInfo.
import type { NumberRange } from "./locals.ts";

/** HID 1.11 §6.2.2.6; 0x80 to 0xff are the vendor's. */
export const collectionTypes = {
  physical: 0,
  application: 1,
  logical: 2,
  report: 3,
  namedArray: 4,
  usageSwitch: 5,
  usageModifier: 6,
} as const;

/** WebHID's HIDCollectionInfo. */
export interface HidCollectionInfo {
  readonly usagePage: number;
  /** Without its page. */
  readonly usage: number;
  readonly type: number;
  readonly children: readonly HidCollectionInfo[];
  /** Those items that stand in this collection or in one inside of it, as in Chromium. */
  readonly inputReports: readonly HidReportInfo[];
  readonly outputReports: readonly HidReportInfo[];
  readonly featureReports: readonly HidReportInfo[];
}

/** WebHID's HIDReportInfo. */
export interface HidReportInfo {
  /** 0: reports of this kind have no ids. */
  readonly reportId: number;
  readonly items: readonly HidReportItem[];
}

export type HidUnitSystem =
  | "none"
  | "si-linear"
  | "si-rotation"
  | "english-linear"
  | "english-rotation"
  | "vendor-defined"
  | "reserved";

/** WebHID's HIDReportItem: one Input, Output or Feature item, padding included. Usages have their page in the high 16 bits. */
export interface HidReportItem {
  readonly isAbsolute: boolean;
  readonly isArray: boolean;
  readonly isBufferedBytes: boolean;
  readonly isConstant: boolean;
  readonly isLinear: boolean;
  /** Its usages are one range: `usages` is empty then. */
  readonly isRange: boolean;
  readonly isVolatile: boolean;
  readonly hasNull: boolean;
  readonly hasPreferredState: boolean;
  readonly wrap: boolean;
  /** At most as many as there are controls. */
  readonly usages: readonly number[];
  readonly usageMinimum: number | undefined;
  readonly usageMaximum: number | undefined;
  /** Bits of one of them. */
  readonly reportSize: number;
  readonly reportCount: number;
  /** Of ten. */
  readonly unitExponent: number;
  readonly unitSystem: HidUnitSystem;
  readonly unitFactorLengthExponent: number;
  readonly unitFactorMassExponent: number;
  readonly unitFactorTimeExponent: number;
  readonly unitFactorTemperatureExponent: number;
  readonly unitFactorCurrentExponent: number;
  readonly unitFactorLuminousIntensityExponent: number;
  readonly logicalMinimum: number;
  readonly logicalMaximum: number;
  /** Both 0: the same as the logical ones (HID 1.11 §6.2.2.7). */
  readonly physicalMinimum: number;
  readonly physicalMaximum: number;
  /** Numbers of string descriptors, where WebHID has the strings themselves. */
  readonly stringIndexes: readonly NumberRange[];
  /** Numbers of the physical descriptor's designators. */
  readonly designatorIndexes: readonly NumberRange[];
}
