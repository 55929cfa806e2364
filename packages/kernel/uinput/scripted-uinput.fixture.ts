// Runs in: tests. Owns: nothing. The kernel's side of /dev/uinput as uinput.c behaves, moved by hand: the test says what programs do.
import type { UinputCalls } from "./calls.ts";
import { EV_FF } from "./codes.ts";
import {
  EV_UINPUT,
  ffEffect,
  ffErase,
  ffRumble,
  ffUpload,
  inputEvent,
  reflectorRequests,
  UI_FF_ERASE,
  UI_FF_UPLOAD,
} from "./constants.ts";

const EAGAIN = 11;
const EINVAL = 22;
const REQUEST = 0; // force feedback requests are one after the other (ff-core.c holds a mutex), so they all have this number

type RequestName = keyof typeof reflectorRequests;
type Fields = Partial<Parameters<typeof ffEffect.encode>[0]>;
export type Triple = readonly [type: number, code: number, value: number];

const names = new Map(
  Object.entries(reflectorRequests).map(([name, request]) => [request as number, name as RequestName]),
);
const viewOf = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** What a program has asked for and waits for. */
interface Waiting {
  readonly code: typeof UI_FF_UPLOAD | typeof UI_FF_ERASE;
  readonly effect: Uint8Array;
  readonly effectId: number;
}

export class ScriptedUinput implements UinputCalls {
  readonly ioctls: { name: RequestName; argument: Uint8Array | number }[] = [];
  readonly frames: Triple[][] = [];
  /** The memory that each write came from. */
  readonly written: Uint8Array[] = [];
  /** What programs were told of their requests. */
  readonly answers: number[] = [];
  readonly ioctlAnswers = new Map<RequestName, number>();
  sysname = "input7";
  closed = false;
  #waiting: Waiting | undefined;
  readonly #events: Triple[] = [];
  #wake: () => void = () => {};

  ioctl(request: number, argument: Uint8Array | number): number {
    const name = names.get(request)!;
    this.ioctls.push({ name, argument: typeof argument === "number" ? argument : argument.slice() });
    const scripted = this.ioctlAnswers.get(name);
    if (scripted !== undefined) return scripted;
    if (typeof argument === "number") return 0;
    if (name === "UI_BEGIN_FF_UPLOAD") return this.#begin(UI_FF_UPLOAD, argument);
    if (name === "UI_BEGIN_FF_ERASE") return this.#begin(UI_FF_ERASE, argument);
    if (name === "UI_END_FF_UPLOAD") return this.#end(UI_FF_UPLOAD, argument);
    if (name === "UI_END_FF_ERASE") return this.#end(UI_FF_ERASE, argument);
    if (name !== "UI_GET_SYSNAME") return 0;
    return new TextEncoder().encodeInto(`${this.sysname}\0`, argument).written;
  }

  #find(code: number, argument: Uint8Array): Waiting | undefined {
    const number = viewOf(argument).getUint32(ffUpload.offsets.requestId, true);
    return number === REQUEST && this.#waiting?.code === code ? this.#waiting : undefined;
  }

  #begin(code: number, argument: Uint8Array): number {
    const waiting = this.#find(code, argument);
    if (waiting === undefined) return -EINVAL;
    if (code === UI_FF_UPLOAD) argument.set(waiting.effect, ffUpload.offsets.effect);
    else viewOf(argument).setUint32(ffErase.offsets.effectId, waiting.effectId, true);
    return 0;
  }

  #end(code: number, argument: Uint8Array): number {
    if (this.#find(code, argument) === undefined) return -EINVAL;
    this.answers.push(viewOf(argument).getInt32(ffUpload.offsets.retval, true));
    this.#waiting = undefined;
    return 0;
  }

  write(events: Uint8Array): number {
    this.written.push(events);
    const view = viewOf(events);
    const frame: Triple[] = [];
    for (let at = 0; at < events.length; at += inputEvent.size) {
      const { seconds, microseconds, type, code, value } = inputEvent.decode(view, at);
      if (seconds !== 0 || microseconds !== 0) throw new Error("an event with a time of its own");
      frame.push([type, code, value]);
    }
    this.frames.push(frame);
    return events.length;
  }

  read(into: Uint8Array): number {
    const events = this.#events.splice(0, into.length / inputEvent.size);
    if (events.length === 0) return -EAGAIN;
    for (const [place, [type, code, value]] of events.entries())
      inputEvent.encode(
        { seconds: 1, microseconds: 2, type, code, value },
        viewOf(into),
        place * inputEvent.size,
      );
    return events.length * inputEvent.size;
  }

  watch(run: () => void): void {
    this.#wake = run;
  }

  close(): void {
    this.closed = true;
    this.#wake = () => {};
  }

  /** The kernel has these to be read. */
  tell(...events: Triple[]): void {
    this.#events.push(...events);
    this.#wake();
  }

  play(id: number, repetitions: number): void {
    this.tell([EV_FF, id, repetitions]);
  }

  upload(fields: Fields, rumble?: { strongMagnitude: number; weakMagnitude: number }): void {
    this.waits(fields, rumble);
    this.tell([EV_UINPUT, UI_FF_UPLOAD, REQUEST]);
  }

  /** A program waits for an upload, and nobody is told of it. */
  waits(fields: Fields, rumble?: { strongMagnitude: number; weakMagnitude: number }): void {
    const effect = new Uint8Array(ffEffect.size);
    ffEffect.encode({ ...ffEffect.create(), ...fields }, viewOf(effect), 0);
    if (rumble !== undefined) ffRumble.encode(rumble, viewOf(effect), ffEffect.offsets.u);
    this.#waiting = { code: UI_FF_UPLOAD, effect, effectId: 0 };
  }

  erase(effectId: number): void {
    this.#waiting = { code: UI_FF_ERASE, effect: new Uint8Array(), effectId };
    this.tell([EV_UINPUT, UI_FF_ERASE, REQUEST]);
  }

  /** It has been killed, or 30 s are over. */
  waitsNoMore(): void {
    this.#waiting = undefined;
  }
}
