// Runs in: driver host, sdk/test. Owns: nothing. How a hidraw grant becomes what a driver sees as `hid`.
import type { HidrawTransport } from "@ring3/kernel/hidraw/transport";
import type { Hidraw } from "./types.ts";

export type HidrawTerms = Omit<Hidraw, "raw">;

/** Its `raw` lacks what is not a driver's to do. */
export function createHidraw(terms: HidrawTerms, transport: HidrawTransport): Hidraw {
  const { listen, drain, sendOutput, sendFeature, receive, gone } = transport;
  return { ...terms, raw: { listen, drain, sendOutput, sendFeature, receive, gone } };
}
