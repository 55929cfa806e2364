// Runs in: driver host, jailed. Owns: nothing. Pure: how fine a length is told, by the units of HID 1.11 §6.2.2.7. As in Linux (drivers/hid/hid-input.c,
// hidinput_calc_abs_res).
import type { HidReportItem } from "@ring3/sdk";

const I32_MAX = 0x7fff_ffff;
/** By system, with nothing but a length in its unit: centimetres and inches. */
const millimetres: Partial<Record<HidReportItem["unitSystem"], number>> = {
  "si-linear": 10,
  "english-linear": 25.4,
};

/** So many a millimetre; 0: it does not say, or says what cannot be. Both physical ends 0 say nothing here. */
export function resolutionOf(item: HidReportItem): number {
  const unit = millimetres[item.unitSystem];
  const isLength =
    item.unitFactorLengthExponent === 1 &&
    item.unitFactorMassExponent === 0 &&
    item.unitFactorTimeExponent === 0 &&
    item.unitFactorTemperatureExponent === 0 &&
    item.unitFactorCurrentExponent === 0 &&
    item.unitFactorLuminousIntensityExponent === 0;
  const logical = item.logicalMaximum - item.logicalMinimum;
  const physical = item.physicalMaximum - item.physicalMinimum;
  if (unit === undefined || !isLength || logical <= 0 || physical <= 0) return 0;
  const resolution = Math.round(logical / (physical * unit * 10 ** item.unitExponent));
  return resolution <= I32_MAX ? resolution : 0;
}
