// Runs in: driver host, sdk/test. Owns: one claimed HID interface of a USB device, as far as its reports go.
import { DeviceError } from "@ring3/core/errors";
import { parseReportDescriptor, type ReportDescriptor } from "@ring3/core/hid/descriptor";
import { prefixed } from "@ring3/kernel/hidraw/reports";
import { type Outcome, ok } from "../outcome.ts";
import type { Setup, UsbEndpoint, UsbInterface } from "../usb/types.ts";
import type { Limit, Wait } from "../wait.ts";
import { fetchDescriptors } from "./fetch.ts";
import { hidName } from "./name.ts";
import { readReports } from "./reading.ts";
import { getReport, REQUEST_MS, setIdle, setReport, setReportProtocol } from "./requests.ts";
import type { HidContext, HidOptions, HidUsb } from "./types.ts";
import type { HidWire } from "./wire.ts";

const BOOT_SUBCLASS = 1; // HID 1.11 §4.2
const TRANSFERS = 8;
const NO_BYTES = new Uint8Array(0);

/** Throws DeviceError "unsupported" where the interface has no interrupt IN endpoint, "protocol" for a descriptor that is none. */
export async function usbWire(
  usb: HidUsb,
  ctx: HidContext,
  options: HidOptions,
  wait: Wait | undefined,
): Promise<HidWire> {
  const from = options.interface ?? usb.matched;
  const { version, report } = await fetchDescriptors(usb.raw, from, ctx, wait);
  return new UsbWire(usb, ctx, from, parseReportDescriptor(report), version, options.transfers ?? TRANSFERS);
}

class UsbWire implements HidWire {
  readonly vendorId: number;
  readonly productId: number;
  readonly productName: string | undefined;
  readonly version: number;
  readonly name: string;
  readonly descriptor: ReportDescriptor;
  readonly #usb: HidUsb;
  readonly #ctx: HidContext;
  readonly #interface: UsbInterface;
  readonly #in: UsbEndpoint;
  readonly #out: UsbEndpoint | undefined;
  readonly #transfers: number;

  constructor(
    usb: HidUsb,
    ctx: HidContext,
    from: UsbInterface,
    descriptor: ReportDescriptor,
    version: number,
    transfers: number,
  ) {
    const { endpoints } = from.alternate;
    const interrupt = (direction: "in" | "out") =>
      endpoints.find((each) => each.type === "interrupt" && each.direction === direction);
    const endpointIn = interrupt("in");
    if (endpointIn === undefined)
      throw new DeviceError("unsupported", `interface ${from.interfaceNumber}: no interrupt IN endpoint`);
    this.vendorId = usb.vendorId;
    this.productId = usb.productId;
    this.productName = usb.productName;
    this.version = version;
    this.name = hidName(usb);
    this.descriptor = descriptor;
    this.#usb = usb;
    this.#ctx = ctx;
    this.#interface = from;
    this.#in = endpointIn;
    this.#out = interrupt("out");
    this.#transfers = transfers;
  }

  async begin(wait: Wait | undefined): Promise<void> {
    const { interfaceNumber, alternate } = this.#interface;
    // Who reports on changes only may not know how to be told so (§7.2.4), and who has just been plugged in uses the report protocol (§7.2.6): what
    // comes of either Linux does not look at (usbhid_parse).
    thereOrThrow(await this.#controlOut(setIdle(interfaceNumber), NO_BYTES, wait), "SET_IDLE");
    if (alternate.interfaceSubclass === BOOT_SUBCLASS)
      thereOrThrow(
        await this.#controlOut(setReportProtocol(interfaceNumber), NO_BYTES, wait),
        "SET_PROTOCOL",
      );
  }

  read(deliver: (report: Uint8Array) => void, signal: AbortSignal): Promise<void> {
    const { packetSize, endpointNumber } = this.#in;
    // A report that is as long as its packets may end without a short one only if it is the longest (HID 1.11 §8.4): so no transfer is longer.
    const packets = Math.max(1, Math.ceil(this.descriptor.layout.input.longestBytes / packetSize));
    const options = { transferBytes: packets * packetSize, transfers: this.#transfers };
    return readReports({ raw: this.#usb.raw, ctx: this.#ctx, endpointNumber, options, deliver }, signal);
  }

  /** By the interrupt OUT endpoint, where there is one. */
  send(
    kind: "output" | "feature",
    reportId: number,
    data: Uint8Array,
    wait: Wait | undefined,
  ): Promise<Outcome> {
    const report = this.descriptor.layout[kind].numbered ? prefixed(reportId, data) : data;
    const out = this.#out;
    if (kind === "feature" || out === undefined)
      return this.#controlOut(setReport(kind, reportId, this.#interface.interfaceNumber), report, wait);
    return this.#within(wait, (limit) => this.#usb.raw.interruptOut(out.endpointNumber, report, limit));
  }

  current(reportId: number, wait: Wait | undefined): Promise<{ outcome: Outcome; report: Uint8Array }> {
    return this.#receive("input", reportId, wait);
  }

  receive(reportId: number, wait: Wait | undefined): Promise<{ outcome: Outcome; report: Uint8Array }> {
    return this.#receive("feature", reportId, wait);
  }

  async #receive(
    kind: "input" | "feature",
    reportId: number,
    wait: Wait | undefined,
  ): Promise<{ outcome: Outcome; report: Uint8Array }> {
    const { numbered, reports } = this.descriptor.layout[kind];
    const into = new Uint8Array(reports.get(reportId)!.bytes + (numbered ? 1 : 0));
    const setup = getReport(kind, reportId, this.#interface.interfaceNumber);
    const outcome = await this.#within(wait, (limit) => this.#usb.raw.controlIn(setup, into, limit));
    return { outcome, report: into.subarray(0, outcome.bytes) };
  }

  #controlOut(setup: Setup, data: Uint8Array, wait: Wait | undefined): Promise<Outcome> {
    return this.#within(wait, (limit) => this.#usb.raw.controlOut(setup, data, limit));
  }

  async #within(wait: Wait | undefined, run: (limit: Limit) => Promise<Outcome>): Promise<Outcome> {
    using limit = this.#ctx.limit(REQUEST_MS, wait);
    return await run(limit);
  }
}

function thereOrThrow(outcome: Outcome, what: string): void {
  if (outcome.status === "gone" || outcome.status === "cancelled") ok(outcome, what);
}
