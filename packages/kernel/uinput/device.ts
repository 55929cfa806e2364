// Runs in: reflector. Owns: one input device of the kernel's, behind a descriptor of /dev/uinput: what it says, and what programs let it be felt.
import type { Clock, Timer } from "@ring3/core/clock";
import { check } from "../fd/descriptor.ts";
import type { UinputCalls } from "./calls.ts";
import { EV_FF, EV_LED, EV_SYN, FF_GAIN, SYN_REPORT } from "./codes.ts";
import {
  EV_UINPUT,
  ffErase,
  ffUpload,
  inputEvent,
  SYSNAME_BYTES,
  UI_BEGIN_FF_ERASE,
  UI_BEGIN_FF_UPLOAD,
  UI_DEV_DESTROY,
  UI_END_FF_ERASE,
  UI_END_FF_UPLOAD,
  UI_FF_ERASE,
  UI_FF_UPLOAD,
  UI_GET_SYSNAME,
  UINPUT_BUFFER_SIZE,
  UINPUT_NUM_REQUESTS,
} from "./constants.ts";
import { atRest, type InputDescription, type InputEvent, setUp } from "./description.ts";
import { decodeEffect } from "./effect.ts";
import { type Felt, NO_UPLOADS, RumbleMixer, type Uploads } from "./rumble.ts";

// asm-generic/errno-base.h
const EAGAIN = 11;
const EINVAL = 22;

const { size: EVENT_BYTES, offsets: EVENT } = inputEvent;

type Told = Omit<Felt, "nextMs">;
const STILL: Told = { strong: 0, weak: 0, untilMs: Number.POSITIVE_INFINITY };

/** Told what programs do with the device. Not from within `create`. */
export interface UinputOwner {
  /**
   * What the two motors are to do from now on, 0 to 65535 each. `untilMs`, in the time of the device's clock: when they will be still if nothing
   * more is said; Infinity: they go on. What changes meanwhile is said when it changes.
   */
  rumble?(strong: number, weak: number, untilMs: number): void;
  /** Programs have uploaded an effect, erased, played or stopped one, or set the gain. The kernel does not tell again: who adopts the device is to have this. */
  uploads?(uploads: Uploads): void;
  led?(code: number, on: boolean): void;
}

export class UinputDevice {
  readonly #calls: UinputCalls;
  readonly #description: InputDescription;
  readonly #clock: Clock;
  readonly #owner: UinputOwner;
  readonly #mixer: RumbleMixer;
  #timer: Timer | undefined;
  #told: Told | undefined = STILL;
  #closed = false;
  readonly #incoming = new DataView(new ArrayBuffer(UINPUT_BUFFER_SIZE * EVENT_BYTES));
  readonly #incomingBytes = new Uint8Array(this.#incoming.buffer);
  #outgoing = new DataView(new ArrayBuffer(0));
  /** By their number of events: views of `#outgoing`, each made once. */
  #frames: Uint8Array[] = [];

  private constructor(
    calls: UinputCalls,
    description: InputDescription,
    clock: Clock,
    owner: UinputOwner,
    uploads: Uploads,
  ) {
    this.#calls = calls;
    this.#description = description;
    this.#clock = clock;
    this.#owner = owner;
    this.#mixer = new RumbleMixer(uploads);
  }

  /** Makes a device. Owns `calls`, also where it throws DeviceError. */
  static create(
    calls: UinputCalls,
    description: InputDescription,
    clock: Clock,
    owner: UinputOwner,
  ): UinputDevice {
    const device = new UinputDevice(calls, description, clock, owner, NO_UPLOADS);
    return device.#begin(() => setUp(calls, description));
  }

  /**
   * Goes on with a device that another process has made, on the descriptor that it had: its nodes have stayed, with all who have them open. It is
   * released first. `uploads`: as its last owner was told.
   */
  static adopt(
    calls: UinputCalls,
    description: InputDescription,
    clock: Clock,
    owner: UinputOwner,
    uploads: Uploads,
  ): UinputDevice {
    const device = new UinputDevice(calls, description, clock, owner, uploads);
    return device.#begin(() => {
      device.release();
      device.#told = undefined; // what its last owner let be felt goes on otherwise
      for (let reads = 0; reads < UINPUT_NUM_REQUESTS && device.#read(); reads++); // programs may ask faster than that; the rest is read as it comes
      // The one before may have read of these and not answered; programs wait for 30 s (uinput.c, uinput_request_submit).
      for (let id = 0; id < UINPUT_NUM_REQUESTS; id++) {
        device.#upload(id);
        device.#erase(id);
      }
      device.#feel();
    });
  }

  #begin(run: () => void): this {
    try {
      run();
      this.#calls.watch(() => this.#read());
    } catch (error) {
      this.close();
      throw error;
    }
    return this;
  }

  /**
   * Its name below /sys/class/input, such as "input7". A reflector sees no sysfs: it tells the manager, who finds the node that programs open,
   * /dev/input/eventN, as the folder eventN below that name.
   */
  sysname(): string {
    const room = new Uint8Array(SYSNAME_BYTES);
    const length = check(
      this.#calls.ioctl(UI_GET_SYSNAME(SYSNAME_BYTES), room),
      "ask for an input device's name",
    );
    return new TextDecoder().decode(room.subarray(0, length - 1)); // with its NUL
  }

  /** One write: programs see all of it at once. What the device is already is not told to them; so it may be all that it is. */
  frame(events: readonly InputEvent[]): void {
    const count = events.length + 1;
    if (this.#outgoing.byteLength < count * EVENT_BYTES) {
      this.#outgoing = new DataView(new ArrayBuffer(count * EVENT_BYTES));
      this.#frames = [];
    }
    for (let i = 0; i < events.length; i++) {
      const { type, code, value } = events[i]!;
      this.#put(i, type, code, value);
    }
    this.#put(events.length, EV_SYN, SYN_REPORT, 0);
    this.#frames[count] ??= new Uint8Array(this.#outgoing.buffer, 0, count * EVENT_BYTES);
    check(this.#calls.write(this.#frames[count]), "write events of an input device");
  }

  #put(place: number, type: number, code: number, value: number): void {
    const at = place * EVENT_BYTES;
    this.#outgoing.setUint16(at + EVENT.type, type, true);
    this.#outgoing.setUint16(at + EVENT.code, code, true);
    this.#outgoing.setInt32(at + EVENT.value, value, true);
  }

  /** All keys up, axes at rest: there is nobody who could say that they are not. */
  release(): void {
    this.frame(atRest(this.#description));
  }

  /** The device goes, for whoever has its nodes open. */
  destroy(): void {
    const result = this.#calls.ioctl(UI_DEV_DESTROY, 0);
    this.close();
    check(result, "remove an input device");
  }

  /** Lets go of it. It stays while somebody else has this descriptor. Nobody could end what it lets be felt: that ends now. */
  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
    this.#calls.close();
    this.#tell(STILL);
  }

  /** False: there was nothing. */
  #read(): boolean {
    const length = this.#calls.read(this.#incomingBytes);
    if (length === -EAGAIN) return false;
    check(length, "read what programs ask of an input device");
    let felt = false;
    for (let at = 0; at < length && !this.#closed; at += EVENT_BYTES) {
      const type = this.#incoming.getUint16(at + EVENT.type, true);
      const code = this.#incoming.getUint16(at + EVENT.code, true);
      const value = this.#incoming.getInt32(at + EVENT.value, true);
      felt ||= type === EV_UINPUT || type === EV_FF;
      this.#take(type, code, value);
    }
    if (felt && !this.#closed) this.#feel();
    return true;
  }

  #take(type: number, code: number, value: number): void {
    if (type === EV_LED) this.#owner.led?.(code, value !== 0);
    if (type === EV_FF) {
      // As a program wrote it: the kernel checks nothing here, where dev->event is uinput's own (uinput_create_device).
      if (code === FF_GAIN) this.#mixer.setGain(value);
      else if (!this.#mixer.play(code, value, this.#clock.now())) return;
      this.#owner.uploads?.(this.#mixer.uploads);
    }
    if (type === EV_UINPUT && code === UI_FF_UPLOAD) this.#upload(value);
    if (type === EV_UINPUT && code === UI_FF_ERASE) this.#erase(value);
  }

  #upload(requestId: number): void {
    const request = this.#request(ffUpload, requestId, UI_BEGIN_FF_UPLOAD);
    if (request === undefined) return;
    const { id, effect } = decodeEffect(request, ffUpload.offsets.effect);
    if (effect === undefined) request.setInt32(ffUpload.offsets.retval, -EINVAL, true);
    if (!this.#answered(request, UI_END_FF_UPLOAD) || effect === undefined) return;
    this.#mixer.upload(id, effect, this.#clock.now());
    this.#owner.uploads?.(this.#mixer.uploads);
  }

  #erase(requestId: number): void {
    const request = this.#request(ffErase, requestId, UI_BEGIN_FF_ERASE);
    if (request === undefined || !this.#answered(request, UI_END_FF_ERASE)) return;
    this.#mixer.erase(request.getUint32(ffErase.offsets.effectId, true));
    this.#owner.uploads?.(this.#mixer.uploads);
  }

  /** undefined: whoever asked does not wait any more. */
  #request(form: typeof ffUpload | typeof ffErase, id: number, begin: number): DataView | undefined {
    const memory = new Uint8Array(form.size);
    const view = new DataView(memory.buffer);
    view.setUint32(form.offsets.requestId, id, true);
    return this.#waits(begin, memory) ? view : undefined;
  }

  #answered(request: DataView, end: number): boolean {
    return this.#waits(end, new Uint8Array(request.buffer));
  }

  #waits(request: number, memory: Uint8Array): boolean {
    const result = this.#calls.ioctl(request, memory);
    if (result === -EINVAL) return false; // no such request, or one of the other kind
    check(result, "take what a program asks of an input device's motors");
    return true;
  }

  #feel(): void {
    this.#timer?.cancel();
    const now = this.#clock.now();
    const { strong, weak, untilMs, nextMs } = this.#mixer.felt(now);
    this.#timer =
      nextMs === Number.POSITIVE_INFINITY ? undefined : this.#clock.after(nextMs - now, () => this.#feel());
    this.#tell({ strong, weak, untilMs });
  }

  #tell(felt: Told): void {
    const { strong, weak, untilMs } = felt;
    const told = this.#told;
    if (strong === told?.strong && weak === told.weak && untilMs === told.untilMs) return;
    this.#told = felt;
    this.#owner.rumble?.(strong, weak, untilMs);
  }
}
