// Runs in: driver host. Owns: a HID device behind a descriptor of its hidraw node. Reports are as the kernel has them: reports.ts says how.
import { REPORT_BYTES_MAX } from "@ring3/core/hid/limits";
import { cancelled, EAGAIN, ENODEV, gone, outcome } from "../usb/outcome.ts";
import type { Outcome } from "../usb/transport.ts";
import type { HidrawCalls } from "./calls.ts";
import { HIDIOCGFEATURE, HIDIOCGINPUT, HIDIOCSFEATURE, HIDRAW_BUFFER_SIZE } from "./constants.ts";

export type HidrawListener = (report: Uint8Array) => void;

/** All but `listen` and `drain` ask the device while the caller waits, as long as its kernel driver lets it: 5 s in hidp, uhid and usbhid. */
export interface HidrawTransport {
  /** Hears each input report; it is lent until the listener returns. Without one the kernel keeps the first `HIDRAW_BUFFER_SIZE`. */
  listen(listener: HidrawListener | undefined): void;
  /** What waits in the kernel is nobody's: it was dropped from `HIDRAW_BUFFER_SIZE` on, a release behind its press. */
  drain(): void;
  sendOutput(report: Uint8Array): Outcome;
  sendFeature(report: Uint8Array): Outcome;
  /** `into` begins with the id; what was received lies there afterwards. "input": from Linux 5.11 on. */
  receive(kind: "feature" | "input", into: Uint8Array): Outcome;
  /** Resolves when the device is away; never rejects. */
  readonly gone: Promise<void>;
  close(): Promise<void>;
}

export function hidrawTransport(calls: HidrawCalls): HidrawTransport {
  const away = Promise.withResolvers<void>();
  const report = new Uint8Array(REPORT_BYTES_MAX);
  let listener: HidrawListener | undefined;
  let state: "open" | "away" | "closed" = "open";

  const leave = (next: "away" | "closed"): void => {
    if (state !== "open") return;
    state = next;
    calls.close();
    if (next === "away") away.resolve();
  };

  /** A device that sends faster than it is heard must not keep everything else from running. */
  const read = (heard: HidrawListener | undefined): void => {
    for (let reports = 0; reports < HIDRAW_BUFFER_SIZE && state === "open"; reports++) {
      const length = calls.read(report);
      if (length === -EAGAIN) return;
      if (length < 0) return leave("away"); // EIO, or ENODEV where it was revoked: hidraw_read, drivers/hid/hidraw.c
      heard?.(report.subarray(0, length));
    }
  };
  calls.watch(() => read(listener));

  const asked = (ask: () => number): Outcome => {
    if (state !== "open") return state === "away" ? gone() : cancelled();
    const answer = ask();
    if (answer === -ENODEV) leave("away");
    return answer < 0 ? outcome(answer) : outcome(0, answer);
  };

  return {
    gone: away.promise,
    listen(next) {
      listener = next;
      if (state === "open") calls.heed(next !== undefined);
    },
    drain: () => read(undefined),
    sendOutput: (bytes) => asked(() => calls.write(bytes)),
    sendFeature: (bytes) => asked(() => calls.ioctl(HIDIOCSFEATURE(bytes.length), bytes)),
    receive: (kind, into) =>
      asked(() => calls.ioctl((kind === "feature" ? HIDIOCGFEATURE : HIDIOCGINPUT)(into.length), into)),
    async close() {
      leave("closed");
    },
  };
}
