// Runs in: tests. Owns: nothing. The kernel's side of a hidraw node as drivers/hid/hidraw.c behaves, moved by hand.
import type { HidrawCalls } from "./calls.ts";
import { HIDIOCGFEATURE, HIDIOCGINPUT, HIDIOCSFEATURE } from "./constants.ts";

const EAGAIN = 11;
const EIO = 5;
const ENODEV = 19;
const EBADF = 9;

const NAMES = new Map([
  [HIDIOCSFEATURE(0), "set feature"],
  [HIDIOCGFEATURE(0), "get feature"],
  [HIDIOCGINPUT(0), "get input"],
]);
const SIZE_MASK = 0x3fff0000; // asm-generic/ioctl.h, _IOC_SIZEMASK << _IOC_SIZESHIFT

export class ScriptedHidraw implements HidrawCalls {
  /** "output: 0207", "set feature: 0301", "get feature of 3 bytes: 030000". */
  readonly heard: string[] = [];
  /** What a device has to a question, by the id that it begins with; none: EIO. */
  readonly features = new Map<number, Uint8Array>();
  /** Instead of what the device would do. */
  answer: number | undefined;
  closed = false;
  heeds = false;
  readonly #reports: Uint8Array[] = [];
  #state: "there" | "away" | "revoked" = "there";
  #run: () => void = () => {};

  ioctl(request: number, argument: Uint8Array | number): number {
    if (typeof argument === "number") throw new Error("no request of the transport's has a number");
    const name = NAMES.get((request & ~SIZE_MASK) >>> 0)!;
    const length = (request & SIZE_MASK) >>> 16;
    if (length !== argument.length) throw new Error(`${name} of ${length} bytes in ${argument.length}`);
    this.#hear(name.startsWith("get") ? `${name} of ${length} bytes` : name, argument);
    const refused = this.#refused();
    if (refused !== undefined) return refused;
    if (name === "set feature") return length;
    const feature = this.features.get(argument[0]!);
    if (feature === undefined) return -EIO;
    argument.set(feature.subarray(0, length));
    return Math.min(length, feature.length);
  }

  write(report: Uint8Array): number {
    this.#hear("output", report);
    return this.#refused() ?? report.length;
  }

  read(into: Uint8Array): number {
    if (this.#state === "revoked") return -ENODEV;
    const report = this.#reports.shift();
    if (report === undefined) return this.#state === "away" ? -EIO : -EAGAIN;
    into.set(report);
    return report.length;
  }

  watch(run: () => void): void {
    this.#run = run;
  }

  heed(reports: boolean): void {
    this.heeds = reports;
    if (reports && this.#reports.length > 0) this.#run();
  }

  close(): void {
    this.closed = true;
  }

  send(...reports: readonly Uint8Array[]): void {
    this.#reports.push(...reports);
    if (this.heeds && !this.closed) this.#run();
  }

  unplug(): void {
    this.#state = "away";
    this.#run();
  }

  /** The kernel wakes nobody for it. */
  revoke(): void {
    this.#state = "revoked";
  }

  /** Reports that nobody has read. */
  get left(): number {
    return this.#reports.length;
  }

  #hear(what: string, bytes: Uint8Array): void {
    this.heard.push(`${what}: ${Buffer.from(bytes).toString("hex")}`);
  }

  #refused(): number | undefined {
    if (this.closed) return -EBADF;
    return this.#state === "there" ? this.answer : -ENODEV;
  }
}
