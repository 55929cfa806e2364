// Runs in: tests. Owns: a mass-storage device's side of the wire, step by step, spelled out in bytes and apart from the driver's own codec.

import { type ManualClock, manualClock } from "@ring3/core/clock";
import type { Block } from "@ring3/sdk";
import { endpoint, usbDescriptors, usbInterface } from "@ring3/sdk/test/descriptors";
import { type RunningDriver, runDriver } from "@ring3/sdk/test/run-driver";
import {
  type Answer,
  bulkIn,
  bulkOut,
  clearHalt,
  controlIn,
  controlOut,
  type ScriptedUsb,
  type Step,
  scriptedUsb,
} from "@ring3/sdk/test/scripted-usb";
import driver from "./driver.ts";

export const IN = 0x81;
export const OUT = 0x02;

export const hex = (text: string): Uint8Array =>
  Uint8Array.from(text.replaceAll(" ", "").match(/../g) ?? [], (digits) => Number.parseInt(digits, 16));

const little = (value: number): string =>
  [0, 8, 16, 24].map((shift) => ((value >>> shift) & 0xff).toString(16).padStart(2, "0")).join("");

export interface Reply {
  /** Data in: room for `length` bytes, answered with `in`. */
  readonly length?: number;
  readonly in?: Answer;
  readonly out?: Uint8Array;
  readonly residue?: number;
  readonly status?: 0 | 1 | 2;
  readonly lun?: number;
}

/** Counts tags as the driver does. */
export class Wire {
  #tag = 0;

  get tag(): number {
    return this.#tag;
  }

  cbw(cdb: string, length: number, direction: "in" | "out", lun = 0): Uint8Array {
    const bytes = hex(cdb);
    this.#tag++;
    return hex(
      `55534243 ${little(this.#tag)} ${little(length)} ${direction === "in" ? "80" : "00"} ` +
        `${little(lun).slice(0, 2)} ${little(bytes.length).slice(0, 2)} ${cdb.replaceAll(" ", "").padEnd(32, "0")}`,
    );
  }

  csw(status = 0, residue = 0, tag = this.#tag): Uint8Array {
    return hex(`55534253 ${little(tag)} ${little(residue)} 0${status}`);
  }

  /** Command and data phase. */
  start(cdb: string, reply: Reply = {}): Step[] {
    const { length = 0, out, lun = 0 } = reply;
    const size = out?.length ?? length;
    const steps = [bulkOut(OUT, this.cbw(cdb, size, length > 0 ? "in" : "out", lun))];
    if (out !== undefined) steps.push(bulkOut(OUT, out));
    else if (length > 0) steps.push(bulkIn(IN, length, reply.in ?? new Uint8Array(length)));
    return steps;
  }

  command(cdb: string, reply: Reply = {}): Step[] {
    const { status, residue } = reply;
    return [...this.start(cdb, reply), bulkIn(IN, 13, this.csw(status, residue))];
  }

  /** The answer to the REQUEST SENSE behind a failed command. */
  sense(key: number, asc: number, ascq = 0, code = 0x70): Step[] {
    const bytes = new Uint8Array(18);
    bytes.set([code, 0, key]);
    bytes.set([asc, ascq], 12);
    return this.command("030000001200", { length: 18, in: bytes });
  }

  /** A command without data that fails with sense data. */
  refused(cdb: string, key: number, asc: number, ascq = 0): Step[] {
    return [...this.command(cdb, { status: 1 }), ...this.sense(key, asc, ascq)];
  }
}

export const recovery = (): Step[] => [
  controlOut({ requestType: 0x21, request: 0xff, value: 0, index: 0 }),
  clearHalt(IN),
  clearHalt(OUT),
];

export const maxLun = (answer: Answer): Step =>
  controlIn({ requestType: 0xa1, request: 0xfe, value: 0, index: 0 }, 1, answer);

export const TUR = "000000000000";
export const SYNC = "35000000000000000000";
export const readCdb = (lba: number, count = 1): string =>
  `2800${lba.toString(16).padStart(8, "0")}00${count.toString(16).padStart(4, "0")}00`;
export const writeCdb = (lba: number, count = 1): string => `2a${readCdb(lba, count).slice(2)}`;

const INQUIRY = `${"00 00 02 02 1f000000"}${"41".repeat(28)}`; // SCSI-2, as most sticks say

export interface StickOptions {
  readonly inquiry?: string;
  /** READ CAPACITY (10): 1024 sectors of 512 bytes. */
  readonly capacity?: string;
  /** MODE SENSE (6): the header alone. */
  readonly mode?: string;
  readonly lun?: number;
}

export const inquire = (wire: Wire, { inquiry = INQUIRY, lun = 0 }: StickOptions = {}): Step[] =>
  wire.command("120000002400", { length: 36, in: hex(inquiry), lun });

export const readCapacity = (
  wire: Wire,
  { capacity = "000003ff 00000200", lun = 0 }: StickOptions = {},
): Step[] => wire.command("25000000000000000000", { length: 8, in: hex(capacity), lun });

/** What the driver asks of a medium. */
export const look = (wire: Wire, options: StickOptions = {}): Step[] => {
  const { mode = "03000000", lun = 0 } = options;
  return [
    ...readCapacity(wire, options),
    ...wire.command("1a003f00c000", { length: 192, in: hex(mode), residue: 192 - hex(mode).length, lun }),
  ];
};

/** Everything up to the end of probe, for an old stick with one LUN. */
export const probe = (wire: Wire, options: StickOptions = {}): Step[] => [
  maxLun(hex("00")),
  ...inquire(wire, options),
  ...wire.command(TUR),
  ...look(wire, options),
];

export const descriptors = usbDescriptors([
  usbInterface({ class: 8, subclass: 6, protocol: 80 }, [endpoint(IN, "bulk"), endpoint(OUT, "bulk")]),
]);

export interface Rig {
  readonly wire: Wire;
  readonly usb: ScriptedUsb;
  readonly clock: ManualClock;
  /** Moves time on, a millisecond at a time, until the promise settles. */
  patient<T>(promise: Promise<T>): Promise<T>;
}

/** A driver on a device that follows `script`. */
export async function start(
  script: (wire: Wire) => Step[],
  options: { incarnation?: number; state?: RunningDriver<Block>["state"] } = {},
): Promise<Rig & { driver: RunningDriver<Block>; events: unknown[] }> {
  const rig = rigOf(script);
  const running = await rig.patient(
    runDriver(driver, { usb: { transport: rig.usb, descriptors }, clock: rig.clock, ...options }),
  );
  const events: unknown[] = [];
  for (const unit of running.units) {
    unit.on("mediumChanged", (data) => events.push(data));
    unit.on("powerLost", () => events.push("powerLost"));
    unit.on("writesLost", () => events.push("writesLost"));
  }
  return { ...rig, driver: running, events };
}

export function rigOf(script: (wire: Wire) => Step[]): Rig {
  const wire = new Wire();
  const usb = scriptedUsb(...script(wire));
  const clock = manualClock();
  return {
    wire,
    usb,
    clock,
    async patient(promise) {
      let settled = false;
      const mark = (): void => {
        settled = true;
      };
      promise.then(mark, mark);
      // A manual clock has no other way to tell that everyone is waiting for it.
      for (let rounds = 0; !settled && rounds < 100_000; rounds++) {
        await turn();
        if (!settled && rounds % 10 === 9) clock.advance(50);
      }
      return promise;
    },
  };
}

/** Lets everything that is due now happen. */
function turn(): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = () => {
    port1.close();
    resolve();
  };
  port2.postMessage(0);
  return promise;
}
