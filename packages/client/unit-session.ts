// Runs in: a client. Owns: one unit's claim at the manager, and the client end that it keeps connected to the unit's
// driver over incarnations.

import type { ClientRecorder } from "@ring3/channel/client-recorder";
import type { clientEdge, UnitInfo } from "@ring3/control/client-edge";
import type { Notice, Params, Result } from "@ring3/control/edge";
import type { Access } from "@ring3/control/fields";
import type { Clock } from "@ring3/core/clock";
import type { Contract, Properties } from "@ring3/core/contract";
import { DeviceError, type DeviceErrorKind } from "@ring3/core/errors";
import type { Identity, Recovery } from "@ring3/core/recovery";
import type { SlotPort } from "@ring3/core/slot-port";
import type { Descriptor } from "@ring3/kernel/fd/descriptor";
import { ClientEnd } from "./client-end.ts";
import type { Death } from "./journal.ts";

type ClientEdge = typeof clientEdge;

/** What a session needs of the connection to the manager. */
export interface Manager {
  open(
    params: Params<ClientEdge, "open">,
    memoryFd: number,
  ): Promise<{ result: Result<ClientEdge, "open">; fds: Descriptor[] }>;
  close(opening: number): Promise<void>;
  suspect(params: { channel: number; kind: "deadline" | "malformed"; text: string }): void;
  progress(channel: number): void;
  replayed(channel: number, requests: number): void;
  /** Channel ids are never used twice on a connection. */
  nextChannel(): number;
}

/** A class as a client needs it. */
export interface ClientClass<C extends Contract> {
  readonly contract: C;
  readonly recovery: Recovery<C>;
}

export class UnitSession<C extends Contract> {
  readonly unit: string;
  readonly end: ClientEnd<C>;
  readonly #manager: Manager;
  readonly #mode: Access;
  readonly #class: ClientClass<C>;
  /** The unit as the manager says it is now, and as it was proven to be when a driver was last attached. */
  #info: UnitInfo;
  #proven: UnitInfo;
  #channel = 0;
  /** The first channel that was asked for. */
  #opening = 0;
  /** What was said against the driver behind the channel. */
  #suspicion: Parameters<Manager["suspect"]>[0] | undefined;
  #attached = false;
  #closing = false;
  #connecting: Promise<void> | undefined;
  /** Said of the channel that is being opened, before its opening was done. */
  #lostMeanwhile = false;
  #readyMeanwhile = false;
  readonly #closed = Promise.withResolvers<void>();

  /** Rejects with the manager's reason where the unit may not be opened; waits for no driver. */
  static async open<C extends Contract>(
    manager: Manager,
    info: UnitInfo,
    unitClass: ClientClass<C>,
    mode: Access,
    clock: Clock,
    register: (session: UnitSession<C>) => void,
  ): Promise<UnitSession<C>> {
    const session = new UnitSession(manager, info, unitClass, mode, clock);
    register(session);
    await session.#connect();
    const { ended } = session.end;
    if (ended === undefined) return session;
    await session.close(); // the manager may have opened what this end then refused
    throw ended;
  }

  private constructor(
    manager: Manager,
    info: UnitInfo,
    unitClass: ClientClass<C>,
    mode: Access,
    clock: Clock,
  ) {
    this.unit = info.unit;
    this.#manager = manager;
    this.#info = info;
    this.#proven = info;
    this.#class = unitClass;
    this.#mode = mode;
    this.end = new ClientEnd({
      contract: unitClass.contract,
      recovery: unitClass.recovery,
      properties: info.properties as Properties<C>,
      operations: info.operations,
      clock,
      listener: {
        suspect: (kind, text) => this.#suspect(kind, text),
        progress: () => this.#manager.progress(this.#channel),
        replayed: (requests) => this.#manager.replayed(this.#channel, requests),
      },
    });
  }

  get device(): string {
    return this.#info.device;
  }

  /** From now on; undefined: no more. */
  record(recorder: ClientRecorder | undefined): void {
    this.end.trace = recorder?.session(() => this.#channel);
  }

  #suspect(kind: "deadline" | "malformed", text: string): void {
    this.#suspicion = { channel: this.#channel, kind, text };
    this.#manager.suspect(this.#suspicion);
  }

  #connect(): Promise<void> {
    this.#connecting ??= this.#connectUntilClear().finally(() => {
      this.#connecting = undefined;
    });
    return this.#connecting;
  }

  async #connectUntilClear(): Promise<void> {
    do {
      this.#lostMeanwhile = false;
      this.#readyMeanwhile = false;
      try {
        await this.#openChannel();
      } catch (error) {
        const failure = error as DeviceError;
        if (failure.kind !== "busy") return this.end.end(failure); // busy: no driver yet, `ready` will say when
      }
    } while (
      (this.#readyMeanwhile || this.#lostMeanwhile) &&
      !this.#attached &&
      !this.#closing &&
      this.end.ended === undefined
    );
  }

  async #openChannel(): Promise<void> {
    this.end.prepare();
    this.#channel = this.#manager.nextChannel();
    this.#opening ||= this.#channel;
    this.#suspicion = undefined;
    const { name, version, hash } = this.#class.contract;
    const params = {
      channel: this.#channel,
      opening: this.#opening,
      unit: this.unit,
      mode: this.#mode,
      contract: { name, version, hash },
    };
    const { result, fds } = await this.#manager.open(params, this.end.memoryFd);
    const [memory, bellIn, bellOut] = fds as [Descriptor, Descriptor, Descriptor];
    const late = this.#lostMeanwhile || this.#closing || this.end.ended !== undefined;
    const why = late ? undefined : this.#proveSame({ ...this.#info, properties: result.properties });
    if (late || why !== undefined) {
      for (const fd of fds) fd.close();
      if (why !== undefined) throw new DeviceError("medium-changed", `${this.unit}: ${why}`);
      return;
    }
    try {
      const { incarnation: generation, cancelMs, poll } = result;
      this.end.attach({ memory, bellIn, bellOut, generation, poll }, cancelMs);
      this.#attached = true;
    } catch (error) {
      for (const fd of fds) fd.close();
      this.#readyMeanwhile = false; // that was said of this driver: until it is lost, its channel is not opened again
      const { message } = error as DeviceError; // it will be killed, and `lost` follows
      this.#suspect("malformed", message);
    }
  }

  /** Is what is there now what the journal was written for? undefined: proven, else why not. */
  #proveSame(now: UnitInfo): string | undefined {
    const before = this.#proven;
    if (now.enumeration === before.enumeration)
      return this.#class.recovery.sameMedium(propertiesOf<C>(before), propertiesOf<C>(now))
        ? undefined
        : "it came back from its driver's death with another medium";
    const why = this.#class.recovery.sameIdentity(identityOf<C>(before), identityOf<C>(now));
    if (why !== undefined) return why;
    this.#proven = now;
    this.end.replugged(propertiesOf<C>(now));
    return undefined;
  }

  /** The manager's notices, for this session's channel and unit. */
  lost(notice: Notice<ClientEdge, "lost">): void {
    if (notice.channel !== this.#channel) return;
    this.#lostMeanwhile = true;
    this.#attached = false;
    if (notice.final) this.end.end(new DeviceError(notice.kind, `${this.unit}: ${notice.text}`));
    else this.#waitForNext(notice);
  }

  /** Also where this session is over but for the requests that were in flight: those fail now. */
  #waitForNext(death: Death): void {
    this.end.driverLost(death);
    if (!this.#closing && this.end.ended === undefined) void this.#connect(); // answered when the next driver runs
  }

  paused({ channel, held }: Notice<ClientEdge, "paused">): void {
    if (channel === this.#channel) this.end.paused(held);
  }

  stuck({ channel, text }: Notice<ClientEdge, "stuck">): void {
    if (channel === this.#channel) this.end.stuck(new DeviceError("disconnected", `${this.unit}: ${text}`));
  }

  /** Who holds its driver may let go while there is no manager: the next one says whether somebody does. */
  managerLost(): void {
    this.end.unsaid();
  }

  /** Another manager is there: `open` are the channels to which a driver listens. It may not have heard what was told to the last one. */
  resumed(open: readonly number[]): void {
    if (this.#connecting !== undefined || this.#closing) return;
    if (this.#attached && open.includes(this.#channel)) {
      this.end.goesOn();
      if (this.#suspicion !== undefined) this.#manager.suspect(this.#suspicion);
      return;
    }
    this.#attached = false;
    this.#waitForNext({ outside: true, shared: true });
  }

  ready(): void {
    if (this.end.ended !== undefined || this.#attached || this.#closing) return;
    this.#readyMeanwhile = true;
    void this.#connect();
  }

  changed(info: UnitInfo): void {
    this.#info = info;
  }

  removed(kind: DeviceErrorKind, reason: string): void {
    this.end.end(new DeviceError(kind, `${this.unit}: ${reason}`));
  }

  /** The unit as its user sees it; closing it closes the session. */
  get port(): SlotPort<C> {
    const { end } = this;
    return {
      contract: end.contract,
      get properties() {
        return end.properties;
      },
      get trace() {
        return end.trace;
      },
      slots: end.slots,
      slotBytes: end.slotBytes,
      supports: (name) => end.supports(name),
      request: (name, input, options) => end.request(name, input, options),
      on: (name, listener) => end.on(name, listener),
      get works() {
        return end.works;
      },
      onDriver: (listener) => end.onDriver(listener),
      reserve: (count, signal) => end.reserve(count, signal),
      take: () => end.take(),
      release: (slot) => end.release(slot),
      submit: (name, input, slot, length) => end.submit(name, input, slot, length),
      send: (name, input, slot, length, done) => end.send(name, input, slot, length, done),
      close: () => this.close(),
    };
  }

  /** Resolves when this session is over. */
  get closed(): Promise<void> {
    return this.#closed.promise;
  }

  /** Waits until nothing is unfinished, then gives the claim up. */
  async close(): Promise<void> {
    await this.end.idle();
    this.#closing = true;
    if (this.#connecting !== undefined) await this.#manager.close(this.#opening).catch(ignoreGone); // no longer waits for a driver
    await this.#connecting;
    this.end.close();
    await this.#manager.close(this.#opening).catch(ignoreGone);
    this.#closed.resolve();
  }
}

/** The manager that is gone needs no giving up. */
function ignoreGone(error: DeviceError): void {
  if (error.kind !== "disconnected") throw error;
}

function propertiesOf<C extends Contract>(info: UnitInfo): Properties<C> {
  return info.properties as Properties<C>;
}

function identityOf<C extends Contract>(info: UnitInfo): Identity<C> {
  const { vendor, product, serial } = info.identity;
  return {
    vendor,
    product,
    ...(serial === null ? {} : { serial }),
    properties: propertiesOf<C>(info),
  };
}
