// Runs in: tests. Owns: a HID device behind a hidraw node that answers as its test tells it to.
import { HIDRAW_BUFFER_SIZE } from "@ring3/kernel/hidraw/constants";
import { EPIPE, gone, outcome } from "@ring3/kernel/usb/outcome";
import type { Outcome } from "@ring3/kernel/usb/transport";
import type { Hidraw } from "../hid/types.ts";

export interface HidrawOptions {
  /** 5, Bluetooth, unless given. */
  readonly bustype?: number;
  /** 1209:0001 unless given. */
  readonly vendorId?: number;
  readonly productId?: number;
  /** "Played" unless given. */
  readonly product?: string;
  readonly version?: number;
  /** Feature reports by id, as the kernel brings them. What is not there stalls. */
  readonly features?: Readonly<Record<number, Uint8Array>>;
  /** Of an output or a feature report; all are taken without it. */
  readonly report?: (data: Uint8Array, kind: "output" | "feature") => "ok" | "stall" | "error";
}

export interface PlayedHidraw {
  readonly hid: Hidraw;
  /** Input reports, with their ids where they have any. Resolves once the driver has heard them. */
  send(...reports: readonly Uint8Array[]): Promise<void>;
  /** Output and feature reports that came, oldest first, with the byte for the id: "output: 0002", "feature: 0801". */
  readonly reports: string[];
  unplug(): void;
}

const EIO = 5; // asm-generic/errno-base.h

/** `descriptor`: its report descriptor. */
export function playedHidraw(descriptor: Uint8Array, options: HidrawOptions = {}): PlayedHidraw {
  const reports: string[] = [];
  const unsent: Uint8Array[] = [];
  const away = Promise.withResolvers<void>();
  let isGone = false;
  let listener: ((report: Uint8Array) => void) | undefined;

  const taken = (kind: "output" | "feature", report: Uint8Array): Outcome => {
    if (isGone) return gone();
    reports.push(`${kind}: ${Buffer.from(report).toString("hex")}`);
    const ends = { ok: outcome(0, report.length), stall: outcome(EPIPE), error: outcome(EIO) };
    return ends[options.report?.(report, kind) ?? "ok"];
  };

  return {
    reports,
    hid: {
      bustype: options.bustype ?? 5,
      vendorId: options.vendorId ?? 0x1209,
      productId: options.productId ?? 0x0001,
      productName: options.product ?? "Played",
      serialNumber: undefined,
      version: options.version ?? 0,
      reportDescriptor: descriptor,
      raw: {
        gone: away.promise,
        listen(next) {
          listener = next;
          while (listener !== undefined && unsent.length > 0) listener(unsent.shift()!);
        },
        drain: () => void unsent.splice(0),
        sendOutput: (report) => taken("output", report),
        sendFeature: (report) => taken("feature", report),
        receive(kind, into) {
          if (isGone) return gone();
          const feature = kind === "feature" ? options.features?.[into[0]!] : undefined;
          if (feature === undefined) return outcome(EPIPE);
          into.set(feature.subarray(0, into.length));
          return outcome(0, Math.min(feature.length, into.length));
        },
      },
    },
    async send(...sent) {
      for (const report of sent) {
        if (listener !== undefined) listener(report);
        else if (unsent.length < HIDRAW_BUFFER_SIZE) unsent.push(report);
        await new Promise((resolve) => void setImmediate(resolve));
      }
    },
    unplug() {
      isGone = true;
      away.resolve();
    },
  };
}
