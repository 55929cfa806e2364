// Runs in: tests. Owns: one device without a process or a bus, the host that asks it, and what was observed of it.

import { Urb } from "../../usbip/urb.ts";
import { outline } from "../descriptors.ts";
import { Device } from "../device.ts";
import { type FaultKind, Faults } from "../faults.ts";
import type { Model } from "../model.ts";
import { parseLine } from "../script.ts";

export interface Reply {
  readonly errno: number;
  readonly hex: string;
}

export const EPIPE = 32; // asm-generic/errno-base.h
export const EOVERFLOW = 75; // asm-generic/errno.h

export class Host<State> {
  readonly device: Device<State>;
  readonly faults: Faults;
  readonly observed: object[] = [];
  /** How often the device has said that its input is read. */
  reads = 0;
  readonly #model: Model<State>;
  readonly #waiting = new Map<Urb, (reply: Reply) => void>();
  readonly #stream = {
    answer: (urb: Urb, errno: number, _actual: number, parts: readonly Uint8Array[]) =>
      this.#waiting.get(urb)?.({ errno, hex: Buffer.concat(parts).toString("hex") }),
  };
  #seqnum = 0;

  constructor(model: Model<State>, options: { faults?: FaultKind[]; intervalMs?: number } = {}) {
    this.#model = model;
    this.faults = new Faults(options.faults);
    this.device = new Device(model, model.vocabulary.fresh(), {
      faults: this.faults,
      intervalMs: options.intervalMs ?? 0,
      observe: (observed, details) => this.observed.push({ observed, ...details }),
      read: () => this.reads++,
    });
  }

  /** Steps of a script that take no time. */
  play(...lines: string[]): void {
    for (const line of lines) {
      const [step] = parseLine(line.split(" "), this.#model.vocabulary);
      if (step?.kind !== "do") throw new Error(`${line}: takes time`);
      step.act(this.device.state);
      this.device.show();
    }
  }

  /** A report, in hexadecimal; waits for one. A packet is asked for. */
  async in(address = this.#model.input): Promise<string> {
    return (await this.reply(address, this.#packetBytes(address))).hex;
  }

  /** What waits on the endpoint, and nothing more. */
  async drain(address = this.#model.input): Promise<string[]> {
    const found: string[] = [];
    for (;;) {
      const { urb, reply } = this.#submit(address, this.#packetBytes(address), []);
      const pending = Symbol("pending");
      const next = await Promise.race([reply, Promise.resolve(pending)]);
      if (typeof next === "symbol") {
        this.device.unlink(urb);
        return found;
      }
      found.push(next.hex);
    }
  }

  reply(address: number, length: number): Promise<Reply> {
    return this.#submit(address, length, []).reply;
  }

  out(address: number, hex: string): Promise<Reply> {
    const data = bytesOf(hex);
    return this.#submit(address, data.length, [data]).reply;
  }

  /** `data` of an OUT request, in hexadecimal; or how much is asked for. */
  control(requestType: number, request: number, value: number, index: number, data: number | string = 0) {
    const isIn = (requestType & 0x80) !== 0;
    const body = typeof data === "string" ? bytesOf(data) : new Uint8Array(0);
    const length = typeof data === "string" ? body.length : data;
    const setup = Buffer.from([requestType, request, 0, 0, 0, 0, 0, 0]);
    setup.writeUInt16LE(value, 2);
    setup.writeUInt16LE(index, 4);
    setup.writeUInt16LE(length, 6);
    return this.#submit(isIn ? 0x80 : 0, length, isIn ? [] : [body], setup).reply;
  }

  #packetBytes(address: number): number {
    const { endpoints } = outline(this.#model.descriptors.configuration);
    return endpoints.find((each) => each.address === address)!.packetBytes;
  }

  #submit(address: number, length: number, data: Uint8Array[], setup: Uint8Array = new Uint8Array(8)) {
    const { promise, resolve } = Promise.withResolvers<Reply>();
    const seqnum = ++this.#seqnum;
    const command = { seqnum, endpoint: address & 0x7f, in: (address & 0x80) !== 0, flags: 0, length, setup };
    const urb = new Urb(this.#stream, command, data);
    this.#waiting.set(urb, resolve);
    this.device.submit(urb);
    return { urb, reply: promise };
  }
}

function bytesOf(hex: string): Uint8Array {
  return Buffer.from(hex.replace(/\s/g, ""), "hex");
}
