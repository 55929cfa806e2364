// Runs in: a sim of an input device. Owns: nothing; what a model of such a device is made of.
import type { Answer, Setup } from "../usbip/endpoint-zero.ts";
import type { Descriptors } from "./descriptors.ts";
import type { FaultKind, Faults } from "./faults.ts";
import type { Vocabulary } from "./script.ts";

/** A kind of device that there is to buy. `State` is what its user does to it: buttons held, sticks bent, way moved. */
export interface Model<State> {
  readonly descriptors: Descriptors;
  readonly vocabulary: Vocabulary<State>;
  /** The endpoint that input comes from: a script starts once the host reads there. */
  readonly input: number;
  /** It says nothing of its input before the host has said the right things. */
  readonly handshake: boolean;
  /** Beside those that all have. */
  readonly faults?: readonly FaultKind[];
  /** How often it reports unasked, in milliseconds; 0: only what changes. */
  readonly intervalMs: number;
  /** The device as it is after its power came, or after it was configured. */
  start(wire: Wire): Firmware<State>;
}

/** What a model's firmware has to do with the bus. */
export interface Wire {
  readonly faults: Faults;
  /** As the model's, or as the command line has it. */
  readonly intervalMs: number;
  /** A message, which the host must hear. */
  send(address: number, message: Uint8Array): void;
  /** A report of what is so at present; a host that does not ask hears only the newest. Faults change it. */
  report(address: number, state: Uint8Array): void;
  /** Something of the host has taken effect: it is told to whoever watches. */
  observe(observed: string, details: object): void;
  /** The host has taken all that there was on the endpoint. */
  idle(address: number): boolean;
  /** Until the firmware is started anew, or the device pulled out. */
  every(ms: number, run: () => void): void;
}

export interface Firmware<State> {
  /** The host has said what it has to say, and gets input from now on. */
  readonly awake: boolean;
  /** The user has done something. */
  show(state: State): void;
  /** Class and vendor requests, and standard ones of interfaces. */
  request(setup: Setup, data: Uint8Array): Answer;
  /** What came on an OUT endpoint. */
  out(address: number, data: Uint8Array): void;
}
