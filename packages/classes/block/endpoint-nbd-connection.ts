// Runs in: reflector. Owns: one NBD client's connection, from its greeting to its last reply.
import type { Clock, Timer } from "@ring3/core/clock";
import { DeviceError } from "@ring3/core/errors";
import { type Log, printable } from "@ring3/core/log";
import type { SlotPort } from "@ring3/core/slot-port";
import type { Descriptor } from "@ring3/kernel/fd/descriptor";
import type { Block } from "./contract.ts";
import { type DiskExport, diskExport } from "./endpoint-nbd-export.ts";
import type { Negotiated } from "./endpoint-nbd-negotiation.ts";
import { NbdStream } from "./endpoint-nbd-stream.ts";
import { Transmission } from "./endpoint-nbd-transmission.ts";
import type { EndpointPort, OpenDisk, SlotHolder } from "./endpoint-port.ts";

/** From connecting to the first request; our own time for opening the disk is not counted. */
export const NEGOTIATION_MS = 10_000;
/** What a client that is being hung up on gets for reading its last replies. */
export const LINGER_MS = 2_000;

export interface NbdConnectionOptions {
  /** Resolves with what was agreed, undefined where the client left; `enter` opens the disk, and may be called again. */
  readonly negotiate: (
    stream: NbdStream,
    enter: () => Promise<DiskExport>,
  ) => Promise<Negotiated | undefined>;
  readonly shared: EndpointPort;
  /** For this connection, which has to `leave` the port then, where it entered it. */
  readonly open: (holder: SlotHolder) => Promise<OpenDisk>;
  /** Its client may only read. */
  readonly readOnly: boolean;
  /** The client's process; 0: the kernel, for whomever. */
  readonly pid: number;
  readonly clock: Clock;
  readonly log: Log;
  /** Told why, where the disk has failed a request. */
  readonly failed: (text: string) => void;
}

export class NbdConnection implements SlotHolder {
  readonly #options: NbdConnectionOptions;
  readonly #stream: NbdStream;
  #open: { readonly port: SlotPort<Block>; readonly disk: DiskExport } | undefined;
  #transmission: Transmission | undefined;
  #deadline: Timer | undefined;
  #leaving = false;
  /** Resolves once its socket is closed and none of its requests is under way. Never rejects. */
  readonly done: Promise<void>;

  /** Owns `socket` from now on. */
  constructor(socket: Descriptor, options: NbdConnectionOptions) {
    this.#options = options;
    this.#stream = new NbdStream(socket);
    this.done = this.#run();
  }

  get progress(): number {
    return this.#stream.progress;
  }

  get spilled(): number {
    return this.#stream.spilled + (this.#transmission?.spilled ?? 0);
  }

  spill(): void {
    this.#stream.spill();
    this.#transmission?.spill();
  }

  hangUp(why: string): void {
    this.#options.log.warn(`NBD client hung up on: ${why}`);
    this.#stream.close();
  }

  /** Takes no more requests. Those under way are finished and answered if that does not take long. */
  disconnect(): void {
    if (this.#leaving) return;
    this.#leaving = true;
    this.#stream.endInput();
    const timer = this.#options.clock.after(LINGER_MS, () => this.#stream.close());
    void this.done.then(() => timer.cancel());
  }

  async #run(): Promise<void> {
    try {
      const negotiated = await this.#negotiate();
      if (negotiated !== undefined) await this.#transmit(negotiated);
      await this.#stream.sentBelow(1);
    } catch (error) {
      this.#explain(error);
    } finally {
      this.#deadline?.cancel();
      this.#stream.close();
      this.#options.shared.leave(this);
    }
  }

  async #negotiate(): Promise<Negotiated | undefined> {
    this.#startDeadline();
    const negotiated = await this.#options.negotiate(this.#stream, () => this.#enter());
    this.#deadline?.cancel();
    return negotiated;
  }

  async #enter(): Promise<DiskExport> {
    if (this.#leaving) throw new DeviceError("cancelled", "export the disk: the endpoint is closing");
    if (this.#open !== undefined) return this.#open.disk;
    this.#deadline?.cancel();
    try {
      const { port, readOnly } = await this.#options.open(this);
      const { slots, slotBytes } = port;
      const serving = { slots, slotBytes, readOnly: readOnly || this.#options.readOnly };
      const disk = diskExport(port.properties, serving);
      this.#open = { port, disk };
      return disk;
    } finally {
      this.#startDeadline();
    }
  }

  #startDeadline(): void {
    this.#deadline = this.#options.clock.after(NEGOTIATION_MS, () =>
      this.hangUp(`it has not finished its negotiation within ${NEGOTIATION_MS} ms`),
    );
  }

  async #transmit({ structured }: Negotiated): Promise<void> {
    const { port, disk } = this.#open!;
    const { shared, failed, pid } = this.#options;
    const stream = this.#stream;
    this.#transmission = new Transmission({ stream, shared, port, disk, structured, pid, failed });
    await this.#transmission.run();
  }

  #explain(error: unknown): void {
    const { log } = this.#options;
    if (!(error instanceof DeviceError)) log.error(`NBD connection failed: ${String(error)}`);
    else if (error.kind === "disconnected") log.debug("NBD client left during negotiation");
    else log.warn(`NBD client hung up on: ${printable(error.message)}`);
  }
}
