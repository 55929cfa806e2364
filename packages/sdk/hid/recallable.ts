// Runs in: driver host, sdk/test. Owns: nothing. Pure: which input reports a device may be asked for (GET_REPORT), and answer with what a listener
// may hear.
import type { ReportField, ReportLayout } from "@ring3/core/hid/layout";
import { genericDesktop, usagePages } from "@ring3/core/hid/usages";

const { x, y, joystick, gamepad, multiAxisController } = genericDesktop;
const PADS: readonly number[] = [joystick, gamepad, multiAxisController];
/** With Wacom's own (drivers/hid/wacom_wac.h), whose positions have usages of their own. */
const PEN_PAGES: readonly number[] = [usagePages.digitizer, 0xff0d];

/** Not what moves something: a step would be made once more; and a device that keeps no position says 0, 0, and would move a pointer there. */
export function isRecallable({ fields }: ReportLayout): boolean {
  return fields.every((field) => field.item.isAbsolute && !isPosition(field));
}

/** Of a pointer, a finger or a pen; a pad's sticks are none. */
function isPosition({ item, usages, path: [application] }: ReportField): boolean {
  const { usagePage = 0, usage = 0 } = application ?? {};
  if (PEN_PAGES.includes(usagePage)) return true;
  if (item.isArray || PADS.includes((usagePage << 16) | usage)) return false;
  return usages.some(({ minimum, maximum }) => [x, y].some((axis) => minimum <= axis && axis <= maximum));
}
