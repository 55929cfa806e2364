// Runs in: the usb-drive sim. Owns: the drive over its whole life: on and off the bus, its images, faults and current stream.

import type { DeviceRecord } from "../usbip/codec.ts";
import type { Port, Stream } from "../usbip/server.ts";
import { CONFIGURATION_VALUE, DEVICE_VERSION, MASS_STORAGE, PRODUCT_ID, VENDOR_ID } from "./descriptors.ts";
import { UsbDevice } from "./device.ts";
import { Image } from "./disk.ts";
import { type DriveEvent, type Fault, Faults, isDriveEvent } from "./faults.ts";
import { closeImages, imagePath, openImages, otherDisk } from "./images.ts";
import type { DriveOptions } from "./options.ts";
import { ScsiTarget } from "./scsi/target.ts";
import { LogicalUnit } from "./scsi/unit.ts";

const AWAY_MS = 100; // off the bus after power-loss and other-disk, unless the fault says otherwise
const BUS_NUMBER = 1;
const DEVICE_NUMBER = 2;

export class Drive {
  readonly faults = new Faults();
  readonly #port: string;
  readonly #print: (line: object) => void;
  #options: DriveOptions; // of the drive on the bus
  #configured: DriveOptions; // of the drive that `plug` brings back
  #device: UsbDevice | undefined;
  #stream: Stream | undefined;
  #imports = 0;
  #changing: Promise<unknown> = Promise.resolve();
  /** Of a drive that is to come back by itself; whoever plugs or unplugs it by hand has decided otherwise. */
  #return: NodeJS.Timeout | undefined;

  constructor(port: string, options: DriveOptions, print: (line: object) => void) {
    this.#port = port;
    this.#options = options;
    this.#configured = options;
    this.#print = print;
    this.#device = this.#build(options);
  }

  get configured(): DriveOptions {
    return this.#configured;
  }

  get plugged(): boolean {
    return this.#device !== undefined;
  }

  record(): DeviceRecord | undefined {
    if (this.#device === undefined) return undefined;
    return {
      path: `/sys/devices/ring3/usb-drive/${this.#port}`,
      busid: this.#port,
      busNumber: BUS_NUMBER,
      deviceNumber: DEVICE_NUMBER,
      speed: this.#options.speed,
      vendorId: VENDOR_ID,
      productId: PRODUCT_ID,
      deviceVersion: DEVICE_VERSION,
      configurationValue: CONFIGURATION_VALUE,
      deviceClass: { class: 0, subclass: 0, protocol: 0 },
      interfaces: [MASS_STORAGE],
    };
  }

  /** A newer import fences the one before: nothing of the old stream reaches the device any more. */
  attach(stream: Stream): Port {
    this.#cut();
    this.#stream = stream;
    this.#imports++;
    this.faults.imported();
    return this.#device!;
  }

  detach(stream: Stream): void {
    if (stream !== this.#stream) return;
    this.#stream = undefined;
    this.#device?.detach();
  }

  /** Pulled out: its power goes, and with it what a write cache holds. */
  unplug(): Promise<void> {
    clearTimeout(this.#return);
    const device = this.#device;
    if (device === undefined) return this.#serially(async () => {});
    this.#device = undefined;
    device.target.losePower();
    this.#cut();
    this.#print({ event: "unplugged" });
    return this.#serially(async () => {
      await device.stop();
      await closeImages(device.target.units);
    });
  }

  /** Throws an Error that names the image which cannot be opened; the drive then stays away. */
  async plug(options: DriveOptions): Promise<void> {
    clearTimeout(this.#return);
    await this.#appear(options);
    this.#configured = options;
  }

  #appear(options: DriveOptions): Promise<void> {
    return this.#serially(async () => {
      if (this.#device !== undefined) throw new Error("the drive is plugged already");
      this.#device = this.#build(options);
      this.#options = options;
      this.faults.garbage = undefined;
      this.#print({ event: "plugged", busid: this.#port });
    });
  }

  /** An orderly end: what the cache holds is written. */
  async shutdown(): Promise<void> {
    this.#cut();
    const device = this.#device;
    this.#device = undefined;
    await this.#serially(async () => {
      if (device === undefined) return;
      await device.stop();
      await Promise.all(device.target.units.map((unit) => unit.medium?.flush()));
      await closeImages(device.target.units);
    });
  }

  /** What befalls the drive at once when no `@` tells it to wait for a command; every other fault waits for its command. */
  fault(fault: Fault): void {
    const now =
      fault.count === undefined &&
      isDriveEvent(fault.kind) &&
      fault.kind !== "vanish" &&
      fault.kind !== "cut";
    if (now) this.#happen(fault.kind as DriveEvent, fault.argument);
    else this.faults.add(fault);
  }

  async eject(lun: number): Promise<void> {
    const unit = this.#unit(lun);
    await (await unit.eject())?.close();
  }

  async insert(lun: number, path: string | undefined): Promise<void> {
    const unit = this.#unit(lun);
    if (unit.medium !== undefined) throw new Error(`LUN ${lun} has a medium: eject it first`);
    unit.insert(Image.open(path ?? imagePath(this.#options, lun), this.#options));
  }

  stats(): object {
    const units = this.#device?.target.units ?? [];
    const sum = (of: (unit: LogicalUnit) => number) => units.reduce((total, unit) => total + of(unit), 0);
    return {
      plugged: this.plugged,
      imported: this.#stream !== undefined,
      imports: this.#imports,
      resets: this.#device?.resets ?? 0,
      reads: sum((unit) => unit.counters.reads),
      writes: sum((unit) => unit.counters.writes),
      flushes: sum((unit) => unit.counters.flushes),
      readBytes: sum((unit) => unit.counters.readBytes),
      writtenBytes: sum((unit) => unit.counters.writtenBytes),
      dirtyBytes: sum((unit) => unit.dirtyBytes),
      faults: this.faults.waiting,
    };
  }

  #happen(event: DriveEvent, argument: number | undefined): void {
    switch (event) {
      case "unit-attention-power-on":
        this.#device?.target.losePower();
        return;
      case "cut":
        this.#cut();
        return;
      case "vanish":
        void this.unplug();
        if (argument !== undefined) this.#comeBack(argument, this.#options);
        return;
      case "power-loss":
        void this.unplug();
        this.#comeBack(argument ?? AWAY_MS, this.#options);
        return;
      case "other-disk":
        this.#other();
        return;
    }
  }

  #other(): void {
    const options = otherDisk(this.#options, this.#device?.target.units[0]?.image?.sizeBytes ?? 0);
    void this.unplug();
    this.#comeBack(AWAY_MS, options);
  }

  #comeBack(ms: number, options: DriveOptions): void {
    this.#return = setTimeout(() => {
      this.#appear(options).catch((error: Error) => this.#print({ event: "failed", error: error.message }));
    }, ms);
  }

  #cut(): void {
    this.#stream?.close();
    this.#stream = undefined;
    this.#device?.detach();
  }

  /** Plugging waits until the images of the drive before are closed. */
  #serially<T>(change: () => Promise<T>): Promise<T> {
    const result = this.#changing.then(change);
    this.#changing = result.catch(() => {});
    return result;
  }

  #unit(lun: number): LogicalUnit {
    const unit = this.#device?.target.units[lun];
    if (this.#device === undefined) throw new Error("the drive is unplugged");
    if (unit === undefined) throw new Error(`expected a LUN below ${this.#options.luns}, found ${lun}`);
    if (!this.#options.removable) throw new Error("the drive has no removable medium (--removable)");
    return unit;
  }

  #build(options: DriveOptions): UsbDevice {
    const images = openImages(options);
    const units = images.map(
      (image, lun) => new LogicalUnit({ ...options, lun }, image, this.faults.badSectors),
    );
    return new UsbDevice(options, new ScsiTarget(units), this.faults, (event, argument) =>
      this.#happen(event, argument),
    );
  }
}
