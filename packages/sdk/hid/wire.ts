// Runs in: driver host, sdk/test. Owns: nothing. The way to a HID device, as HidDevice needs it: USB's requests and endpoints, or a hidraw node.
import type { ReportDescriptor } from "@ring3/core/hid/descriptor";
import type { Outcome } from "../outcome.ts";
import type { Wait } from "../wait.ts";

export interface HidWire {
  readonly vendorId: number;
  readonly productId: number;
  readonly productName: string | undefined;
  readonly version: number;
  readonly name: string;
  readonly descriptor: ReportDescriptor;
  /** Before anything else of an opening. */
  begin(wait: Wait | undefined): Promise<void>;
  /**
   * Input reports, each lent until `deliver` returns, behind its id if it has one. Resolves when `signal` aborts and when the device is gone; rejects
   * with DeviceError where none can be read any more, and with what `deliver` throws.
   */
  read(deliver: (report: Uint8Array) => void, signal: AbortSignal): Promise<void>;
  /** `reportId`: 0 where reports of that kind have none. */
  send(
    kind: "output" | "feature",
    reportId: number,
    data: Uint8Array,
    wait: Wait | undefined,
  ): Promise<Outcome>;
  /** An input report as the device has it now; its id first, if it has one. Not through hidraw: until the device answers, 5 s, the process would stand still, and be taken for one that hangs. */
  current?(reportId: number, wait: Wait | undefined): Promise<{ outcome: Outcome; report: Uint8Array }>;
  /** Of a feature report; its id first, if it has one. */
  receive(reportId: number, wait: Wait | undefined): Promise<{ outcome: Outcome; report: Uint8Array }>;
}
