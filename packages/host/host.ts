// Runs in: driver host, jailed. Owns: one driver on one device, and a channel to each of its clients.

import { HostDeviceMemory } from "@ring3/channel/device-memory";
import { driverFile, seatIn } from "@ring3/control/driver-stack";
import type { Notice, Params, Result } from "@ring3/control/edge";
import type { ContractId, Properties } from "@ring3/control/fields";
import { hostEdge } from "@ring3/control/host-edge";
import { type FrameTransport, type Handlers, type ServingPeer, servingPeer } from "@ring3/control/peer";
import type { Clock, RunningClock } from "@ring3/core/clock";
import type { Contract } from "@ring3/core/contract";
import { DeviceError } from "@ring3/core/errors";
import { createLog, type Log, type LogEntry } from "@ring3/core/log";
import { LogBudget } from "@ring3/core/log-budget";
import { Descriptor } from "@ring3/kernel/fd/descriptor";
import { readSealed } from "@ring3/kernel/shm/memory";
import { Declined, type Driver } from "@ring3/sdk/define";
import { rehearseDriver } from "@ring3/sdk/rehearsal";
import type { UnitRunner } from "@ring3/sdk/runner";
import { type Session, startDriver } from "@ring3/sdk/session";
import { Channels } from "./channels.ts";
import { confineDriver, confineSpare, limitData } from "./confine.ts";
import { type OpenedGrant, openGrant } from "./grants.ts";
import { loadDriver } from "./loader.ts";

type HostEdge = typeof hostEdge;

/** Where several drivers share a process: which of its seats this is, and what to do once its driver has left. */
export interface Seat {
  readonly number: number;
  left(): void;
}

/** Its time may stand still while the process does. */
type HostClock = Clock & Partial<RunningClock>;

/** Of a driver's log; a driver that says more says it to nobody. */
const LOG_BURST = 200;
const LOG_PER_SECOND = 20;

export class Host {
  readonly #clock: HostClock;
  readonly #connect: (stream: Descriptor) => FrameTransport<Descriptor>;
  #peer: ServingPeer<HostEdge>;
  /** Where the next manager will speak. */
  #standby: Descriptor | undefined;
  readonly #log: Log;
  readonly #logBudget: LogBudget;
  readonly #exit: (code: number) => void;
  readonly #reported: string[] = [];
  readonly #seat: Seat | undefined;
  /** Other drivers' places in this process, by number. */
  readonly #seats = new Map<number, Host>();
  #channels: Channels | undefined;
  #contract: Contract | undefined;
  #probing: Promise<Session> | undefined;
  #session: Session | undefined;
  #transport: OpenedGrant["transport"] | undefined;
  #memory: HostDeviceMemory | undefined;
  #driver: Driver | undefined;
  #loading: Promise<Result<HostEdge, "load">> | undefined;
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
    clock: HostClock,
    exit: (code: number) => void,
    rehearsal: () => Promise<void> = async () => {},
    seat?: Seat,
  ) {
    this.#seat = seat;
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
      restrict: ({ filter, dataBytes }) => {
        restrict(filter, dataBytes);
        return {};
      },
      seat: ({ seat: number }, fds) => this.#addSeat(number, fds[0]!, fds[1]!),
      seats: () => ({ seats: [...this.#seats.keys()] }),
      load: (params, fds) => {
        this.#loading = this.#load(params, fds[0]!);
        return this.#loading;
      },
      ping: () => ({}),
      assign: (params, fds) => this.#assign(params, fds[0]!),
      probe: (params, fds) => this.#probe(params, fds),
      open: (params, fds) => this.#open(params, fds),
      close: async ({ channel }) => {
        if (this.#channels === undefined) throw new DeviceError("invalid", `close channel ${channel}`);
        await this.#channels.close(channel);
        return {};
      },
      suspend: async () => {
        await this.#session?.suspend();
        return {};
      },
      resume: async () => {
        await this.#session?.resume();
        return {};
      },
      remove: (params) => this.#remove(params),
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
    if (this.#leaving) return;
    const standby = this.#standby;
    this.#standby = undefined;
    if (standby !== undefined) this.#peer = this.#serve(this.#connect(standby));
    else if (this.#seat === undefined) this.#exit(0);
    else void this.#letGo().then(() => this.#leave());
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
      channels: this.#channels?.ids ?? [],
      gone: this.#gone,
    };
  }

  /** Another driver's, which the manager speaks to as to one that has a process of its own. */
  #addSeat(number: number, stream: Descriptor, standby: Descriptor): Record<string, never> {
    if (this.#seats.has(number)) throw new DeviceError("invalid", `seat ${number}`);
    const left = () => void this.#seats.delete(number);
    const seat = new Host(this.#connect(stream), this.#connect, this.#clock, this.#exit, undefined, {
      number,
      left,
    });
    seat.#standBy(standby);
    this.#seats.set(number, seat);
    return {};
  }

  /** Whose code a stack is of; where that cannot be told, the manager takes it for everybody's. */
  #blamed(stack: string): Host {
    return this.#seats.get(seatIn(stack) ?? 0) ?? this;
  }

  /** A driver's code ends the process: a code of its own choice must not pass for a signal from outside. */
  exiting(code: number): void {
    if (this.#leaving) return;
    const message = `the driver ended its process with code ${code}`;
    const { stack = "" } = new Error(message);
    this.#blamed(stack).#peer.notify("failed", { kind: "internal", message, stack: "" });
  }

  /** Nobody awaits what a driver threw: this incarnation is over, and whatever else is in this process. */
  crashed(error: unknown): void {
    const { message, stack = "" } = error instanceof Error ? error : new Error(String(error));
    const kind = error instanceof DeviceError ? error.kind : "internal";
    this.#blamed(stack).#peer.notify("failed", { kind, message, stack });
    this.#exit(1);
  }

  async #load(params: Params<HostEdge, "load">, code: Descriptor): Promise<Result<HostEdge, "load">> {
    if (this.#driver !== undefined) throw new DeviceError("invalid", "load");
    const memory = readSealed(code.fd);
    const [source, made] = [memory.subarray(0, params.codeBytes), memory.subarray(params.codeBytes)];
    code.close();
    restrict(params.filter, params.dataBytes);
    const file = driverFile(params.driver, this.#seat?.number);
    const drivers = loadDriver(params.driver, file, source, made, this.#hasTime ? "now" : "when called");
    this.#driver = drivers();
    this.#contract = this.#driver.contract;
    if (this.#hasTime) await rehearseDriver(drivers, this.#clock);
    return {};
  }

  #assign(params: Params<HostEdge, "assign">, memory: Descriptor): Record<string, never> {
    if (this.#assigned !== undefined) throw new DeviceError("invalid", "assign");
    this.#assigned = params;
    this.#memory = new HostDeviceMemory(memory, params.driver.stateVersion, this.#clock);
    memory.close();
    this.#beat();
    return {};
  }

  async #probe(
    { contract, grants }: Params<HostEdge, "probe">,
    fds: Descriptor[],
  ): Promise<Result<HostEdge, "probe">> {
    await this.#loading;
    const [driver, assigned] = [this.#driver, this.#assigned];
    if (this.#probing !== undefined || !driver || !assigned || this.#leaving || fds.length !== grants.length)
      throw new DeviceError("invalid", "probe");
    checkContract(driver.contract, contract);
    const memory = this.#memory!;
    const [terms] = grants;
    // Taken from the peer, who closes what a failed handler was given: the transport still watches its own then.
    const given = new Descriptor(fds[0]!.take());
    const { devices, transport } = openGrant(terms!, given, this.#clock, memory.recorder);
    this.#transport = transport;
    void transport.gone.then(() => {
      this.#gone = true;
      if (!this.#leaving) this.#peer.notify("disconnected", {});
    });
    const { incarnation } = assigned;
    const [clock, log] = [this.#clock, this.#log];
    this.#channels = new Channels({ contract: driver.contract, memory, incarnation, clock, log });
    this.#probing = startDriver(driver, {
      devices,
      device: { id: assigned.device.id, ordinal: assigned.device.ordinal },
      incarnation,
      probeMs: Number.POSITIVE_INFINITY, // the manager's to limit, by the manifest
      reason: assigned.reason?.text ?? "",
      clock,
      log,
      state: memory,
      emit: (unit, event, data) => this.#emit(unit, event, data),
      turn: (id) => this.#memory!.recorder.turn(Number(id)),
    });
    try {
      this.#session = await this.#probing;
    } catch (error) {
      if (error instanceof Declined) return { units: [], declined: error.why };
      throw error;
    }
    const units = this.#session.units.map((runner, index) => ({
      index,
      properties: propertiesOf(driver.contract, runner),
      operations: Object.keys(driver.contract.operations).filter((name) => name in runner.unit),
      ...(runner.unit.name === undefined ? {} : { name: runner.unit.name }),
    }));
    this.#reported.push(...units.map(({ properties }) => JSON.stringify(properties)));
    return { units };
  }

  #beat(): void {
    if (this.#leaving) return;
    this.#memory!.beat();
    this.#channels?.retryEvents();
    this.#clock.after(this.#assigned!.beatMs, () => this.#beat());
  }

  #open(params: Params<HostEdge, "open">, fds: Descriptor[]): Record<string, never> {
    const { unit, contract } = params;
    if (this.#session === undefined) throw new DeviceError("invalid", `open unit ${unit}`);
    checkContract(this.#contract!, contract);
    this.#channels!.open(params, this.#session.units[unit], fds);
    return {};
  }

  #emit(unit: number, event: string, data: unknown): void {
    this.#channels!.emit(unit, event, data);
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

  async #remove({ requests }: Params<HostEdge, "remove">): Promise<Record<string, never>> {
    if (requests === "keep") this.#channels?.dropAll();
    if (this.#seat !== undefined) await this.#letGo();
    else await this.#session?.remove();
    this.#clock.after(0, () => (this.#seat === undefined ? this.#exit(0) : this.#leave())); // the answer goes first
    return {};
  }

  /** No process's end does it for a driver that leaves the others behind. */
  async #letGo(): Promise<void> {
    this.#leaving = true;
    // What probe waits for ends with the device; a probe that waits for anything else is not waited for.
    if (this.#session === undefined) void this.#probing?.then((late) => late.remove()).catch(() => {});
    else await this.#session.remove();
    this.#channels?.dropAll();
    await this.#transport?.close();
  }

  /** The end of the connection tells that nothing of this driver is under way any more. */
  #leave(): void {
    this.#standby?.close();
    this.#standby = undefined;
    this.#peer.close();
    this.#seat!.left();
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

/** Limits and filter, for good. null: there is no jail, or they are on already. */
function restrict(filter: string | null, dataBytes: number | null): void {
  if (dataBytes !== null) limitData(dataBytes);
  if (filter !== null) confineDriver(Buffer.from(filter, "base64"));
}

/** Both sides must mean the same by what they say. */
function checkContract(ours: ContractId, theirs: ContractId): void {
  if (ours.hash === theirs.hash) return;
  const [built, has] = [ours, theirs].map(
    ({ name, version, hash }) => `${name} version ${version} (${hash})`,
  );
  throw new DeviceError("invalid", `driver built for ${built}, this ring3 has ${has}`);
}
