// Runs in: driver host, sdk/test. Owns: a HID device's hidraw node, as far as its reports go. What USB has to be told first, the kernel has said.
import { parseReportDescriptor } from "@ring3/core/hid/descriptor";
import { askedFor, prefixed, received } from "@ring3/kernel/hidraw/reports";
import type { Outcome } from "../outcome.ts";
import { runWithin } from "../request-context.ts";
import type { Wait } from "../wait.ts";
import { hidName } from "./name.ts";
import { REQUEST_MS } from "./requests.ts";
import type { HidContext, Hidraw } from "./types.ts";
import type { HidWire } from "./wire.ts";

/** Throws DeviceError "protocol" for a report descriptor that is none. */
export function hidrawWire(hidraw: Hidraw, ctx: HidContext): HidWire {
  const { vendorId, productId, productName, version, raw } = hidraw;
  const descriptor = parseReportDescriptor(hidraw.reportDescriptor);
  let begun = false;
  /** The device is asked only in time: once it is, nothing but its kernel driver ends it. */
  const timely = async (wait: Wait | undefined, ask: () => Outcome): Promise<Outcome> => {
    using limit = ctx.limit(REQUEST_MS, wait);
    if (limit.over !== undefined) throw limit.over;
    return ask();
  };
  return {
    vendorId,
    productId,
    productName,
    version,
    name: hidName({ vendorId, productId, productName, manufacturerName: undefined }),
    descriptor,
    // The first opening hears what has come since the node was opened. Of a close, a rest, what came is old, and the kernel keeps its beginning without its end.
    async begin() {
      if (begun) raw.drain();
      begun = true;
    },
    read(deliver, signal) {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      const heard = (report: Uint8Array): void => {
        try {
          runWithin({ signal }, () => deliver(report));
        } catch (error) {
          reject(error);
        }
      };
      const stop = (): void => resolve();
      signal.addEventListener("abort", stop, { once: true });
      if (signal.aborted) stop();
      else raw.listen(heard);
      void raw.gone.then(resolve);
      return promise.finally(() => {
        signal.removeEventListener("abort", stop);
        raw.listen(undefined);
      });
    },
    send(kind, reportId, data, wait) {
      const report = prefixed(reportId, data);
      return timely(wait, () => (kind === "output" ? raw.sendOutput(report) : raw.sendFeature(report)));
    },
    async receive(reportId, wait) {
      const { numbered, reports } = descriptor.layout.feature;
      const asked = askedFor(reportId, reports.get(reportId)!.bytes);
      const outcome = await timely(wait, () => raw.receive("feature", asked));
      return { outcome, report: received(numbered, asked, outcome.bytes, hidraw.bustype) };
    },
  };
}
