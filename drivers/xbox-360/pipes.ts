// Runs in: driver host, jailed. Owns: the two interrupt endpoints of a controller.
import {
  type Context,
  type Gamepad,
  type OutcomeStatus,
  ok,
  readReports,
  type UsbDevice,
  type UsbEndpoint,
  type Wait,
} from "@ring3/sdk";

/** A controller that takes nothing for so long is stuck. */
const SEND_MS = 1000;
const TRANSFERS = 8;
/** How a transfer ends that the controller would not have. */
const stuck: readonly OutcomeStatus[] = ["stall", "timeout", "error"];
/** For people. */
export const NEXT_STEP = "if that goes on, unplug it and plug it in again";

export class Pipes {
  readonly #usb: UsbDevice;
  readonly #ctx: Context<Gamepad>;
  readonly #in: UsbEndpoint;
  readonly #out: UsbEndpoint;
  #listening: { readonly stop: AbortController; readonly ended: Promise<void> } | undefined;

  private constructor(
    usb: UsbDevice,
    ctx: Context<Gamepad>,
    endpointIn: UsbEndpoint,
    endpointOut: UsbEndpoint,
  ) {
    this.#usb = usb;
    this.#ctx = ctx;
    this.#in = endpointIn;
    this.#out = endpointOut;
  }

  /** Undefined: the interface has no such two. */
  static of(usb: UsbDevice, ctx: Context<Gamepad>): Pipes | undefined {
    const interrupt = (direction: "in" | "out") =>
      usb.matched.alternate.endpoints.find(
        (each) => each.type === "interrupt" && each.direction === direction,
      );
    const [endpointIn, endpointOut] = [interrupt("in"), interrupt("out")];
    return endpointIn && endpointOut && new Pipes(usb, ctx, endpointIn, endpointOut);
  }

  /** Rejects with DeviceError. */
  async send(message: Uint8Array, what: string, wait?: Wait): Promise<void> {
    using limit = this.#ctx.limit(SEND_MS, wait);
    const outcome = await this.#usb.raw.interruptOut(this.#out.endpointNumber, message, limit);
    const next = stuck.includes(outcome.status) ? ` (${NEXT_STEP})` : "";
    ok(outcome, `${this.#ctx.device.id}: ${what}${next}`);
  }

  /** `deliver`: each message, lent until it returns. Who cannot be read any more, and what it throws, ends the driver. */
  listen(deliver: (message: Uint8Array) => void): void {
    const stop = new AbortController();
    const { endpointNumber, packetSize } = this.#in;
    const options = { transferBytes: packetSize, transfers: TRANSFERS };
    const reading = { raw: this.#usb.raw, ctx: this.#ctx, endpointNumber, options, deliver };
    const ended = readReports(reading, AbortSignal.any([stop.signal, this.#ctx.signal]));
    this.#listening = { stop, ended };
  }

  async rest(): Promise<void> {
    this.#listening?.stop.abort();
    await this.#listening?.ended;
  }
}
