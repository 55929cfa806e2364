// Runs in: driver host, sdk/test. Owns: the one event that all input reports of a device come in, and who listens to it.
import type { HidDevice, HidInputReportEvent, HidInputReportListener } from "./types.ts";

const NO_BYTES = new Uint8Array(0);

class InputReportEvent implements HidInputReportEvent {
  readonly type = "inputreport";
  readonly device: HidDevice;
  reportId = 0;
  bytes: Uint8Array = NO_BYTES;
  timeStamp = 0;

  constructor(device: HidDevice) {
    this.device = device;
  }

  get data(): DataView {
    const { buffer, byteOffset, byteLength } = this.bytes;
    return new DataView(buffer, byteOffset, byteLength);
  }
}

export class InputReports {
  readonly listeners = new Set<HidInputReportListener>();
  readonly #event: InputReportEvent;
  readonly #numbered: boolean;
  readonly #now: () => number;

  /** `numbered`: each report's first byte is its id. */
  constructor(device: HidDevice, numbered: boolean, now: () => number) {
    this.#event = new InputReportEvent(device);
    this.#numbered = numbered;
    this.#now = now;
  }

  deliver(report: Uint8Array): void {
    const event = this.#event;
    event.timeStamp = this.#now();
    event.reportId = this.#numbered ? report[0]! : 0;
    event.bytes = this.#numbered ? report.subarray(1) : report;
    for (const listener of this.listeners) listener(event);
    event.bytes = NO_BYTES;
  }
}
