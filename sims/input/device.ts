// Runs in: a sim of an input device. Owns: one plugged device: its endpoints, its firmware and what its user does to it.
import { EPIPE, EPROTO } from "../usbip/codec.ts";
import { type Answer, type Behind, EndpointZero, type Pipe, type Setup } from "../usbip/endpoint-zero.ts";
import type { Port } from "../usbip/server.ts";
import type { Urb, UrbStream } from "../usbip/urb.ts";
import { descriptor, HID_CLASS, noise, type Outline, outline } from "./descriptors.ts";
import type { Faults } from "./faults.ts";
import { InPipe } from "./in-pipe.ts";
import type { Firmware, Model, Wire } from "./model.ts";

const CONFIGURATION_HEAD = 9; // USB 2.0 table 9-10
const CONFIGURATION_TYPE = 2;

// bmRequestType, USB 2.0 table 9-2
const [DIRECTION_AND_TYPE, RECIPIENT] = [0xe0, 0x1f];
const STANDARD_IN = 0x80;
const [TO_INTERFACE, TO_ENDPOINT] = [1, 2];

export interface Surroundings {
  readonly faults: Faults;
  readonly intervalMs: number;
  observe(observed: string, details: object): void;
  /** The host reads input for the first time. */
  read(): void;
}

export class Device<State> implements Behind, Port {
  readonly state: State;
  readonly #model: Model<State>;
  readonly #around: Surroundings;
  readonly #outline: Outline;
  readonly #in = new Map<number, InPipe>();
  readonly #out = new Map<number, OutPipe>();
  readonly #zero: EndpointZero;
  #timers: NodeJS.Timeout[] = [];
  #firmware: Firmware<State>;
  #asked = false;
  #read = false;
  sent = 0;
  received = 0;

  constructor(model: Model<State>, state: State, around: Surroundings) {
    this.#model = model;
    this.state = state;
    this.#around = around;
    this.#outline = outline(model.descriptors.configuration);
    for (const { address, packetBytes } of this.#outline.endpoints) {
      if ((address & 0x80) !== 0) this.#in.set(address, new InPipe(packetBytes));
      else this.#out.set(address, new OutPipe());
    }
    this.#zero = new EndpointZero(this);
    this.#firmware = this.#start();
  }

  get configurationValue(): number {
    return this.#outline.value;
  }

  get lost(): number {
    return [...this.#in.values()].reduce((sum, pipe) => sum + pipe.lost, 0);
  }

  /** The user has changed `state`. */
  show(): void {
    this.#firmware.show(this.state);
  }

  submit(urb: Urb): void {
    this.#submit(urb);
    this.#asked ||= urb.in && (urb.endpoint | 0x80) === this.#model.input;
    if (this.#read || !this.#asked || !this.#firmware.awake) return;
    this.#read = true;
    this.#around.read();
  }

  #submit(urb: Urb): void {
    if (urb.endpoint === 0) {
      this.#zero.submit(urb);
      return;
    }
    const into = urb.in ? this.#in.get(urb.endpoint | 0x80) : undefined;
    const out = urb.in ? undefined : this.#out.get(urb.endpoint);
    if (!this.#zero.configured || (into ?? out) === undefined) {
      urb.complete(EPROTO, 0); // nobody answers there
    } else if (into !== undefined) {
      into.submit(urb);
    } else if (out!.halted) {
      urb.complete(EPIPE, 0);
    } else {
      this.received++;
      urb.complete(0, urb.length);
      this.#firmware.out(urb.endpoint, Buffer.concat(urb.data));
    }
  }

  unlink(urb: Urb): void {
    for (const pipe of this.#in.values()) pipe.unlink(urb);
  }

  /** A stream that spoke to the device is gone; the device itself notices nothing. */
  detach(stream: UrbStream): void {
    for (const pipe of this.#in.values()) pipe.detach(stream);
  }

  /** Off the bus. */
  stop(): void {
    this.#stopTimers();
  }

  /** Which interface a URB is for; `undefined`: it asks the device as a whole. */
  interfaceOf({ endpoint, in: isIn, setup }: Urb): number | undefined {
    const of = (address: number) =>
      this.#outline.endpoints.find((each) => each.address === address)?.interfaceNumber;
    if (endpoint !== 0) return of(endpoint | (isIn ? 0x80 : 0));
    const [type = 0, , , , index = 0] = setup;
    if ((type & DIRECTION_AND_TYPE) === STANDARD_IN) return undefined; // a descriptor, a status: whoever asks
    if ((type & RECIPIENT) === TO_INTERFACE) return index;
    return (type & RECIPIENT) === TO_ENDPOINT ? of(index) : undefined;
  }

  descriptor(value: number, language: number): Uint8Array | undefined {
    const genuine = descriptor(this.#model.descriptors, value, language);
    const garbled =
      this.#around.faults.has("garbage-descriptor") &&
      value >> 8 === CONFIGURATION_TYPE &&
      !this.#outline.interfaces.some((each) => each.class === HID_CLASS); // a HID's report descriptor is garbled instead
    return genuine !== undefined && garbled ? noise(genuine, CONFIGURATION_HEAD) : genuine;
  }

  settings(interfaceNumber: number): number {
    return this.#outline.settings[interfaceNumber] ?? 0;
  }

  pipe(address: number): Pipe | undefined {
    return this.#in.get(address) ?? this.#out.get(address);
  }

  configured(): void {
    for (const pipe of this.#in.values()) pipe.clear();
    for (const pipe of this.#out.values()) pipe.clearHalt();
    this.#firmware = this.#start();
  }

  selected(): void {}

  reset(): void {
    for (const pipe of this.#in.values()) pipe.flush();
    this.configured();
  }

  request(setup: Setup, data: Uint8Array): Answer {
    return this.#firmware.request(setup, data);
  }

  #start(): Firmware<State> {
    this.#stopTimers();
    const { faults, intervalMs, observe } = this.#around;
    const report = (address: number, state: Uint8Array) => {
      this.sent++;
      this.#in.get(address)!.report(faults.reported(state));
    };
    const wire: Wire = {
      faults,
      intervalMs,
      observe,
      send: (address, message) => this.#in.get(address)!.send(message),
      report,
      idle: (address) => this.#in.get(address)!.empty,
      every: (ms, run) => void this.#timers.push(setInterval(run, ms)),
    };
    return this.#model.start(wire);
  }

  #stopTimers(): void {
    for (const timer of this.#timers) clearInterval(timer);
    this.#timers = [];
  }
}

class OutPipe implements Pipe {
  halted = false;

  halt(): void {
    this.halted = true;
  }

  clearHalt(): void {
    this.halted = false;
  }
}
