// Runs in: driver host, jailed. Owns: nothing. Pure: sense data, and what it means for the command that met it (SPC-4 §4.5).
import type { DeviceError, DeviceErrorKind } from "@ring3/sdk";

export const SENSE_BYTES = 18; // fixed format: SPC-4 §4.5.3; what every device can answer

export interface Sense {
  readonly key: number;
  readonly asc: number;
  readonly ascq: number;
  /** About an earlier command that had been acknowledged already (response codes 71h and 73h). */
  readonly deferred: boolean;
}

/** Fixed (70h, 71h) or descriptor format (72h, 73h); undefined when the bytes are no sense data. */
export function parseSense(bytes: Uint8Array): Sense | undefined {
  const code = (bytes[0] ?? 0) & 0x7f;
  const deferred = code === 0x71 || code === 0x73;
  switch (code) {
    case 0x70:
    case 0x71:
      if (bytes.length < 3) return undefined;
      // Short fixed data carries a key only: SPC-4 §4.5.3, ADDITIONAL SENSE LENGTH.
      return { key: bytes[2]! & 0x0f, asc: bytes[12] ?? 0, ascq: bytes[13] ?? 0, deferred };
    case 0x72:
    case 0x73:
      if (bytes.length < 4) return undefined;
      return { key: bytes[1]! & 0x0f, asc: bytes[2]!, ascq: bytes[3]!, deferred };
    default:
      return undefined;
  }
}

export const senseText = ({ key, asc, ascq }: Sense): string =>
  `sense ${key.toString(16)}h/${asc.toString(16).padStart(2, "0")}h/${ascq.toString(16).padStart(2, "0")}h`;

/** Of an error whose cause is sense data: INVALID COMMAND OPERATION CODE. The device does not know the command, whatever its fields. */
export const isUnknownCommand = ({ cause }: DeviceError): boolean =>
  (cause as Sense | undefined)?.asc === 0x20;

export type Meaning =
  /** The command was carried out. */
  | { readonly action: "done" }
  /** It was not, and may be sent again at once: a unit attention, told once. */
  | { readonly action: "attention"; readonly of: Attention }
  /** It was not; another try may help, a few times. */
  | { readonly action: "retry"; readonly kind: DeviceErrorKind }
  /** The unit is getting ready by itself. */
  | { readonly action: "wait" }
  /** The unit waits for START STOP UNIT. */
  | { readonly action: "start" }
  | { readonly action: "fail"; readonly kind: DeviceErrorKind };

export type Attention =
  | "medium-changed"
  /** Certainly without power meanwhile: its cache is gone. */
  | "power-on"
  /** Power-on or a reset, it does not say which. */
  | "reset-or-power-on"
  /** A reset by a host, which leaves a cache alone; mode pages, LUN lists and the like. */
  | "other";

const fail = (kind: DeviceErrorKind): Meaning => ({ action: "fail", kind });
const retry = (kind: DeviceErrorKind): Meaning => ({ action: "retry", kind });
const attention = (of: Attention): Meaning => ({ action: "attention", of });

/** Sense keys: SPC-4 table 48; additional codes: SPC-4 annex D. */
export function meaningOf(sense: Sense): Meaning {
  switch (sense.key) {
    case 0x0: // NO SENSE although the command failed: nobody knows what happened
      return retry("io");
    case 0x1: // RECOVERED ERROR
      return { action: "done" };
    case 0x2:
      return notReady(sense);
    case 0x3: // MEDIUM ERROR
      return fail("medium");
    case 0x4: // HARDWARE ERROR: bridges report every passing fault of the disk behind them so (Linux: retry_hwerror)
      return retry("io");
    case 0x5:
      return illegalRequest(sense);
    case 0x6:
      return unitAttention(sense);
    case 0x7: // DATA PROTECT; 27h/07h is a full thinly provisioned device
      return fail(sense.asc === 0x27 && sense.ascq === 0x07 ? "no-space" : "read-only");
    case 0x8: // BLANK CHECK
      return fail("medium");
    case 0xb: // ABORTED COMMAND
      return retry("io");
    case 0xd: // VOLUME OVERFLOW
      return fail("out-of-range");
    default:
      return fail("io");
  }
}

function notReady({ asc, ascq }: Sense): Meaning {
  if (asc === 0x3a) return fail("no-medium"); // MEDIUM NOT PRESENT
  if (asc !== 0x04) return retry("io");
  switch (ascq) {
    case 0x01: // IN PROCESS OF BECOMING READY
    case 0x04: // FORMAT IN PROGRESS
    case 0x07: // OPERATION IN PROGRESS
    case 0x09: // SELF-TEST IN PROGRESS
    case 0x0a: // ASYMMETRIC ACCESS STATE TRANSITION
      return { action: "wait" };
    case 0x02: // INITIALIZING COMMAND REQUIRED
      return { action: "start" };
    case 0x03: // MANUAL INTERVENTION REQUIRED
      return fail("io");
    default:
      return retry("io");
  }
}

function illegalRequest({ asc }: Sense): Meaning {
  switch (asc) {
    case 0x20: // INVALID COMMAND OPERATION CODE
    case 0x24: // INVALID FIELD IN CDB
    case 0x26: // INVALID FIELD IN PARAMETER LIST
      return fail("unsupported");
    case 0x21: // LOGICAL BLOCK ADDRESS OUT OF RANGE
      return fail("out-of-range");
    case 0x25: // LOGICAL UNIT NOT SUPPORTED
      return fail("unsupported");
    default:
      return fail("io");
  }
}

function unitAttention({ asc, ascq }: Sense): Meaning {
  if (asc === 0x28) return attention("medium-changed"); // NOT READY TO READY CHANGE, MEDIUM MAY HAVE CHANGED
  if (asc === 0x2a && ascq === 0x09) return attention("medium-changed"); // CAPACITY DATA HAS CHANGED: as good as another
  if (asc !== 0x29) return attention("other");
  switch (ascq) {
    case 0x01: // POWER ON OCCURRED
      return attention("power-on");
    case 0x00: // POWER ON, RESET, OR BUS DEVICE RESET OCCURRED
    case 0x04: // DEVICE INTERNAL RESET
      return attention("reset-or-power-on");
    default: // 02h, 03h: bus reset, bus device reset; 07h: nexus loss
      return attention("other");
  }
}
