// Runs in: driver host, jailed. Owns: nothing. Pure: what the tablet's reports say in Wacom's own mode: facts of Linux's drivers/hid/wacom_wac.c
// (wacom_penpartner_irq, wacom_features_0x00).

export const X_MAX = 5040;
export const Y_MAX = 3780;
export const PRESSURE_MAX = 255;
/** WACOM_PENPRTN_RES, of drivers/hid/wacom_wac.h: so many a millimetre. */
export const RESOLUTION = 40;

// linux/input-event-codes.h
export const BTN_TOOL_RUBBER = 0x141;
export const BTN_TOUCH = 0x14a;
export const BTN_STYLUS = 0x14b;

/** By report, the pressure above which the pen touches: the first says too whether it is near, the second comes only while it is. */
const touchesAbove: ReadonlyMap<number, number> = new Map([
  [1, -127],
  [2, -80],
]);
const ALWAYS_NEAR = 2;
const BYTES = 6; // behind the id
const [NEAR, SIDE_BUTTON, RUBBER] = [0x80, 0x40, 0x20];
const PRESSURE_FROM = -127;

export interface Pen {
  readonly x: number;
  readonly y: number;
  readonly pressure: number;
  /** 0 too while it is turned over. */
  readonly near: number;
  /** BTN_*, in the order in which they are told. */
  readonly pressed: readonly number[];
}

export const AWAY: Pen = { x: 0, y: 0, pressure: 0, near: 0, pressed: [] };

/** `last`: where the pen was. Undefined: the report is none of the pen's. */
export function decodeReport(reportId: number, bytes: Uint8Array, last: Pen): Pen | undefined {
  const limit = touchesAbove.get(reportId);
  if (limit === undefined || bytes.length < BYTES) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const [flags, pressure] = [view.getUint8(4), view.getInt8(5)];
  const tellsNear = reportId !== ALWAYS_NEAR;
  if (tellsNear && (flags & NEAR) === 0) return { ...last, pressure: 0, near: 0, pressed: [] };
  const isOver = (flags & RUBBER) !== 0;
  const isRubber = tellsNear && isOver;
  const touches = pressure > limit && (tellsNear || !isOver);
  return {
    x: Math.min(X_MAX, view.getUint16(0, true)),
    y: Math.min(Y_MAX, view.getUint16(2, true)),
    pressure: Math.max(0, pressure - PRESSURE_FROM),
    near: isRubber ? 0 : 1,
    pressed: [
      ...(isRubber ? [BTN_TOOL_RUBBER] : []),
      ...(touches ? [BTN_TOUCH] : []),
      ...((flags & SIDE_BUTTON) === 0 ? [] : [BTN_STYLUS]),
    ],
  };
}
