// Runs in: the usb-drive sim. Owns: nothing; sense data and its codes.
// Source: SPC-4 §4.5 (fixed format), tables 27 (sense keys) and 28 (ASC and ASCQ).

export interface Sense {
  readonly key: number;
  readonly asc: number;
  readonly ascq: number;
  /** The LBA that the condition is about. */
  readonly information?: number;
}

const NOT_READY = 0x02;
const MEDIUM_ERROR = 0x03;
const ILLEGAL_REQUEST = 0x05;
const UNIT_ATTENTION = 0x06;
const DATA_PROTECT = 0x07;
const ABORTED_COMMAND = 0x0b;
const MISCOMPARE = 0x0e;

function sense(key: number, asc: number, ascq: number): Sense {
  return { key, asc, ascq };
}

export const NO_SENSE = sense(0, 0, 0);
export const STOPPED = sense(NOT_READY, 0x04, 0x02); // initializing command required
export const NO_MEDIUM = sense(NOT_READY, 0x3a, 0x00);
export const WRITE_ERROR = sense(MEDIUM_ERROR, 0x0c, 0x00);
export const UNRECOVERED_READ = sense(MEDIUM_ERROR, 0x11, 0x00);
export const PARAMETER_LIST_LENGTH = sense(ILLEGAL_REQUEST, 0x1a, 0x00);
export const INVALID_COMMAND = sense(ILLEGAL_REQUEST, 0x20, 0x00);
export const OUT_OF_RANGE = sense(ILLEGAL_REQUEST, 0x21, 0x00);
export const INVALID_FIELD_IN_CDB = sense(ILLEGAL_REQUEST, 0x24, 0x00);
export const NO_SUCH_UNIT = sense(ILLEGAL_REQUEST, 0x25, 0x00);
export const INVALID_FIELD_IN_LIST = sense(ILLEGAL_REQUEST, 0x26, 0x00);
export const SAVING_UNSUPPORTED = sense(ILLEGAL_REQUEST, 0x39, 0x00);
export const REMOVAL_PREVENTED = sense(ILLEGAL_REQUEST, 0x53, 0x02);
export const MEDIUM_CHANGED = sense(UNIT_ATTENTION, 0x28, 0x00);
export const POWER_ON_OR_RESET = sense(UNIT_ATTENTION, 0x29, 0x00);
export const POWER_ON = sense(UNIT_ATTENTION, 0x29, 0x01);
export const DEVICE_RESET = sense(UNIT_ATTENTION, 0x29, 0x03); // bus device reset function occurred
export const WRITE_PROTECTED = sense(DATA_PROTECT, 0x27, 0x00);
export const SPACE_ALLOCATION_FAILED = sense(DATA_PROTECT, 0x27, 0x07); // SBC-3 §4.7.3.4: the store is full
export const COMMUNICATION_FAILURE = sense(ABORTED_COMMAND, 0x08, 0x00);
export const MISCOMPARED = sense(MISCOMPARE, 0x1d, 0x00);

const FIXED_BYTES = 18;

/** Fixed format, current error. */
export function encodeSense({ key, asc, ascq, information }: Sense): Uint8Array {
  const bytes = new Uint8Array(FIXED_BYTES);
  const view = new DataView(bytes.buffer);
  const fits = information !== undefined && information <= 0xffffffff;
  view.setUint8(0, fits ? 0xf0 : 0x70); // VALID
  view.setUint8(2, key);
  view.setUint32(3, fits ? information : 0);
  view.setUint8(7, FIXED_BYTES - 8);
  view.setUint8(12, asc);
  view.setUint8(13, ascq);
  return bytes;
}
