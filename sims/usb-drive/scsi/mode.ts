// Runs in: the usb-drive sim. Owns: nothing; MODE SENSE and its pages.
// Source: SPC-4 §6.11, §6.12, §7.5; SBC-3 §6.4.
import { op } from "./cdb.ts";
import { fail, type Plan, reply } from "./plan.ts";
import { INVALID_FIELD_IN_CDB, SAVING_UNSUPPORTED } from "./sense.ts";
import type { LogicalUnit } from "./unit.ts";

const WP = 0x80; // device-specific parameter, SBC-3 §6.4.1
const DPOFUA = 0x10;
const WCE = 0x04; // caching page, SBC-3 §6.4.5
const ALL_PAGES = 0x3f;
const CHANGEABLE = 1; // page control
const SAVED = 3;

const pages = new Map<number, (unit: LogicalUnit) => Uint8Array>([
  [
    0x08, // caching
    (unit) => {
      const page = Buffer.alloc(20);
      page[2] = unit.options.writeCache ? WCE : 0;
      return page;
    },
  ],
  [0x0a, () => Buffer.alloc(12)], // control
]);

export function modeSense(unit: LogicalUnit, cdb: DataView): Plan {
  const six = cdb.getUint8(0) === op.modeSense6;
  const control = cdb.getUint8(2) >> 6;
  const code = cdb.getUint8(2) & 0x3f;
  const subpage = cdb.getUint8(3);
  if (control === SAVED) return fail(SAVING_UNSUPPORTED);
  if (subpage !== 0 && subpage !== 0xff) return fail(INVALID_FIELD_IN_CDB);
  const wanted = code === ALL_PAGES ? [...pages.keys()] : [code];
  if (wanted.some((each) => !pages.has(each))) return fail(INVALID_FIELD_IN_CDB);
  const body = Buffer.concat(wanted.map((each) => page(unit, each, control)));
  const specific = (unit.options.readOnly ? WP : 0) | DPOFUA;
  const head = six
    ? Buffer.from([3 + body.length, 0, specific, 0])
    : Buffer.from([0, 6 + body.length, 0, specific, 0, 0, 0, 0]);
  return reply(Buffer.concat([head, body]), six ? cdb.getUint8(4) : cdb.getUint16(7));
}

function page(unit: LogicalUnit, code: number, control: number): Uint8Array {
  const bytes = pages.get(code)!(unit);
  if (control === CHANGEABLE) bytes.fill(0); // nothing is
  bytes[0] = code;
  bytes[1] = bytes.length - 2;
  return bytes;
}
