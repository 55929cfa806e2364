// Runs in: driver host, sdk/test. Owns: one HID device as a driver sees it: WebHID's shape, whichever way it is reached.
import { DeviceError } from "@ring3/core/errors";
import type { HidCollectionInfo } from "@ring3/core/hid/collections";
import type { HidLayout, ReportKind } from "@ring3/core/hid/layout";
import { ok } from "../outcome.ts";
import type { UsbBytes } from "../usb/types.ts";
import type { Wait } from "../wait.ts";
import { hidrawWire } from "./hidraw-wire.ts";
import { InputReports } from "./input-report.ts";
import { isRecallable } from "./recallable.ts";
import type { HidContext, HidDevice, HidInputReportListener, HidOptions, Hidraw, HidUsb } from "./types.ts";
import { usbWire } from "./usb-wire.ts";
import type { HidWire } from "./wire.ts";

const BUS_USB = 3; // linux/input.h
/** For each report: some devices do not answer (HID_QUIRK_NO_INIT_REPORTS, drivers/hid/hid-quirks.c), and a driver is waited for. */
const RECALL_MS = 100;

/**
 * The HID device behind a USB interface, or behind a hidraw node: its report descriptor read and parsed, opened. Throws DeviceError "unsupported" where
 * the interface has no interrupt IN endpoint, "protocol" for a descriptor that is none.
 */
export async function openHid(
  device: HidUsb | Hidraw,
  ctx: HidContext,
  options: HidOptions = {},
  wait?: Wait,
): Promise<HidDevice> {
  const hid =
    "matched" in device
      ? new WiredHidDevice(BUS_USB, await usbWire(device, ctx, options, wait), ctx, options)
      : new WiredHidDevice(device.bustype, hidrawWire(device, ctx), ctx, options);
  await hid.open(wait);
  return hid;
}

class WiredHidDevice implements HidDevice {
  readonly bustype: number;
  readonly vendorId: number;
  readonly productId: number;
  readonly productName: string | undefined;
  readonly version: number;
  readonly name: string;
  readonly collections: readonly HidCollectionInfo[];
  readonly layout: HidLayout;
  readonly #wire: HidWire;
  readonly #ctx: HidContext;
  readonly #reports: InputReports;
  readonly #recall: boolean;
  #openings: number;
  /** Of the present opening: nobody has listened yet. */
  #recalled: readonly Uint8Array[] = [];
  #onInputReport: HidInputReportListener | null = null;
  #opening:
    | { readonly stop: AbortController; readonly ended: PromiseWithResolvers<void>; reading: boolean }
    | undefined;
  #ended: Promise<void> = Promise.resolve();

  constructor(bustype: number, wire: HidWire, ctx: HidContext, { recall = false }: HidOptions) {
    const { collections, layout } = wire.descriptor;
    this.bustype = bustype;
    this.vendorId = wire.vendorId;
    this.productId = wire.productId;
    this.productName = wire.productName;
    this.version = wire.version;
    this.name = wire.name;
    this.collections = collections;
    this.layout = layout;
    this.#wire = wire;
    this.#ctx = ctx;
    this.#recall = recall;
    this.#openings = ctx.incarnation - 1;
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
    await this.#wire.begin(wait);
    this.#recalled = this.#recall && this.#openings++ > 0 ? await this.#current(wait) : [];
    const ended = Promise.withResolvers<void>();
    this.#opening = { stop: new AbortController(), ended, reading: false };
    this.#ended = ended.promise;
    this.#read();
  }

  /** Before anything is read: what is read then is newer. */
  async #current(wait: Wait | undefined): Promise<readonly Uint8Array[]> {
    const { numbered, reports } = this.layout.input;
    const current: Uint8Array[] = [];
    if (this.#wire.current === undefined) return current;
    for (const { reportId } of [...reports.values()].filter(isRecallable)) {
      using limit = this.#ctx.limit(RECALL_MS, wait);
      const { outcome, report } = await this.#wire.current(reportId, limit);
      if (outcome.status === "stall") continue; // that one it does not say
      if (outcome.status !== "ok") break; // nor will it say the others
      if (report.length > 0 && (!numbered || report[0] === reportId)) current.push(report);
    }
    return current;
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

  sendReport(reportId: number, data: UsbBytes, wait?: Wait): Promise<void> {
    return this.#send("output", reportId, data, wait);
  }

  sendFeatureReport(reportId: number, data: UsbBytes, wait?: Wait): Promise<void> {
    return this.#send("feature", reportId, data, wait);
  }

  async #send(
    kind: "output" | "feature",
    reportId: number,
    data: UsbBytes,
    wait: Wait | undefined,
  ): Promise<void> {
    this.#expectOpen();
    this.#expectId(kind, reportId);
    const bytes = ArrayBuffer.isView(data)
      ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
      : new Uint8Array(data);
    ok(await this.#wire.send(kind, reportId, bytes, wait), `${kind} report ${reportId}`);
  }

  async receiveFeatureReport(reportId: number, wait?: Wait): Promise<DataView<ArrayBuffer>> {
    this.#expectOpen();
    const { reports } = this.layout.feature;
    if (!reports.has(reportId))
      throw new DeviceError(
        "invalid",
        `feature report ${reportId}: expected one of ${[...reports.keys()].join(", ")}`,
      );
    const { outcome, report } = await this.#wire.receive(reportId, wait);
    ok(outcome, `feature report ${reportId}`);
    return new DataView(report.buffer as ArrayBuffer, report.byteOffset, report.byteLength);
  }

  #expectId(kind: ReportKind, reportId: number): void {
    const { numbered } = this.layout[kind];
    if (numbered ? reportId < 1 || reportId > 255 : reportId !== 0)
      throw new DeviceError(
        "invalid",
        `${kind} report ${reportId}: expected ${numbered ? "an id of 1 to 255" : "0, for they have no ids"}`,
      );
  }

  #expectOpen(): void {
    if (!this.opened) throw new DeviceError("invalid", "HID device: expected it to be open");
  }

  #read(): void {
    const opening = this.#opening;
    if (opening === undefined || opening.reading || this.#reports.listeners.size === 0) return;
    opening.reading = true;
    for (const report of this.#recalled) this.#reports.deliver(report);
    const signal = AbortSignal.any([opening.stop.signal, this.#ctx.signal]);
    opening.ended.resolve(this.#wire.read((report) => this.#reports.deliver(report), signal));
  }
}
