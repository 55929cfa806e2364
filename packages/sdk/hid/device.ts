// Runs in: driver host, sdk/test. Owns: one HID interface of a USB device as a driver sees it: WebHID's shape.
import { DeviceError } from "@ring3/core/errors";
import type { HidCollectionInfo } from "@ring3/core/hid/collections";
import { parseReportDescriptor, type ReportDescriptor } from "@ring3/core/hid/descriptor";
import type { HidLayout, ReportKind } from "@ring3/core/hid/layout";
import { type Outcome, ok } from "../outcome.ts";
import type { Setup, UsbBytes, UsbEndpoint, UsbInterface } from "../usb/types.ts";
import type { Limit, Wait } from "../wait.ts";
import { fetchDescriptors } from "./fetch.ts";
import { InputReports } from "./input-report.ts";
import { hidName } from "./name.ts";
import { readReports } from "./reading.ts";
import { getReport, REQUEST_MS, setIdle, setReport, setReportProtocol } from "./requests.ts";
import type { HidContext, HidDevice, HidInputReportListener, HidOptions, HidUsb } from "./types.ts";

const BOOT_SUBCLASS = 1; // HID 1.11 §4.2
const TRANSFERS = 8;

/**
 * The HID device behind an interface: its report descriptor read and parsed, opened. Throws DeviceError "unsupported" where the interface has no
 * interrupt IN endpoint, "protocol" for a descriptor that is none.
 */
export async function openHid(
  usb: HidUsb,
  ctx: HidContext,
  options: HidOptions = {},
  wait?: Wait,
): Promise<HidDevice> {
  const from = options.interface ?? usb.matched;
  const { version, report } = await fetchDescriptors(usb.raw, from, ctx, wait);
  const descriptor = { ...parseReportDescriptor(report), version };
  const device = new UsbHidDevice(usb, ctx, from, descriptor, options.transfers ?? TRANSFERS);
  await device.open(wait);
  return device;
}

class UsbHidDevice implements HidDevice {
  readonly vendorId: number;
  readonly productId: number;
  readonly productName: string | undefined;
  readonly version: number;
  readonly name: string;
  readonly collections: readonly HidCollectionInfo[];
  readonly layout: HidLayout;
  readonly #usb: HidUsb;
  readonly #ctx: HidContext;
  readonly #interface: UsbInterface;
  readonly #in: UsbEndpoint;
  readonly #out: UsbEndpoint | undefined;
  readonly #transfers: number;
  readonly #reports: InputReports;
  #onInputReport: HidInputReportListener | null = null;
  #opening:
    | { readonly stop: AbortController; readonly ended: PromiseWithResolvers<void>; reading: boolean }
    | undefined;
  #ended: Promise<void> = Promise.resolve();

  constructor(
    usb: HidUsb,
    ctx: HidContext,
    from: UsbInterface,
    { collections, layout, version }: ReportDescriptor & { readonly version: number },
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
    this.collections = collections;
    this.layout = layout;
    this.#usb = usb;
    this.#ctx = ctx;
    this.#interface = from;
    this.#in = endpointIn;
    this.#out = interrupt("out");
    this.#transfers = transfers;
    this.#reports = new InputReports(this, layout.input.numbered, () => ctx.now());
  }

  get opened(): boolean {
    return this.#opening !== undefined;
  }

  get ended(): Promise<void> {
    return this.#ended;
  }

  async open(wait?: Wait): Promise<void> {
    if (this.opened) return;
    const { interfaceNumber, alternate } = this.#interface;
    // Who reports on changes only may not know how to be told so (§7.2.4), and who has just been plugged in uses the report protocol (§7.2.6): what
    // comes of either Linux does not look at (usbhid_parse).
    thereOrThrow(await this.#controlOut(setIdle(interfaceNumber), NO_BYTES, wait), "SET_IDLE");
    if (alternate.interfaceSubclass === BOOT_SUBCLASS)
      thereOrThrow(
        await this.#controlOut(setReportProtocol(interfaceNumber), NO_BYTES, wait),
        "SET_PROTOCOL",
      );
    const ended = Promise.withResolvers<void>();
    this.#opening = { stop: new AbortController(), ended, reading: false };
    this.#ended = ended.promise;
    this.#read();
  }

  async close(): Promise<void> {
    const opening = this.#opening;
    if (opening === undefined) return;
    this.#opening = undefined;
    opening.stop.abort();
    opening.ended.resolve();
    await opening.ended.promise.catch(() => undefined); // told to whoever waits for `ended`
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  addEventListener(_type: "inputreport", listener: HidInputReportListener): void {
    this.#reports.listeners.add(listener);
    this.#read();
  }

  removeEventListener(_type: "inputreport", listener: HidInputReportListener): void {
    this.#reports.listeners.delete(listener);
  }

  get oninputreport(): HidInputReportListener | null {
    return this.#onInputReport;
  }

  set oninputreport(listener: HidInputReportListener | null) {
    if (this.#onInputReport !== null) this.removeEventListener("inputreport", this.#onInputReport);
    this.#onInputReport = listener;
    if (listener !== null) this.addEventListener("inputreport", listener);
  }

  async sendReport(reportId: number, data: UsbBytes, wait?: Wait): Promise<void> {
    const report = this.#report("output", reportId, data);
    const out = this.#out;
    const outcome =
      out === undefined
        ? await this.#controlOut(setReport("output", reportId, this.#interface.interfaceNumber), report, wait)
        : await this.#within(wait, (limit) => this.#usb.raw.interruptOut(out.endpointNumber, report, limit));
    ok(outcome, `output report ${reportId}`);
  }

  async sendFeatureReport(reportId: number, data: UsbBytes, wait?: Wait): Promise<void> {
    const report = this.#report("feature", reportId, data);
    const setup = setReport("feature", reportId, this.#interface.interfaceNumber);
    ok(await this.#controlOut(setup, report, wait), `feature report ${reportId}`);
  }

  async receiveFeatureReport(reportId: number, wait?: Wait): Promise<DataView<ArrayBuffer>> {
    const { numbered, reports } = this.layout.feature;
    const layout = reports.get(reportId);
    this.#expectOpen();
    if (layout === undefined)
      throw new DeviceError(
        "invalid",
        `feature report ${reportId}: expected one of ${[...reports.keys()].join(", ")}`,
      );
    const into = new Uint8Array(layout.bytes + (numbered ? 1 : 0));
    const setup = getReport("feature", reportId, this.#interface.interfaceNumber);
    const outcome = await this.#within(wait, (limit) => this.#usb.raw.controlIn(setup, into, limit));
    return new DataView(into.buffer, 0, ok(outcome, `feature report ${reportId}`));
  }

  /** As it goes to the device: behind its id, if it has one. */
  #report(kind: ReportKind, reportId: number, data: UsbBytes): Uint8Array {
    const { numbered } = this.layout[kind];
    this.#expectOpen();
    if (numbered ? reportId < 1 || reportId > 255 : reportId !== 0)
      throw new DeviceError(
        "invalid",
        `${kind} report ${reportId}: expected ${numbered ? "an id of 1 to 255" : "0, for they have no ids"}`,
      );
    const bytes = ArrayBuffer.isView(data)
      ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
      : new Uint8Array(data);
    if (!numbered) return bytes;
    const report = new Uint8Array(1 + bytes.length);
    report[0] = reportId;
    report.set(bytes, 1);
    return report;
  }

  #expectOpen(): void {
    if (!this.opened) throw new DeviceError("invalid", "HID device: expected it to be open");
  }

  #controlOut(setup: Setup, data: Uint8Array, wait: Wait | undefined): Promise<Outcome> {
    return this.#within(wait, (limit) => this.#usb.raw.controlOut(setup, data, limit));
  }

  async #within(wait: Wait | undefined, run: (limit: Limit) => Promise<Outcome>): Promise<Outcome> {
    using limit = this.#ctx.limit(REQUEST_MS, wait);
    return await run(limit);
  }

  #read(): void {
    const opening = this.#opening;
    if (opening === undefined || opening.reading || this.#reports.listeners.size === 0) return;
    opening.reading = true;
    const { packetSize, endpointNumber } = this.#in;
    // A report that is as long as its packets may end without a short one only if it is the longest (HID 1.11 §8.4): so no transfer is longer.
    const packets = Math.max(1, Math.ceil(this.layout.input.longestBytes / packetSize));
    const reading = {
      raw: this.#usb.raw,
      ctx: this.#ctx,
      endpointNumber,
      options: { transferBytes: packets * packetSize, transfers: this.#transfers },
      deliver: (report: Uint8Array) => this.#reports.deliver(report),
    };
    const signal = AbortSignal.any([opening.stop.signal, this.#ctx.signal]);
    opening.ended.resolve(readReports(reading, signal));
  }
}

const NO_BYTES = new Uint8Array(0);

function thereOrThrow(outcome: Outcome, what: string): void {
  if (outcome.status === "gone" || outcome.status === "cancelled") ok(outcome, what);
}
