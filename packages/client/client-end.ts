// Runs in: a client (reflector or application). Owns: the journal of one unit's requests and, while there is one, the
// channel to its driver. Replays over the driver's deaths; never asks the manager for anything itself.

import { ClientChannel, ClientMemory, type DriverSide } from "@ring3/channel/client-channel";
import type { SessionRecorder } from "@ring3/channel/client-recorder";
import type { Clock } from "@ring3/core/clock";
import {
  type Contract,
  type EventData,
  type EventName,
  INLINE_BYTES,
  type Input,
  type Operation,
  type OperationName,
  type Output,
  type Properties,
} from "@ring3/core/contract";
import { DeviceError, type DeviceErrorKind, errnoOf, kindCode, kindOfCode } from "@ring3/core/errors";
import type { Recovery, Tracker } from "@ring3/core/recovery";
import type { Completion, Slot } from "@ring3/core/slot-port";
import type { RequestOptions, UnitPort } from "@ring3/core/unit";
import { Deadlines } from "./deadlines.ts";
import { type Death, type Entry, Journal } from "./journal.ts";
import { decoded, Listeners } from "./listeners.ts";
import { Slots, slotsOf } from "./slots.ts";

/** What the client end tells whoever connects it to the manager. */
export interface ClientEndListener {
  /** The driver broke a rule or a deadline: the manager decides. */
  suspect(kind: "deadline" | "malformed", text: string): void;
  /** The first request that this incarnation has completed. */
  progress(): void;
  /** What the last driver had not answered is with the next one: so many requests were sent again. Not said of a first driver. */
  replayed(requests: number): void;
}

export interface ClientEndOptions<C extends Contract> {
  readonly contract: C;
  readonly recovery: Recovery<C>;
  readonly properties: Properties<C>;
  /** The operations that this unit has. */
  readonly operations: readonly string[];
  readonly clock: Clock;
  readonly listener: ClientEndListener;
}

interface Request<C extends Contract> extends Entry<C> {
  readonly resolve: (completion: Completion<unknown>) => void;
}

const NOTHING = new Uint8Array(0);
const GONE = kindCode("disconnected");
const CANCELLED = kindCode("cancelled");

export class ClientEnd<C extends Contract> implements UnitPort<C> {
  readonly contract: C;
  readonly slotBytes: number;
  readonly slots: number;
  /** While somebody traces the device. */
  trace: SessionRecorder | undefined;
  readonly #operations: ReadonlySet<string>;
  readonly #clock: Clock;
  readonly #listener: ClientEndListener;
  readonly #recovery: Recovery<C>;
  readonly #memory: ClientMemory;
  readonly #free: Slots;
  readonly #journal: Journal<C, Request<C>>;
  readonly #deadlines: Deadlines<C>;
  readonly #tracker: Tracker<C>;
  readonly #listeners: Listeners<C>;
  #properties: Properties<C>;
  #channel: ClientChannel | undefined;
  #progressed = false;
  /** Requests sent again since the last driver was lost; undefined: that was told, or there was none. */
  #replayed: number | undefined;
  #suspected = false;
  /** The driver does nothing for the time being. */
  #held = false;
  /** By a manager that is gone. */
  #isUnsaid = false;
  readonly #scratch = new DataView(new ArrayBuffer(INLINE_BYTES));
  #lastId = 0;
  #ended: DeviceError | undefined;
  readonly #whenEnded = Promise.withResolvers<DeviceError>();

  constructor(options: ClientEndOptions<C>) {
    this.contract = options.contract;
    this.slotBytes = options.contract.slotBytes;
    this.slots = options.contract.slots;
    this.#operations = new Set(options.operations);
    this.#clock = options.clock;
    this.#listener = options.listener;
    this.#recovery = options.recovery;
    this.#properties = options.properties;
    this.#memory = new ClientMemory(options.contract);
    this.#journal = new Journal(options.recovery);
    this.#deadlines = new Deadlines(this.#journal.inFlight, options.clock, {
      cancel: (tag) => this.#channel?.cancel(tag) ?? false,
      overdue: (text) => this.#suspect("deadline", text),
    });
    this.#tracker = options.recovery.createTracker(options.properties);
    this.#free = new Slots(slotsOf(this.#memory));
    this.#listeners = new Listeners(options.contract);
  }

  get properties(): Properties<C> {
    return this.#properties;
  }

  /** The sealed memory that the driver gets to read. */
  get memoryFd(): number {
    return this.#memory.fd;
  }

  /** Requests not finished, in flight or waiting for a driver. */
  get unfinished(): number {
    return this.#journal.size;
  }

  supports(name: OperationName<C>): boolean {
    return this.#operations.has(name);
  }

  reserve(count: number, signal?: AbortSignal): Promise<Slot[]> {
    return this.#free.reserve(count, signal);
  }

  take(): Slot | undefined {
    return this.#free.take();
  }

  release(slot: Slot): void {
    this.#free.release(slot);
  }

  /**
   * Sends a request, once or as often as its driver dies. `length`: bytes that lie in the slot (data "in") or are
   * wanted (data "out"). Resolves with the one answer; rejects for input that does not fit, never for a device's failure.
   */
  submit<K extends OperationName<C>>(
    name: K,
    input: Input<C, K>,
    slot: Slot,
    length: number,
    deadlineMs?: number,
  ): Promise<Completion<Output<C, K>>> {
    return new Promise((resolve) => this.send(name, input, slot, length, resolve, deadlineMs));
  }

  /** The same, with the answer as a call of `done`. Throws for input that does not fit. */
  send<K extends OperationName<C>>(
    name: K,
    input: Input<C, K>,
    slot: Slot,
    length: number,
    done: (completion: Completion<Output<C, K>>) => void,
    deadlineMs?: number,
  ): void {
    const spec = this.contract.operations[name] as Operation;
    spec.in?.encode(input, this.#scratch, 0); // a bad value is its caller's error, now and not when it is sent
    const entry: Request<C> = {
      id: ++this.#lastId,
      tag: slot.index,
      name,
      spec,
      input,
      length,
      deadlineMs: deadlineMs ?? spec.deadlineMs,
      failures: 0,
      cancelled: false,
      again: false,
      flight: undefined,
      resolve: done as (completion: Completion<unknown>) => void,
    };
    this.trace?.submitted(entry.tag, spec.nr, length);
    this.#journal.add(entry);
    if (this.#ended !== undefined) this.#fail(entry, this.#ended.kind);
    else this.#pump();
  }

  /** The convenient way: copies the bytes in and out. */
  async request<K extends OperationName<C>>(
    name: K,
    input: Input<C, K>,
    options: RequestOptions = {},
  ): Promise<{ out: Output<C, K>; data: Uint8Array }> {
    const what = `${name} on ${this.contract.name} unit`;
    const length = options.data?.length ?? options.length ?? 0;
    if (!this.supports(name)) throw new DeviceError("unsupported", what);
    if (length > this.slotBytes)
      throw new DeviceError("invalid", `${what}: ${length} bytes, at most ${this.slotBytes}`);
    if (options.signal?.aborted) throw new DeviceError("cancelled", what);
    const slot = this.#free.take() ?? (await this.#free.reserve(1, options.signal))[0]!;
    const abort = () => this.#abort(slot.index);
    options.signal?.addEventListener("abort", abort);
    try {
      if (options.signal?.aborted) throw new DeviceError("cancelled", what);
      if (options.data !== undefined) slot.room(length).set(options.data);
      const done = await this.submit(name, input, slot, length, options.deadlineMs);
      if (done.kind !== 0) throw new DeviceError(kindOfCode(done.kind)!, what, { errno: done.errno });
      return { out: done.out, data: done.data.length === 0 ? done.data : done.data.slice() };
    } finally {
      options.signal?.removeEventListener("abort", abort);
      this.#free.release(slot);
    }
  }

  on<E extends EventName<C>>(
    name: E,
    listener: (data: EventData<C, E>, dropped: number) => void,
  ): () => void {
    return this.#listeners.on(name, listener);
  }

  /** A driver works at this moment, as `onDriver` tells of it. */
  get works(): boolean {
    return this.#channel !== undefined && !this.#held && this.#ended === undefined;
  }

  onDriver(listener: (there: boolean, failed: boolean) => void): () => void {
    return this.#listeners.onDriver(listener);
  }

  /** Call before the manager is asked for a driver: no driver that lives has the memory mapped then, and what was said of an earlier one is over. */
  prepare(): void {
    this.#held = false;
    this.#deadlines.paused(false);
    this.#memory.reset();
  }

  /**
   * A driver is there: what is unfinished is sent to it. It lets go of a cancelled request within `cancelMs`, or hangs. Throws DeviceError
   * where its memory breaks the rules.
   */
  attach(driver: DriverSide, cancelMs: number): void {
    this.#deadlines.cancelMs = cancelMs;
    this.#progressed = false;
    this.#suspected = false;
    this.#channel = new ClientChannel(this.#memory, driver, {
      completed: (tag, kind, errno, data, view, offset) =>
        this.#completed(tag, kind, errno, data, view, offset),
      event: (nr, dropped, view, offset) => this.#event(nr, dropped, view, offset),
      malformed: (error) => this.#suspect("malformed", error.message),
    });
    if (!this.#held) this.#listeners.driver(true);
    this.#channel.start();
    this.#pump();
    if (this.#held) this.#silent();
  }

  /** The same device came back from an unplugging: its cache may have lost what was not flushed. Call before `attach`. */
  replugged(properties: Properties<C>): void {
    this.#tracker.replugged(properties);
    for (const entry of this.#journal.all())
      entry.input = this.#recovery.translate(
        { operation: entry.name, input: entry.input },
        this.#properties,
        properties,
      );
    this.#properties = properties;
  }

  /** The driver is at rest, a debugger holds it, or it is being ended; or it works again. Said once more when it has come to rest. */
  paused(held: boolean): void {
    const before = this.#held;
    this.#held = held;
    this.#isUnsaid = false;
    this.#deadlines.paused(held);
    if (this.#channel === undefined) return;
    if (held) this.#silent();
    else if (before) this.#listeners.driver(true);
  }

  /** The manager that held it is gone. Deadlines run again; what the driver tells does not count before the next one has had its say. */
  unsaid(): void {
    this.#isUnsaid = this.#held;
    this.#deadlines.paused(false);
  }

  /** The next manager is there, and the driver too; whoever still holds it has been told of. */
  goesOn(): void {
    if (this.#isUnsaid) this.paused(false);
  }

  /** What it has told up to now does not count until it works again: it would not tell of the end of it. */
  #silent(): void {
    this.#channel?.catchUp();
    this.#listeners.driver(false);
  }

  /** The driver cannot be ended, and no other will come: it is sent nothing more. What it was sent it may still execute, so that waits for its death. */
  stuck(reason: DeviceError): void {
    this.#ended ??= reason;
    this.#held = false; // nobody will let go of it
    this.#failWaiting(reason.kind);
    this.#channel?.catchUp();
    this.#listeners.driverLost(false);
    if (this.#channel === undefined || this.unfinished === 0) this.#end(reason);
  }

  /** The driver is dead and fenced: what it has completed is taken, the rest waits for the next one. */
  driverLost(death: Death): void {
    this.#held = false;
    this.#isUnsaid = false;
    this.#deadlines.paused(false); // also where that was said of a channel that was not yet attached
    const channel = this.#channel;
    if (channel === undefined) return;
    this.#channel = undefined; // an answer found now sends nothing: what waits was never with this driver
    try {
      channel.drain();
    } catch {
      // what a dead driver left half-written is not an answer: those requests are replayed
    }
    channel.close();
    const outside = death.outside && !this.#suspected; // whatever others make of it: these requests were not answered
    this.#listeners.driverLost(!outside);
    for (const { entry, kind } of this.#journal.driverLost({ ...death, outside })) this.#fail(entry, kind);
    this.#replayed = 0;
    if (this.#ended === undefined) return;
    this.#end(this.#ended);
    this.#failWaiting(this.#ended.kind);
  }

  /** There will be no driver any more: everything unfinished fails, and so does what comes after. */
  end(reason: DeviceError): void {
    this.#end(reason);
    this.driverLost({ outside: true, shared: false });
    this.#failWaiting(reason.kind);
  }

  #end(reason: DeviceError): void {
    this.#ended ??= reason;
    this.#whenEnded.resolve(this.#ended);
  }

  /** Resolves when there will be no driver any more, with the reason. */
  get whenEnded(): Promise<DeviceError> {
    return this.#whenEnded.promise;
  }

  #failWaiting(kind: DeviceErrorKind): void {
    for (const entry of this.#journal.all()) if (entry.flight === undefined) this.#fail(entry, kind);
  }

  /** Why there is no driver any more, if so. */
  get ended(): DeviceError | undefined {
    return this.#ended;
  }

  /** Resolves once nothing is unfinished. */
  idle(): Promise<void> {
    return this.#journal.idle();
  }

  /** Lets go of the memory. Call once idle. */
  close(): void {
    this.#channel?.close();
    this.#channel = undefined;
    this.#memory.close();
  }

  #pump(): void {
    const channel = this.#channel;
    if (channel === undefined) return;
    for (let entry = this.#journal.takeNext(); entry !== undefined; entry = this.#journal.takeNext())
      this.#send(entry, channel);
    this.#deadlines.watch();
    if (this.#replayed === undefined || this.#journal.owes) return;
    this.#listener.replayed(this.#replayed);
    this.#replayed = undefined;
  }

  #send(entry: Request<C>, channel: ClientChannel): void {
    const refused = this.#tracker.refuse(entry.name);
    if (refused !== undefined) return this.#fail(entry, refused);
    entry.flight = {
      ticket: this.#tracker.sent(entry.name, entry.input),
      sentAt: this.#clock.now(),
      ahead: this.#journal.inFlight.size - 1,
      cancelledAt: undefined,
    };
    if (entry.again) this.#replayed!++;
    entry.again = false;
    this.trace?.sent(entry.tag);
    const room = entry.spec.data === "out" ? entry.length : 0;
    channel.submit(entry.tag, entry.spec.nr, entry.length, room, entry.deadlineMs, (view, offset) =>
      entry.spec.in?.encode(entry.input, view, offset),
    );
  }

  #completed(
    tag: number,
    code: number,
    errno: number,
    data: Uint8Array,
    view: DataView,
    offset: number,
  ): void {
    const entry = this.#journal.inFlight.get(tag)!;
    if (code === GONE) return this.#hold(entry);
    const out = code === 0 ? decoded(() => entry.spec.out?.decode(view, offset)) : undefined;
    const { ticket, cancelledAt } = entry.flight!;
    const late = this.#tracker.completed(ticket, code === 0);
    this.#deadlines.answered();
    if (!this.#progressed) {
      this.#progressed = true;
      this.#listener.progress();
    }
    this.trace?.completed(tag, code);
    this.#journal.finish(entry);
    const timedOut = code === CANCELLED && cancelledAt !== undefined && !entry.cancelled; // its caller has not taken it back
    if (late !== undefined) entry.resolve(failure(late));
    else if (timedOut) entry.resolve(failure("timeout"));
    else entry.resolve({ kind: code, errno, out, data });
    this.#pump();
  }

  /**
   * The driver says that the device has gone. Whether for good the manager decides: until then the request stays. A driver
   * that only says so has passed the request's deadline when that is over.
   */
  #hold(entry: Request<C>): void {
    entry.flight!.cancelledAt ??= this.#clock.now();
  }

  #fail(entry: Request<C>, kind: DeviceErrorKind): void {
    this.trace?.completed(entry.tag, kindCode(kind));
    this.#journal.finish(entry);
    entry.resolve(failure(kind));
  }

  #event(nr: number, dropped: number, view: DataView, offset: number): void {
    let meaning: ReturnType<Recovery<C>["meaning"]>;
    this.#listeners.event(nr, dropped, view, offset, (name) => {
      meaning = this.#recovery.meaning(name);
      if (meaning === "power-lost") this.#tracker.powerLost();
      if (meaning === "writes-lost") this.#tracker.writesLost();
    });
    if (meaning === "medium-changed") this.#refuseFromNowOn();
  }

  /** What waits was meant for the old medium, what comes for it too: whoever wants the new one opens the unit anew. */
  #refuseFromNowOn(): void {
    this.#end(new DeviceError("medium-changed", `${this.contract.name} unit`));
    this.#failWaiting("medium-changed");
  }

  #abort(tag: number): void {
    const entry = this.#journal.all().find((candidate) => candidate.tag === tag);
    if (entry === undefined) return;
    entry.cancelled = true;
    if (entry.flight === undefined) this.#fail(entry, "cancelled");
    else this.#deadlines.cancel(entry);
  }

  /** Once a channel: what follows is the manager's. */
  #suspect(kind: "deadline" | "malformed", text: string): void {
    if (this.#suspected) return;
    this.#suspected = true;
    this.#listener.suspect(kind, text);
  }
}

function failure(kind: DeviceErrorKind): Completion<undefined> {
  return { kind: kindCode(kind), errno: errnoOf(kind), out: undefined, data: NOTHING };
}
