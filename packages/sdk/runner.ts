// Runs in: driver host, sdk/test. Owns: the requests of one unit: their queue, deadlines, cancellation, and what becomes of a handler's answer.
import type { Clock } from "@ring3/core/clock";
import type { Call, Contract, Handler, Operation } from "@ring3/core/contract";
import { DeviceError } from "@ring3/core/errors";
import type { Log } from "@ring3/core/log";
import { misfit } from "./misfit.ts";
import { currentWait, enter } from "./request-context.ts";
import { Limit } from "./wait.ts";

export interface RequestOutcome {
  readonly error: DeviceError | undefined;
  /** Fits the operation's out struct; undefined when it has none or failed. */
  readonly out: unknown;
  /** Bytes of an operation with data "out"; else 0. */
  readonly length: number;
}

export interface UnitRequest {
  /** Free to choose, but not that of a request in flight. */
  readonly id: number | string;
  readonly operation: string;
  /** Decoded by the operation's `in` struct; undefined when it has none. */
  readonly input: unknown;
  /** Bytes for the driver, or room for bytes from it. The driver's until `done` is called. */
  readonly data?: Uint8Array | undefined;
  /** From the moment its handler starts: what it waits for its turn is not its own doing. */
  readonly timeoutMs: number;
}

export interface RunnerParts {
  readonly clock: Clock;
  readonly log: Log;
  /** The handler of a request that had to wait starts. */
  readonly turn?: ((id: UnitRequest["id"]) => void) | undefined;
}

/** A validated unit of any class. */
export interface AnyUnit {
  readonly properties?: unknown;
  readonly concurrency?: number;
  readonly name?: string;
}

const NOTHING = new Uint8Array(0);
const NO_INPUT = Object.freeze({});

class RequestCall extends Limit implements Call {
  readonly data: Uint8Array;
  length: number;
  readonly request: UnitRequest;
  readonly done: (outcome: RequestOutcome) => void;

  constructor(clock: Clock, request: UnitRequest, done: (outcome: RequestOutcome) => void) {
    super(clock, Number.POSITIVE_INFINITY, request.operation);
    this.data = request.data ?? NOTHING;
    this.length = this.data.length;
    this.request = request;
    this.done = done;
  }

  override get requestId(): number | string {
    return this.request.id;
  }

  /** Its handler starts now. */
  begin(now: number): void {
    this.endBy(now + this.request.timeoutMs);
  }
}

/** Runs the handlers of one unit: one at a time, or as many as its `concurrency` says, in the order of arrival. */
export class UnitRunner {
  readonly unit: AnyUnit;
  readonly #operations: Readonly<Record<string, Operation>>;
  readonly #concurrency: number;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #turn: RunnerParts["turn"];
  readonly #waiting = new Set<RequestCall>();
  readonly #calls = new Map<number | string, RequestCall>();
  #running = 0;
  #held = false;
  #quiet: PromiseWithResolvers<void> | undefined;
  #closed: DeviceError | undefined;
  #drained: PromiseWithResolvers<void> | undefined;

  constructor(contract: Contract, unit: AnyUnit, parts: RunnerParts) {
    this.unit = unit;
    this.#operations = contract.operations;
    this.#concurrency = unit.concurrency ?? 1;
    this.#clock = parts.clock;
    this.#log = parts.log;
    this.#turn = parts.turn;
  }

  /** Requests accepted and not yet done. */
  get inFlight(): number {
    return this.#calls.size;
  }

  /**
   * Calls `done` exactly once, before returning when the handler answers at once. Never throws for what a driver does. What runs now is the
   * request's afterwards (currentWait): call it where nothing else comes.
   */
  submit(request: UnitRequest, done: (outcome: RequestOutcome) => void): void {
    if (this.#calls.has(request.id))
      throw new DeviceError("internal", `request id ${request.id} is in flight already`);
    if (this.#closed !== undefined) {
      done(failed(this.#closed));
      return;
    }
    const call = new RequestCall(this.#clock, request, done);
    this.#calls.set(request.id, call);
    if (!this.#held && this.#running < this.#concurrency) this.#start(call);
    else this.#queue(call);
  }

  #queue(call: RequestCall): void {
    this.#waiting.add(call);
    call.signal.addEventListener("abort", () => {
      if (this.#waiting.delete(call)) this.#finish(call, failed(call.over!));
    });
  }

  /** The same as a promise. */
  async run(
    operation: string,
    input: unknown,
    options: { id: number | string; data?: Uint8Array | undefined; timeoutMs: number },
  ): Promise<{ out: unknown; length: number }> {
    const { promise, resolve } = Promise.withResolvers<RequestOutcome>();
    const before = currentWait();
    this.submit({ ...options, operation, input }, resolve);
    enter(before);
    const { error, out, length } = await promise;
    if (error !== undefined) throw error;
    return { out, length };
  }

  /** Takes a request back. It is done once its handler has let go of it; unknown ids are done already. */
  cancel(id: number | string, reason?: DeviceError): void {
    const call = this.#calls.get(id);
    call?.abort(reason ?? new DeviceError("cancelled", call.request.operation));
  }

  /** Starts no handler from here on, and resolves once none runs. Requests wait in their order. */
  hold(): Promise<void> {
    this.#held = true;
    if (this.#running === 0) return Promise.resolve();
    this.#quiet ??= Promise.withResolvers();
    return this.#quiet.promise;
  }

  release(): void {
    this.#held = false;
    const before = currentWait();
    this.#startWaiting();
    enter(before);
  }

  /** Refuses new requests, cancels the others and resolves once all handlers have let go. */
  close(reason: DeviceError): Promise<void> {
    this.#closed ??= reason;
    for (const id of [...this.#calls.keys()]) this.cancel(id, reason);
    if (this.#calls.size === 0) return Promise.resolve();
    this.#drained ??= Promise.withResolvers();
    return this.#drained.promise;
  }

  #start(call: RequestCall): void {
    this.#running++;
    call.begin(this.#clock.now());
    let result: unknown;
    try {
      enter(call);
      result = this.#handle(call);
    } catch (error) {
      this.#ended(call, failed(this.#errorOf(call, error)));
      return;
    }
    if (result instanceof Promise)
      result.then(
        (out: unknown) => this.#ended(call, this.#answer(call, out)),
        (error: unknown) => this.#ended(call, failed(this.#errorOf(call, error))),
      );
    else this.#ended(call, this.#answer(call, result));
  }

  #handle(call: RequestCall): unknown {
    const { operation, input } = call.request;
    if (call.over !== undefined) throw call.over;
    const handler = (this.unit as Readonly<Record<string, unknown>>)[operation] as
      | Handler<unknown, unknown>
      | undefined;
    if (handler === undefined || this.#operations[operation] === undefined)
      throw new DeviceError("unsupported", operation);
    return handler.call(this.unit, input ?? NO_INPUT, call);
  }

  #ended(call: RequestCall, outcome: RequestOutcome): void {
    this.#running--;
    this.#finish(call, outcome);
    this.#startWaiting();
    if (this.#running > 0) return;
    this.#quiet?.resolve();
    this.#quiet = undefined;
  }

  #startWaiting(): void {
    for (const next of this.#waiting) {
      if (this.#held || this.#running >= this.#concurrency) break;
      this.#waiting.delete(next);
      this.#turn?.(next.request.id);
      this.#start(next);
    }
  }

  #finish(call: RequestCall, outcome: RequestOutcome): void {
    call[Symbol.dispose]();
    this.#calls.delete(call.request.id);
    call.done(outcome);
    if (this.#calls.size === 0) this.#drained?.resolve();
  }

  #answer(call: RequestCall, out: unknown): RequestOutcome {
    const { operation } = call.request;
    const spec = this.#operations[operation]!;
    if (spec.out !== undefined) {
      const fault = misfit(spec.out, out);
      if (fault !== undefined) return this.#broken(`result of ${operation}: ${fault}`);
    }
    if (spec.data !== "out") return { error: undefined, out: spec.out && out, length: 0 };
    const { length, data } = call;
    if (!Number.isInteger(length) || length < 0 || length > data.length)
      return this.#broken(`call.length of ${operation}: expected 0 to ${data.length}, found ${length}`);
    return { error: undefined, out: spec.out && out, length };
  }

  #broken(what: string): RequestOutcome {
    this.#log.error(what);
    return failed(new DeviceError("internal", what));
  }

  #errorOf(call: RequestCall, thrown: unknown): DeviceError {
    if (thrown instanceof DeviceError) return thrown;
    const { operation } = call.request;
    this.#log.error(
      `${operation} threw: ${thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown)}`,
    );
    return new DeviceError("internal", operation, { cause: thrown });
  }
}

function failed(error: DeviceError): RequestOutcome {
  return { error, out: undefined, length: 0 };
}
