// Runs in: driver host, jailed. Owns: the bulk pipes of one mass-storage interface: one command at a time, and the way back when
// device and host no longer agree where they are. Sections are those of USB Mass Storage Class Bulk-Only Transport 1.0.
import { type Context, DeviceError, type Outcome, outcomeError, type UsbDevice, type Wait } from "@ring3/sdk";
import { CBW_BYTES, CSW_BYTES, type Csw, decodeCsw, encodeCbw, massStorageReset } from "./bot.ts";
import type { ScsiCommand } from "./cdb.ts";
import { Turns } from "./turns.ts";

/** What of the driver's context this driver's parts need. */
export type Host = Pick<Context, "limit" | "sleep" | "now" | "log">;

export interface Result {
  readonly passed: boolean;
  /** Bytes of data that host and device agree to have moved. */
  readonly bytes: number;
}

const INQUIRY = 0x12; // SPC-4 §6.6
const STANDARD_INQUIRY_BYTES = 36;
const NO_BYTES = new Uint8Array(0);
/** How long each request of a reset recovery may take; Linux gives the class reset as much (usb_stor_reset_common). */
const RECOVERY_STEP_MS = 5_000;

export class BulkOnly {
  /** Whoever sends commands holds a turn, so that nothing comes between a command and its REQUEST SENSE. */
  readonly turns = new Turns();
  /** Set for a device whose residues are wrong even when all is well; then only what really moved counts. */
  ignoreResidue = false;
  readonly #usb: UsbDevice;
  readonly #host: Host;
  readonly #interface: number;
  readonly #alternate: number;
  readonly #in: number;
  readonly #out: number;
  readonly #cbw = new Uint8Array(CBW_BYTES);
  readonly #csw = new Uint8Array(CSW_BYTES);
  #tag = 0;
  #astray = false;
  #resets = 0;

  constructor(usb: UsbDevice, host: Host) {
    const { interfaceNumber, alternate } = usb.matched;
    const pipe = (direction: "in" | "out"): number => {
      const found = alternate.endpoints.find((each) => each.type === "bulk" && each.direction === direction);
      if (found === undefined)
        throw new DeviceError(
          "protocol",
          `interface ${interfaceNumber}: no bulk ${direction} endpoint (§4.4)`,
        );
      return found.endpointNumber;
    };
    this.#usb = usb;
    this.#host = host;
    this.#interface = interfaceNumber;
    this.#alternate = alternate.alternateSetting;
    this.#in = pipe("in");
    this.#out = pipe("out");
  }

  /** Resets of the whole device so far. Each may be answered with a unit attention that tells of it; a class reset is not. */
  get resets(): number {
    return this.#resets;
  }

  /**
   * One command, one try. Rejects with DeviceError when its status is not known: the next exchange then recovers first.
   * `data` is filled or sent in place.
   */
  async exchange(lun: number, command: ScsiCommand, data: Uint8Array, wait: Wait): Promise<Result> {
    if (this.#astray) await this.recover(wait);
    // Until a status has come that belongs to this command.
    this.#astray = true;
    this.#tag = (this.#tag + 1) >>> 0;
    const direction = data.length === 0 ? "out" : command.direction;
    encodeCbw({ tag: this.#tag, lun, direction, dataLength: data.length, cdb: command.cdb }, this.#cbw);
    const sent = await this.#usb.raw.bulkOut(this.#out, this.#cbw, wait);
    // A stalled CBW was not taken as valid (§5.3.1, §6.6.1): only a reset recovery gets the device back.
    if (sent.status === "stall")
      throw new DeviceError("protocol", `${command.name}: command wrapper refused`);
    moved(sent, command.name);
    const { bytes, early } =
      data.length === 0 ? { bytes: 0, early: undefined } : await this.#data(command, data, wait);
    const csw = early ?? (await this.#status(command, data.length, wait));
    if (csw.status === "phase-error")
      throw new DeviceError("protocol", `${command.name}: phase error (§6.6.2)`);
    this.#astray = false;
    // A device that has sent all 36 bytes and claims a residue lies whenever it speaks of one (Linux: usb_stor_Bulk_transport).
    const whole = bytes === STANDARD_INQUIRY_BYTES && data.length === bytes; // vital product data may end there as well
    if (command.cdb[0] === INQUIRY && whole && csw.status === "passed" && csw.residue > 0)
      this.ignoreResidue = true;
    const processed = this.ignoreResidue ? data.length : data.length - csw.residue;
    return { passed: csw.status === "passed", bytes: Math.min(bytes, processed) };
  }

  /** §5.3.2. A stall ends the phase early; the status tells why (§6.7.2, §6.7.3). */
  async #data(
    command: ScsiCommand,
    data: Uint8Array,
    wait: Wait,
  ): Promise<{ bytes: number; early: Csw | undefined }> {
    const { direction, name } = command;
    const outcome =
      direction === "in"
        ? await this.#usb.raw.bulkIn(this.#in, data, wait)
        : await this.#usb.raw.bulkOut(this.#out, data, wait);
    if (outcome.status === "stall") await this.#clearHalt(direction, wait);
    else moved(outcome, `${name}, data`);
    // Some devices that fail a command skip its data phase (Linux: usb_stor_Bulk_transport, "Device skipped data phase").
    if (direction === "in" && outcome.bytes === CSW_BYTES && data.length > CSW_BYTES) {
      const early = decodeCsw(data.subarray(0, CSW_BYTES), this.#tag, data.length);
      if (typeof early !== "string") return { bytes: 0, early };
    }
    return { bytes: outcome.bytes, early: undefined };
  }

  /** §5.3.3 and figure 2: a stall is cleared and the status asked for once more. */
  async #status(command: ScsiCommand, dataLength: number, wait: Wait): Promise<Csw> {
    const what = `${command.name}, status`;
    let outcome = await this.#usb.raw.bulkIn(this.#in, this.#csw, wait);
    if (outcome.status === "stall") {
      await this.#clearHalt("in", wait);
      outcome = await this.#usb.raw.bulkIn(this.#in, this.#csw, wait);
    } else if (outcome.status === "ok" && outcome.bytes === 0) {
      // An empty packet that closes the data phase where none is due (Linux: "Received 0-length CSW").
      outcome = await this.#usb.raw.bulkIn(this.#in, this.#csw, wait);
    }
    if (outcome.status === "stall") throw new DeviceError("protocol", `${what}: refused twice`);
    moved(outcome, what);
    const csw = decodeCsw(this.#csw.subarray(0, outcome.bytes), this.#tag, dataLength);
    if (typeof csw === "string") throw new DeviceError("protocol", `${what}: ${csw}`);
    return csw;
  }

  /** Reset recovery, §5.3.4: class reset, then both halts. A device that refuses it is reset as a whole. */
  async recover(wait: Wait): Promise<void> {
    this.#astray = true;
    const { raw } = this.#usb;
    const failure =
      (await this.#step("mass storage reset", wait, (each) =>
        raw.controlOut(massStorageReset(this.#interface), NO_BYTES, each),
      )) ??
      (await this.#step("clear halt in", wait, (each) => raw.clearHalt("in", this.#in, each))) ??
      (await this.#step("clear halt out", wait, (each) => raw.clearHalt("out", this.#out, each)));
    if (failure !== undefined) await this.#resetDevice(failure, wait);
    this.#astray = false;
  }

  async #resetDevice(why: DeviceError, wait: Wait): Promise<void> {
    this.#host.log.warn(`reset of the device, because reset recovery failed: ${why.message}`);
    using limit = this.#host.limit(RECOVERY_STEP_MS, wait);
    this.#resets++;
    await this.#usb.reset(limit);
    if (this.#alternate !== 0)
      await this.#usb.selectAlternateInterface(this.#interface, this.#alternate, limit);
  }

  /** The error that the device caused; throws when it is gone or the caller's own time is up. */
  async #step(
    what: string,
    wait: Wait,
    run: (wait: Wait) => Promise<Outcome>,
  ): Promise<DeviceError | undefined> {
    // Half of what is left at most: a device that hangs is deaf to class requests, and only a reset of the device helps.
    const left = (wait.deadlineMs ?? Number.POSITIVE_INFINITY) - this.#host.now();
    using limit = this.#host.limit(Math.min(RECOVERY_STEP_MS, left / 2), wait);
    const error = outcomeError(await run(limit), what);
    if (error !== undefined && (error.kind === "disconnected" || wait.signal?.aborted)) throw error;
    return error;
  }

  async #clearHalt(direction: "in" | "out", wait: Wait): Promise<void> {
    moved(
      await this.#usb.raw.clearHalt(direction, direction === "in" ? this.#in : this.#out, wait),
      `clear halt ${direction}`,
    );
  }
}

/** Throws for every outcome that leaves the state of the command unknown. */
function moved(outcome: Outcome, what: string): void {
  const error = outcomeError(outcome, what);
  if (error !== undefined) throw error;
}
