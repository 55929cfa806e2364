// Runs in: manager. Owns: one connection of a client: the command line, an application or a reflector.

import { clientEdge } from "@ring3/control/client-edge";
import type { Params, Result, Tell } from "@ring3/control/edge";
import {
  Answer,
  type FrameTransport,
  type Handlers,
  type ServingPeer,
  servingPeer,
} from "@ring3/control/peer";
import { type Account, isOperator, mayOpen } from "@ring3/control/rules";
import type { Clock } from "@ring3/core/clock";
import { DeviceError } from "@ring3/core/errors";
import type { Descriptor } from "@ring3/kernel/fd/descriptor";
import type { AttachedBus, Attachment } from "./attached-bus.ts";
import type { Claimant } from "./claims.ts";
import { unitId } from "./claims.ts";
import type { Device } from "./device.ts";
import type { HostUnit } from "./host-units.ts";
import type { Manager, Watcher } from "./manager.ts";
import { deviceStatus, type Endpoint, explain, unitInfo } from "./status.ts";

type ClientEdge = typeof clientEdge;

/** What all connections share. */
export interface Serving {
  readonly manager: Manager;
  readonly clock: Clock;
  readonly attached: AttachedBus;
  readonly sandboxed: boolean;
  readonly uid: number;
  readonly startedAt: number;
  readonly keeperPid: number;
  readonly reflectors: () => { class: string; pid: number }[];
  /** Where applications meet each unit, as its reflector has said. */
  readonly endpoints: Map<string, Map<string, Endpoint>>;
}

/** Who is on the other side. `reflector`: the class that it reflects. */
export interface ClientIdentity {
  readonly name: string;
  readonly uid: number;
  /** Read only where an access rule has to be asked. */
  account(): Account;
  readonly reflector?: string;
}

/** Until then a verb's answer says how far it came. */
const SETTLE_MS = 30_000;
const SUSPICIONS_MAX = 3;
const SUSPICIONS_MS = 60_000;

export class ClientConnection implements Claimant, Watcher {
  readonly name: string;
  readonly trusted: boolean;
  readonly #serving: Serving;
  readonly #identity: ClientIdentity;
  readonly #peer: ServingPeer<ClientEdge>;
  readonly #attachments = new Map<string, Attachment>();
  readonly #ends: (() => void)[] = [];
  #unfollow: (() => void) | undefined;
  /** When it suspected a driver; the latest ones. */
  #suspicions: number[] = [];
  /** As a reflector: the endpoints that it has told of. */
  readonly #announced = new Map<string, Map<string, Endpoint>>();
  /** The class subscribed to; null: every class; undefined: none. */
  #subscribed: string | null | undefined;

  constructor(transport: FrameTransport<Descriptor>, identity: ClientIdentity, serving: Serving) {
    this.name = identity.name;
    this.trusted = identity.reflector !== undefined;
    this.#identity = identity;
    this.#serving = serving;
    this.#peer = servingPeer<ClientEdge, Descriptor>(clientEdge, transport, this.#handlers(), {
      suspect: (suspicion) => this.#suspect(suspicion),
      progress: ({ channel }) => serving.manager.claims.progress(this, channel),
      endpoint: ({ unit, kind, address }) => this.#endpoint(unit, kind, address),
    });
    this.#ends.push(serving.manager.watch(this));
    this.#peer.signal.addEventListener("abort", () => this.#ended());
  }

  /** Aborts when the connection has ended. */
  get signal(): AbortSignal {
    return this.#peer.signal;
  }

  #handlers(): Handlers<ClientEdge, Descriptor, ServingPeer<ClientEdge>> {
    const { manager, attached } = this.#serving;
    return {
      status: () => this.#status(),
      wait: (params) => this.#wait(params),
      start: async ({ device, take }) => {
        const found = this.#administer(device);
        manager.start(found, take);
        return this.#settled(found);
      },
      stop: async ({ device }) => {
        const found = this.#administer(device);
        await found.stop();
        return reached(found);
      },
      restart: async ({ device }) => {
        const found = this.#administer(device);
        manager.restart(found);
        return this.#settled(found);
      },
      suspend: async ({ device }) => {
        const found = this.#administer(device);
        await found.suspend();
        return reached(found);
      },
      resume: async ({ device }) => {
        const found = this.#administer(device);
        await found.resume();
        return reached(found);
      },
      explain: ({ device }) => explain(manager, manager.resolve(device)),
      logs: ({ device, follow }) => {
        const id = device === null ? null : manager.resolve(device).id;
        if (follow) {
          this.#unfollow?.();
          this.#unfollow = manager.eventLog.follow(id, (entry) => this.#peer.notify("log", entry));
        }
        return { entries: manager.eventLog.entries(id) };
      },
      attach: async ({ socket, busid, port }) => {
        this.#requireAdministrator("attach a device");
        const attachment = await attached.attach(socket, busid, port);
        if (this.#peer.signal.aborted) attachment.detach();
        this.#attachments.set(attachment.port, attachment);
        return { port: attachment.port, devices: [...attachment.devices] };
      },
      detach: ({ port }) => {
        const attachment = this.#attachments.get(port);
        if (attachment === undefined)
          throw new DeviceError("invalid", `detach port ${port}: this connection attached none there`);
        this.#attachments.delete(port);
        attachment.detach();
        return {};
      },
      subscribe: ({ class: wanted }) => {
        this.#subscribed = wanted;
        for (const device of manager.devices)
          if (device.life.state === "running") for (const unit of device.units) this.unitAdded(device, unit);
        return {};
      },
      open: (params, fds) => this.#open(params, fds[0]!),
      close: async ({ channel }) => {
        await manager.claims.close(this, channel);
        return {};
      },
    };
  }

  #requireAdministrator(what: string): void {
    if (!isOperator(this.#identity.uid, this.#serving.uid))
      throw new DeviceError("denied", `${what}: only root and the user of ring3 may`);
  }

  #administer(device: string): Device {
    const found = this.#serving.manager.resolve(device);
    this.#requireAdministrator(`administer ${found.id}`);
    return found;
  }

  #status(): Result<ClientEdge, "status"> {
    const { manager, clock, startedAt, keeperPid, reflectors, sandboxed, endpoints } = this.#serving;
    return {
      keeperPid,
      manager: { pid: process.pid, uptimeMs: Math.round(clock.now() - startedAt) },
      reflectors: reflectors(),
      devices: manager.devices.map((device) =>
        deviceStatus(manager, device, sandboxed, (unit) => [...(endpoints.get(unit)?.values() ?? [])]),
      ),
    };
  }

  /** The device need not exist yet: a prefix that nothing fits is waited for, one that fits several is refused. */
  async #wait({ device, state, timeoutMs }: Params<ClientEdge, "wait">): Promise<Result<ClientEdge, "wait">> {
    const { manager } = this.#serving;
    const find = () => {
      try {
        return manager.resolve(device);
      } catch {
        return undefined;
      }
    };
    await this.#until(() => find()?.life.state === state, timeoutMs);
    const found = find();
    return {
      reached: found?.life.state === state,
      device: found?.id ?? null,
      state: found?.life.state ?? null,
      reason: found?.life.reason ?? "no such device",
    };
  }

  /** Answers once nothing follows by itself. */
  async #settled(device: Device): Promise<Result<ClientEdge, "start">> {
    const settled = () => {
      const { state, nextStart } = device.life;
      return nextStart === "never" && state !== "starting" && state !== "failed";
    };
    await this.#until(settled, SETTLE_MS);
    return reached(device);
  }

  readonly #conditions = new Set<() => void>();

  /** Resolves when the condition holds, the time is over or the client is gone. */
  #until(condition: () => boolean, timeoutMs: number): Promise<void> {
    if (condition()) return Promise.resolve();
    return new Promise((resolve) => {
      const end = () => {
        timer.cancel();
        this.#conditions.delete(check);
        this.#peer.signal.removeEventListener("abort", end);
        resolve();
      };
      const check = () => {
        if (condition()) end();
      };
      const timer = this.#serving.clock.after(timeoutMs, end);
      this.#conditions.add(check);
      this.#peer.signal.addEventListener("abort", end);
    });
  }

  async #open(
    params: Params<ClientEdge, "open">,
    memory: Descriptor,
  ): Promise<Answer<Result<ClientEdge, "open">>> {
    const { manager, uid } = this.#serving;
    const { device, unit } = findUnit(manager, params.unit);
    const className = device.driver!.manifest.class;
    const named = { ...manager.named(device), class: className };
    if (
      !isOperator(this.#identity.uid, uid) &&
      !mayOpen(manager.config, this.#identity.account(), named, params.mode)
    )
      throw new DeviceError(
        "denied",
        `open ${params.unit} to ${params.mode}: an access rule in ring3.yaml can allow it`,
      );
    const { contract } = device.driver!;
    if (params.contract.hash !== contract.hash)
      throw new DeviceError(
        "invalid",
        `open ${params.unit}: your contract is ${params.contract.name} version ${params.contract.version} (${params.contract.hash}), ring3 has ${contract.name} version ${contract.version} (${contract.hash})`,
      );
    const opened = await manager.claims.open(this, device, unit.index, params.mode, params, memory);
    const { properties, operations } = device.units[unit.index] ?? unit;
    return new Answer({ incarnation: opened.incarnation, properties, operations }, [
      opened.driverMemory,
      opened.bellIn,
      opened.bellOut,
    ]);
  }

  #endpoint(unit: string, kind: string, address: string): void {
    if (!this.trusted) return this.#peer.close(new DeviceError("denied", "endpoint"));
    const known = this.#announced.get(unit) ?? new Map<string, Endpoint>();
    this.#announced.set(unit, known.set(kind, { kind, address }));
    this.#serving.endpoints.set(unit, known);
    this.#serving.manager.log.info(`${unit} is served at ${address}`);
  }

  #ended(): void {
    const { manager } = this.#serving;
    for (const end of this.#ends) end();
    this.#unfollow?.();
    for (const unit of this.#announced.keys()) this.#unannounce(unit);
    for (const attachment of this.#attachments.values()) attachment.detach();
    manager.claims.closeAll(this);
  }

  /** A reflector's endpoints end with it, or with their unit. */
  #unannounce(unit: string): void {
    const known = this.#announced.get(unit);
    const { endpoints } = this.#serving;
    if (known !== undefined && endpoints.get(unit) === known) endpoints.delete(unit);
    this.#announced.delete(unit);
  }

  /** Each costs a driver a start: an application that does nothing else is hung up on. */
  #suspect({ channel, kind, text }: Tell<ClientEdge, "suspect">): void {
    const { manager, clock } = this.#serving;
    const counts = manager.claims.suspect(this, channel, { kind, text });
    if (!counts || this.trusted) return;
    const now = clock.now();
    this.#suspicions = [...this.#suspicions.filter((time) => now - time < SUSPICIONS_MS), now];
    if (this.#suspicions.length < SUSPICIONS_MAX) return;
    manager.log.warn(
      `${this.name} is hung up on: it suspected drivers ${SUSPICIONS_MAX} times within a minute`,
    );
    this.#peer.close(new DeviceError("denied", "too many suspicions"));
  }

  lost(channel: number, incarnation: number, loss: Parameters<Claimant["lost"]>[2]): void {
    this.#peer.notify("lost", { channel, incarnation, ...loss });
  }

  ready(unit: string, incarnation: number): void {
    this.#peer.notify("ready", { unit, incarnation });
  }

  #wants(device: Device): boolean {
    return this.#subscribed === null || this.#subscribed === device.driver?.manifest.class;
  }

  unitAdded(device: Device, unit: HostUnit): void {
    if (this.#wants(device)) this.#peer.notify("unitAdded", unitInfo(this.#serving.manager, device, unit));
  }

  unitChanged(device: Device, unit: HostUnit): void {
    if (this.#wants(device)) this.#peer.notify("unitChanged", unitInfo(this.#serving.manager, device, unit));
  }

  unitRemoved(device: Device, unit: HostUnit, reason: string): void {
    const id = unitId(device.id, unit.index);
    this.#unannounce(id);
    if (this.#wants(device)) this.#peer.notify("unitRemoved", { unit: id, kind: "disconnected", reason });
  }

  deviceChanged(): void {
    for (const check of [...this.#conditions]) check();
  }
}

function reached(device: Device): Result<ClientEdge, "start"> {
  return { device: device.id, state: device.life.state, reason: device.life.reason };
}

function findUnit(manager: Manager, wanted: string): { device: Device; unit: HostUnit } {
  for (const device of manager.devices)
    for (const unit of device.units) if (unitId(device.id, unit.index) === wanted) return { device, unit };
  throw new DeviceError("invalid", `open ${wanted}: there is no such unit; see: ring3 status`);
}
