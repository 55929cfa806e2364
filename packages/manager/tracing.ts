// Runs in: manager. Owns: which devices are traced, and what is told of them. What drivers and clients record it lends to be read, and never reads itself.

import { checkClientRecorder } from "@ring3/channel/client-recorder";
import { TRACE_CLIENTS_MAX, type Trace, type TraceNews } from "@ring3/control/trace";
import type { Clock } from "@ring3/core/clock";
import { DeviceError } from "@ring3/core/errors";
import type { Life } from "@ring3/core/lifecycle";
import { type Descriptor, duplicate } from "@ring3/kernel/fd/descriptor";
import type { Claimant } from "./claim.ts";
import type { Claims } from "./claims.ts";
import type { Device } from "./device.ts";
import { nextSteps } from "./status.ts";

/** Of one that asks for none; some seconds of a driver that dies as soon as it starts. */
const NEWS_MAX = 1000;

/** A client at a traced device. */
interface TracedClient {
  readonly number: number;
  memory: Descriptor | undefined;
}

/** One traced device, for all who trace it. */
interface Traced {
  readonly traces: Set<DeviceTrace>;
  readonly clients: Map<Claimant, TracedClient>;
}

export class Tracing {
  readonly #clock: Clock;
  readonly #claims: Claims;
  readonly #traced = new Map<Device, Traced>();
  #clients = 0;

  constructor(clock: Clock, claims: Claims) {
    this.#clock = clock;
    this.#claims = claims;
    claims.opened = (device, claimant, channel, hostChannel) => {
      const traced = this.#traced.get(device);
      if (traced !== undefined) this.#opened(device, traced, claimant, channel, hostChannel);
    };
  }

  /** Throws where there is nothing to be seen. */
  start(device: Device): DeviceTrace {
    const { state } = device.life;
    if (!["starting", "running", "suspended", "failed"].includes(state)) {
      const [step] = nextSteps(device);
      throw new DeviceError(
        "invalid",
        `trace ${device.id}: it is ${state}, and no driver runs; ${step === undefined ? `see: ring3 explain ${device.id}` : `to change that: ${step}`}`,
      );
    }
    const known = this.#traced.get(device);
    const traced = known ?? { traces: new Set(), clients: new Map() };
    this.#traced.set(device, traced);
    const trace = new DeviceTrace(device, this.#clock, () => this.#end(device, traced, trace));
    traced.traces.add(trace);
    for (const [claimant, { number, memory }] of traced.clients)
      if (memory !== undefined) trace.client(number, claimant, memory);
    for (const { claimant, channel, hostChannel } of this.#claims.channelsOf(device))
      this.#opened(device, traced, claimant, channel, hostChannel);
    return trace;
  }

  #opened(device: Device, traced: Traced, claimant: Claimant, channel: number, hostChannel: number): void {
    const { traces, clients } = traced;
    if (!clients.has(claimant)) {
      clients.set(claimant, { number: ++this.#clients, memory: undefined });
      claimant.trace(device.id, true);
    }
    const { number: client } = clients.get(claimant)!;
    for (const trace of traces) trace.add({ kind: "channel", client, channel, hostChannel });
  }

  /** A client lends the memory in which it records what it does with a device, once. Takes the descriptor; throws where nobody wants it. */
  recorded(claimant: Claimant, id: string, memory: Descriptor): void {
    const found = [...this.#traced].find(([device]) => device.id === id)?.[1];
    const client = found?.clients.get(claimant);
    if (found === undefined || client === undefined)
      throw new DeviceError(
        "invalid",
        `record ${id}: nobody traces it, or ${claimant.name} has not opened it`,
      );
    if (client.memory !== undefined)
      throw new DeviceError("invalid", `record ${id}: ${claimant.name} does already`);
    checkClientRecorder(memory.fd);
    client.memory = memory;
    for (const trace of found.traces) trace.client(client.number, claimant, memory);
  }

  /** The client is gone. What it has recorded may still be read by those who have it. */
  gone(claimant: Claimant): void {
    const timeUs = Math.trunc(this.#clock.now() * 1000);
    for (const { traces, clients } of this.#traced.values()) {
      const client = clients.get(claimant);
      if (client === undefined) continue;
      clients.delete(claimant);
      client.memory?.close();
      for (const trace of traces) trace.add({ kind: "left", client: client.number, timeUs });
    }
  }

  #end(device: Device, traced: Traced, trace: DeviceTrace): void {
    if (!traced.traces.delete(trace) || traced.traces.size > 0) return;
    this.#traced.delete(device);
    for (const [claimant, { memory }] of traced.clients) {
      memory?.close();
      claimant.trace(device.id, false);
    }
  }
}

/** What one connection is told of a device that it traces. */
export class DeviceTrace {
  readonly device: Device;
  readonly #clock: Clock;
  readonly #ended: () => void;
  #news: TraceNews[] = [];
  /** Of the clients among the news, in their order. */
  #memories: Descriptor[] = [];
  #lost = 0;
  #begun = false;
  #told: Life | undefined;
  #toldPid: number | null = null;

  constructor(device: Device, clock: Clock, ended: () => void) {
    this.device = device;
    this.#clock = clock;
    this.#ended = ended;
    this.deviceChanged();
  }

  add(news: TraceNews): void {
    if (this.#news.length < NEWS_MAX) this.#news.push(news);
    else this.#lost++;
  }

  client(client: number, { name, pid, reflector }: Claimant, memory: Descriptor): void {
    if (this.#news.length >= NEWS_MAX) {
      this.#lost++;
      return;
    }
    this.#news.push({ kind: "client", client, name, pid, reflector });
    this.#memories.push(duplicate(memory.fd));
  }

  /** Some device has. */
  deviceChanged(): void {
    const { life, hostPid } = this.device;
    if (life === this.#told && hostPid === this.#toldPid) return;
    [this.#told, this.#toldPid] = [life, hostPid];
    const { state, reason, incarnation } = life;
    const timeUs = Math.trunc(this.#clock.now() * 1000);
    this.add({ kind: "state", timeUs, state, reason, incarnation, hostPid });
  }

  get hasNews(): boolean {
    return this.#news.length > 0;
  }

  /** What was not told yet, and the descriptors that belong to it. */
  take(): { result: Trace; fds: Descriptor[] } {
    const begins = this.#begun ? null : this.#begins();
    const memory = begins === null ? [] : [this.device.lendMemory()];
    this.#begun = true;
    let clients = 0;
    const end = this.#news.findIndex(({ kind }) => kind === "client" && ++clients > TRACE_CLIENTS_MAX);
    const news = this.#news.splice(0, end < 0 ? this.#news.length : end);
    const fds = [...memory, ...this.#memories.splice(0, TRACE_CLIENTS_MAX)];
    const lost = this.#lost;
    this.#lost = 0;
    return { result: { device: this.device.id, begins, news, lost }, fds };
  }

  #begins(): Trace["begins"] {
    const { manifest, contract } = this.device.driver!;
    const operations = Object.entries(contract.operations).map(([name, { nr }]) => ({ nr, name }));
    return { driver: manifest.name, operations };
  }

  end(): void {
    for (const memory of this.#memories.splice(0)) memory.close();
    this.#ended();
  }
}
