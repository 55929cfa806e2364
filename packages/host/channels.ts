// Runs in: driver host, jailed. Owns: the channels to the clients of one driver's units, and the requests that come on them.

import type { HostDeviceMemory } from "@ring3/channel/device-memory";
import { DriverEnd, type Submission } from "@ring3/channel/driver-end";
import { requestId } from "@ring3/channel/recorder";
import type { Params } from "@ring3/control/edge";
import type { hostEdge } from "@ring3/control/host-edge";
import type { Clock } from "@ring3/core/clock";
import type { Contract } from "@ring3/core/contract";
import { DeviceError, kindCode } from "@ring3/core/errors";
import type { Log } from "@ring3/core/log";
import type { Descriptor } from "@ring3/kernel/fd/descriptor";
import { currentWait, enter } from "@ring3/sdk/request-context";
import type { UnitRunner } from "@ring3/sdk/runner";
import { StickyEvents } from "./sticky-events.ts";

interface OpenChannel {
  readonly unit: number;
  readonly runner: UnitRunner;
  readonly end: DriverEnd;
  /** Request ids of this channel in its unit's runner. */
  readonly inFlight: Set<number>;
  /** Called when the last request in flight is done. */
  idle: () => void;
}

export interface ChannelsParts {
  readonly contract: Contract;
  readonly memory: HostDeviceMemory;
  readonly incarnation: number;
  readonly clock: Clock;
  readonly log: Log;
}

export class Channels {
  readonly #parts: ChannelsParts;
  readonly #open = new Map<number, OpenChannel>();
  readonly #sticky = new StickyEvents();

  constructor(parts: ChannelsParts) {
    this.#parts = parts;
  }

  get ids(): number[] {
    return [...this.#open.keys()];
  }

  open(
    { channel, unit, mode, poll }: Params<typeof hostEdge, "open">,
    runner: UnitRunner | undefined,
    fds: Descriptor[],
  ): void {
    if (runner === undefined || this.#open.has(channel))
      throw new DeviceError("invalid", `open unit ${unit}`);
    const { contract, incarnation, log } = this.#parts;
    const [memory, bellIn, bellOut, own] = fds as [Descriptor, Descriptor, Descriptor, Descriptor];
    const end = new DriverEnd(
      contract,
      { memory, bellIn, bellOut, own, generation: incarnation, poll },
      {
        submitted: (request) => this.#submit(channel, mode, request),
        cancelled: (tag) => runner.cancel(requestId(channel, tag)),
        malformed: (error) => {
          log.warn(`channel ${channel}: its client broke the rules: ${error.message}`);
          drop(this.#open.get(channel)!);
        },
      },
    );
    this.#open.set(channel, { unit, runner, end, inFlight: new Set(), idle: () => {} });
    for (const { event, data } of this.#sticky.of(unit)) end.emit(event, data);
    const before = currentWait();
    end.start(); // what waits there already is served now, and the rest of this turn is not its own
    enter(before);
  }

  #submit(channel: number, mode: "read" | "write", request: Submission): void {
    const open = this.#open.get(channel)!;
    const { end, inFlight, runner } = open;
    const { contract, memory, clock } = this.#parts;
    const spec = contract.operations[request.operation]!;
    if (spec.mutates && mode === "read") {
      end.complete(request.tag, kindCode("denied"), new DeviceError("denied", "").errno, 0);
      return;
    }
    const id = requestId(channel, request.tag);
    const { recorder, metrics } = memory;
    const arrived = clock.now();
    const sent = spec.data === "in" ? request.data.length : 0;
    recorder.request(channel, request.tag, spec.nr, request.data.length, arrived);
    inFlight.add(id);
    runner.submit(
      {
        id,
        operation: request.operation,
        input: request.input,
        data: request.data,
        timeoutMs: request.deadlineMs,
      },
      (outcome) => {
        inFlight.delete(id);
        if (inFlight.size === 0) open.idle();
        memory.completed();
        const { error, out, length } = outcome;
        const answered = clock.now();
        recorder.answer(channel, request.tag, error === undefined ? 0 : kindCode(error.kind), answered);
        const failed = error !== undefined;
        metrics.answered(answered - arrived, failed, failed ? 0 : length, failed ? 0 : sent);
        if (error !== undefined) end.complete(request.tag, kindCode(error.kind), error.errno, 0);
        else end.complete(request.tag, 0, 0, length, (view, offset) => spec.out?.encode(out, view, offset));
      },
    );
  }

  emit(unit: number, event: string, data: unknown): void {
    this.#parts.memory.metrics.told();
    if (this.#parts.contract.events[event]!.sticky) this.#sticky.keep({ unit, event, data });
    for (const channel of this.#open.values()) if (channel.unit === unit) channel.end.emit(event, data);
  }

  /** With every heartbeat: what found no room before. */
  retryEvents(): void {
    for (const { end } of this.#open.values()) end.retryEvents();
  }

  /** Requests of a closed channel are cancelled, and awaited before the answer: what they write is no longer under way then. */
  async close(channel: number): Promise<void> {
    const open = this.#open.get(channel);
    if (open === undefined) throw new DeviceError("invalid", `close channel ${channel}`);
    drop(open);
    if (open.inFlight.size > 0)
      await new Promise<void>((resolve) => {
        open.idle = resolve;
      });
    this.#open.delete(channel);
  }

  /** Nothing is answered any more: what was not is its client's again. */
  dropAll(): void {
    for (const open of this.#open.values()) drop(open);
  }
}

/** The channel is known until its client's manager closes it. */
function drop({ end, inFlight, runner }: OpenChannel): void {
  end.close();
  for (const id of inFlight) runner.cancel(id);
}
