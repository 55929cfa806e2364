// Runs in: driver host, jailed. Owns: one driver on one device, and a channel to each of its clients.

import { HostDeviceMemory } from "@ring3/channel/device-memory";
import { DriverEnd, type Submission } from "@ring3/channel/driver-end";
import type { Notice, Params, Result } from "@ring3/control/edge";
import type { ContractId, Properties } from "@ring3/control/fields";
import { hostEdge } from "@ring3/control/host-edge";
import { type FrameTransport, type Handlers, type ServingPeer, servingPeer } from "@ring3/control/peer";
import type { Clock } from "@ring3/core/clock";
import type { Contract } from "@ring3/core/contract";
import { DeviceError, kindCode } from "@ring3/core/errors";
import { createLog, type Log, type LogEntry } from "@ring3/core/log";
import { LogBudget } from "@ring3/core/log-budget";
import { Descriptor } from "@ring3/kernel/fd/descriptor";
import { readSealed } from "@ring3/kernel/shm/memory";
import type { Driver } from "@ring3/sdk/define";
import { rehearseDriver } from "@ring3/sdk/rehearsal";
import type { UnitRunner } from "@ring3/sdk/runner";
import { type Session, startDriver } from "@ring3/sdk/session";
import { confineDriver, confineSpare, limitData } from "./confine.ts";
import { openGrant } from "./grants.ts";
import { loadDriver } from "./loader.ts";
import { StickyEvents } from "./sticky-events.ts";

type HostEdge = typeof hostEdge;

interface OpenChannel {
  readonly unit: number;
  readonly end: DriverEnd;
  /** Request ids of this channel in its unit's runner. */
  readonly inFlight: Set<string>;
  /** Called when the last request in flight is done. */
  idle: () => void;
}

/** Of a driver's log; a driver that says more says it to nobody. */
const LOG_BURST = 200;
const LOG_PER_SECOND = 20;

export class Host {
  readonly #clock: Clock;
  readonly #connect: (stream: Descriptor) => FrameTransport<Descriptor>;
  #peer: ServingPeer<HostEdge>;
  /** Where the next manager will speak. */
  #standby: Descriptor | undefined;
  readonly #log: Log;
  readonly #logBudget: LogBudget;
  readonly #exit: (code: number) => void;
  readonly #channels = new Map<number, OpenChannel>();
  readonly #reported: string[] = [];
  readonly #sticky = new StickyEvents();
  #contract: Contract | undefined;
  #session: Session | undefined;
  #memory: HostDeviceMemory | undefined;
  #driver: Driver | undefined;
  #assigned: Params<HostEdge, "assign"> | undefined;
  #leaving = false;
  #gone = false;
  /** It waits for its device: what it does before then costs no one anything. */
  #hasTime = false;
  readonly #handlers: Handlers<HostEdge, Descriptor, ServingPeer<HostEdge>>;

  /** `rehearsal`: what a spare does to be ready for its first driver. */
  constructor(
    transport: FrameTransport<Descriptor>,
    connect: (stream: Descriptor) => FrameTransport<Descriptor>,
    clock: Clock,
    exit: (code: number) => void,
    rehearsal: () => Promise<void> = async () => {},
  ) {
    this.#clock = clock;
    this.#connect = connect;
    this.#exit = (code) => {
      this.#leaving = true;
      exit(code);
    };
    this.#handlers = {
      rehearse: async () => {
        this.#hasTime = true;
        await rehearsal();
        return {};
      },
      confine: ({ filter }, fds) => {
        this.#standBy(fds[0]!);
        if (filter !== null) confineSpare(Buffer.from(filter, "base64"));
        return {};
      },
      load: (params, fds) => this.#load(params, fds[0]!),
      ping: () => ({}),
      assign: (params, fds) => this.#assign(params, fds[0]!),
      probe: (params, fds) => this.#probe(params, fds),
      open: (params, fds) => this.#open(params, fds),
      close: ({ channel }) => this.#close(channel),
      suspend: async () => {
        await this.#session?.suspend();
        return {};
      },
      resume: async () => {
        await this.#session?.resume();
        return {};
      },
      remove: () => this.#remove(),
      adopt: (_, fds) => this.#adopt(fds[0]!),
    };
    this.#peer = this.#serve(transport);
    this.#log = createLog("driver", (entry) => this.#report(entry), clock);
    this.#logBudget = new LogBudget(clock, LOG_BURST, LOG_PER_SECOND);
  }

  #serve(transport: FrameTransport<Descriptor>): ServingPeer<HostEdge> {
    const peer = servingPeer<HostEdge, Descriptor>(hostEdge, transport, this.#handlers, {});
    peer.signal.addEventListener("abort", () => this.#managerGone());
    return peer;
  }

  /** Another one may come, and finds the driver at its work. Where nobody can come any more, nothing here has a purpose. */
  #managerGone(): void {
    const standby = this.#standby;
    this.#standby = undefined;
    if (standby === undefined) this.#exit(0);
    else this.#peer = this.#serve(this.#connect(standby));
  }

  #standBy(stream: Descriptor): void {
    this.#standby?.close();
    this.#standby = stream;
  }

  #adopt(standby: Descriptor): Result<HostEdge, "adopt"> {
    this.#standBy(standby);
    const runners = this.#session?.units ?? [];
    return {
      units: runners.map((runner) => ({ properties: propertiesOf(this.#contract!, runner) })),
      channels: [...this.#channels.keys()],
      gone: this.#gone,
    };
  }

  /** The driver's code ends the process: a code of its own choice must not pass for a signal from outside. */
  exiting(code: number): void {
    if (!this.#leaving)
      this.#peer.notify("failed", {
        kind: "internal",
        message: `the driver ended its process with code ${code}`,
        stack: "",
      });
  }

  /** Nobody awaits what the driver threw: this incarnation is over. */
  crashed(error: unknown): void {
    const { message, stack = "" } = error instanceof Error ? error : new Error(String(error));
    const kind = error instanceof DeviceError ? error.kind : "internal";
    this.#peer.notify("failed", { kind, message, stack });
    this.#exit(1);
  }

  async #load(params: Params<HostEdge, "load">, code: Descriptor): Promise<Result<HostEdge, "load">> {
    if (this.#driver !== undefined) throw new DeviceError("invalid", "load");
    const memory = readSealed(code.fd);
    const [source, made] = [memory.subarray(0, params.codeBytes), memory.subarray(params.codeBytes)];
    code.close();
    if (params.dataBytes !== null) limitData(params.dataBytes);
    if (params.filter !== null) confineDriver(Buffer.from(params.filter, "base64"));
    const drivers = loadDriver(params.driver, source, made, this.#hasTime ? "now" : "when called");
    this.#driver = drivers();
    this.#contract = this.#driver.contract;
    if (this.#hasTime) await rehearseDriver(drivers, this.#clock);
    return { contract: contractId(this.#contract) };
  }

  #assign(params: Params<HostEdge, "assign">, memory: Descriptor): Record<string, never> {
    if (this.#assigned !== undefined) throw new DeviceError("invalid", "assign");
    this.#assigned = params;
    this.#memory = new HostDeviceMemory(memory, params.driver.stateVersion, () => this.#clock.now());
    memory.close();
    this.#beat();
    return {};
  }

  async #probe({ grants }: Params<HostEdge, "probe">, fds: Descriptor[]): Promise<Result<HostEdge, "probe">> {
    // Taken from the peer, who closes what a failed handler was given: the transport still watches its own then.
    const given = fds.map((fd) => new Descriptor(fd.take()));
    const [terms] = grants;
    const [driver, assigned] = [this.#driver, this.#assigned];
    if (this.#session !== undefined || !driver || !assigned || given.length !== grants.length)
      throw new DeviceError("invalid", "probe");
    const { devices, transport } = openGrant(terms!, given[0]!, this.#clock, this.#memory!.recorder);
    void transport.gone.then(() => {
      this.#gone = true;
      this.#peer.notify("disconnected", {});
    });
    this.#session = await startDriver(driver, {
      devices,
      device: { id: assigned.device.id },
      incarnation: assigned.incarnation,
      probeMs: Number.POSITIVE_INFINITY, // the manager's to limit, by the manifest
      reason: assigned.reason?.text ?? "",
      clock: this.#clock,
      log: this.#log,
      state: this.#memory!,
      emit: (unit, event, data) => this.#emit(unit, event, data),
    });
    const units = this.#session.units.map((runner, index) => ({
      index,
      properties: propertiesOf(driver.contract, runner),
      operations: Object.keys(driver.contract.operations).filter((name) => name in runner.unit),
    }));
    this.#reported.push(...units.map(({ properties }) => JSON.stringify(properties)));
    return { units };
  }

  #beat(): void {
    if (this.#leaving) return;
    this.#memory!.beat();
    for (const { end } of this.#channels.values()) end.retryEvents();
    this.#clock.after(this.#assigned!.beatMs, () => this.#beat());
  }

  #open(
    { channel, unit, mode, contract }: Params<HostEdge, "open">,
    fds: Descriptor[],
  ): Record<string, never> {
    const runner = this.#session?.units[unit];
    if (runner === undefined || this.#channels.has(channel))
      throw new DeviceError("invalid", `open unit ${unit}`);
    const ours = contractId(this.#contract!);
    if (contract.hash !== ours.hash)
      throw new DeviceError(
        "invalid",
        `contract ${contract.name} version ${contract.version} (${contract.hash}), the driver has version ${ours.version} (${ours.hash})`,
      );
    const [memory, bellIn, bellOut, own] = fds as [Descriptor, Descriptor, Descriptor, Descriptor];
    const end = new DriverEnd(
      this.#contract!,
      { memory, bellIn, bellOut, own, generation: this.#assigned!.incarnation },
      {
        submitted: (request) => this.#submit(channel, runner, mode, request),
        cancelled: (tag) => runner.cancel(`${channel}/${tag}`),
        malformed: (error) => {
          this.#log.warn(`channel ${channel}: its client broke the rules: ${error.message}`);
          this.#drop(this.#channels.get(channel)!);
        },
      },
      this.#clock,
    );
    this.#channels.set(channel, { unit, end, inFlight: new Set(), idle: () => {} });
    for (const { event, data } of this.#sticky.of(unit)) end.emit(event, data);
    end.start();
    return {};
  }

  #submit(channel: number, runner: UnitRunner, mode: "read" | "write", request: Submission): void {
    const open = this.#channels.get(channel)!;
    const { end, inFlight } = open;
    const spec = this.#contract!.operations[request.operation]!;
    if (spec.mutates && mode === "read") {
      end.complete(request.tag, kindCode("denied"), new DeviceError("denied", "").errno, 0);
      return;
    }
    const id = `${channel}/${request.tag}`;
    const { recorder } = this.#memory!;
    recorder.request(channel, request.tag, spec.nr);
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
        this.#memory!.completed();
        const { error, out, length } = outcome;
        recorder.answer(channel, request.tag, error === undefined ? 0 : kindCode(error.kind));
        if (error !== undefined) end.complete(request.tag, kindCode(error.kind), error.errno, 0);
        else end.complete(request.tag, 0, 0, length, (view, offset) => spec.out?.encode(out, view, offset));
      },
    );
  }

  #emit(unit: number, event: string, data: unknown): void {
    if (this.#contract!.events[event]!.sticky) this.#sticky.keep({ unit, event, data });
    for (const channel of this.#channels.values()) if (channel.unit === unit) channel.end.emit(event, data);
    this.#reportProperties(unit);
  }

  /** A driver tells by an event that something about the unit is other than at probe; whoever opens it later must know too. */
  #reportProperties(unit: number): void {
    const runner = this.#session?.units[unit];
    if (runner === undefined) return;
    const properties = propertiesOf(this.#contract!, runner);
    const text = JSON.stringify(properties);
    if (text === this.#reported[unit]) return;
    this.#reported[unit] = text;
    this.#peer.notify("changed", { unit, properties });
  }

  /** Requests of a closed channel are cancelled, and awaited before the answer: what they write is no longer under way then. */
  async #close(channel: number): Promise<Record<string, never>> {
    const open = this.#channels.get(channel);
    if (open === undefined) throw new DeviceError("invalid", `close channel ${channel}`);
    this.#drop(open);
    if (open.inFlight.size > 0)
      await new Promise<void>((resolve) => {
        open.idle = resolve;
      });
    this.#channels.delete(channel);
    return {};
  }

  /** The channel is known until its client's manager closes it. */
  #drop(open: OpenChannel): void {
    open.end.close();
    const runner = this.#session!.units[open.unit]!;
    for (const id of open.inFlight) runner.cancel(id);
  }

  async #remove(): Promise<Record<string, never>> {
    await this.#session?.remove();
    this.#clock.after(0, () => this.#exit(0)); // the answer goes first
    return {};
  }

  #report({ level, message, fields }: LogEntry): void {
    this.#memory?.recorder.log(message);
    const heldBack = this.#logBudget.admit();
    if (heldBack === undefined) return;
    if (heldBack > 0)
      this.#peer.notify("log", {
        level: "warn",
        message: `the driver logs too much: ${heldBack} lines left out`,
      });
    this.#peer.notify("log", { level, message, ...(fields === undefined ? {} : { fields }) } as Notice<
      HostEdge,
      "log"
    >);
  }
}

/** The contract's properties, and nothing else that a driver may have put there. */
function propertiesOf(contract: Contract, runner: UnitRunner): Properties {
  const named = Object.keys(contract.properties?.offsets ?? {});
  const properties = runner.unit.properties as unknown as Properties;
  return Object.fromEntries(named.map((name) => [name, properties[name]!]));
}

function contractId({ name, version, hash }: Contract): ContractId {
  return { name, version, hash };
}
