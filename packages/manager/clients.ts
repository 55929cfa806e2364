// Runs in: manager. Owns: one connection of a client: the command line, an application or a reflector.

import { clientEdge } from "@ring3/control/client-edge";
import type { Params, Result, Tell } from "@ring3/control/edge";
import type { HostUnit } from "@ring3/control/host-edge";
import {
  Answer,
  type FrameTransport,
  type Handlers,
  type ServingPeer,
  servingPeer,
} from "@ring3/control/peer";
import { DeviceError } from "@ring3/core/errors";
import type { Descriptor } from "@ring3/kernel/fd/descriptor";
import { accessAt, mayUse } from "./access.ts";
import { Administration, type ClientIdentity, type Serving } from "./administration.ts";
import type { Claimant } from "./claim.ts";
import { unitId } from "./claim.ts";
import type { Device } from "./device.ts";
import { diskHandlers } from "./disk-handlers.ts";
import { isInputClass } from "./inputs.ts";
import type { Manager, Watcher } from "./manager.ts";
import type { MappingListener } from "./mappings.ts";
import { type Endpoint, unitInfo } from "./status.ts";

type ClientEdge = typeof clientEdge;

/** A request that its driver never answers costs three of these until it is poison. */
const SUSPICIONS_MAX = 12;
const SUSPICIONS_MS = 60_000;

export class ClientConnection implements Claimant, Watcher, MappingListener {
  readonly name: string;
  readonly trusted: boolean;
  readonly uid: number;
  readonly reflector: string | null;
  /** Another client's are told by uid and by this: what it had opened at an earlier manager is its own again. */
  token: string;
  readonly #serving: Serving;
  readonly #identity: ClientIdentity;
  readonly #peer: ServingPeer<ClientEdge>;
  readonly #administration: Administration;
  readonly #unwatch: readonly (() => void)[];
  /** When it suspected a driver; the latest ones. */
  #suspicions: number[] = [];
  /** As a reflector: the endpoints that it has told of. */
  readonly #announced = new Map<string, Map<string, Endpoint>>();
  /** The class subscribed to; null: every class; undefined: none. */
  #subscribed: string | null | undefined;

  constructor(transport: FrameTransport<Descriptor>, identity: ClientIdentity, serving: Serving) {
    this.name = identity.name;
    this.trusted = identity.reflector !== undefined;
    this.uid = identity.uid;
    const { reflector, inline } = identity;
    this.reflector = reflector === undefined ? null : reflectorName(reflector, inline);
    this.token = serving.newToken();
    this.#identity = identity;
    this.#serving = serving;
    this.#administration = new Administration(serving, identity, (notice, params) =>
      this.#peer.notify(notice, params),
    );
    this.#peer = servingPeer<ClientEdge, Descriptor>(clientEdge, transport, this.#handlers(), {
      suspect: (suspicion) => this.#suspect(suspicion),
      progress: ({ channel }) => this.#progress(channel),
      replayed: ({ channel, requests }) => this.#replayed(channel, requests),
      endpoint: ({ unit, kind, address }) => this.#endpoint(unit, kind, address),
      profile: ({ unit, profile }) => this.#profile(unit, profile),
    });
    this.#unwatch = [serving.manager.watch(this), serving.mappings.watch(this)];
    this.#peer.signal.addEventListener("abort", () => this.#ended());
  }

  /** Aborts when the connection has ended. */
  get signal(): AbortSignal {
    return this.#peer.signal;
  }

  #handlers(): Handlers<ClientEdge, Descriptor, ServingPeer<ClientEdge>> {
    const { manager } = this.#serving;
    return {
      ...this.#administration.handlers(),
      subscribe: ({ class: wanted, formerly }) => {
        this.#subscribed = wanted;
        if (this.trusted) this.#serving.keepDisks(); // what went while there was no reflector to withdraw it
        this.mapping(this.#serving.mappings.running);
        // Also those whose driver is being replaced: whoever opens one waits for it.
        for (const device of manager.devices) for (const unit of device.units) this.unitAdded(device, unit);
        const absent =
          formerly === null ? undefined : this.#serving.absent.find(formerly, this.uid, this.reflector);
        if (absent === undefined) return { client: this.token, channels: [] };
        this.token = absent.token;
        return { client: this.token, channels: manager.claims.handOver(absent, this) };
      },
      standby: () => {
        if (this.#identity.standby === undefined)
          throw new DeviceError("denied", "standby: only for reflectors");
        return new Answer({}, [this.#identity.standby()]);
      },
      open: (params, fds) => this.#open(params, fds[0]!),
      access: ({ unit, peer }) => {
        if (!this.trusted) throw new DeviceError("denied", "access: only reflectors ask for others");
        return { mode: accessAt(this.#serving, this.#unit(unit).device, peer) };
      },
      listen: ({ unit, kind }) => this.#listen(unit, kind),
      ...diskHandlers({
        disks: () => (this.trusted ? this.#serving.disks : undefined),
        server: () => this.#process(),
        deviceOf: (unit) => findUnit(manager, unit)?.device,
        wants: (device) => this.#wants(device),
      }),
      ...this.#serving.inputs.handlers((method, unit) => this.#own(method, unit)),
      inputProfile: ({ unit }) => ({
        profile: this.#serving.mappings.profileOf(this.#own("inputProfile", unit), unit),
      }),
      record: ({ device }, fds) => {
        this.#serving.tracing.recorded(this, device, fds[0]!);
        return {};
      },
      close: async ({ opening }) => {
        await manager.claims.close(this, opening);
        return {};
      },
    };
  }

  async #open(
    params: Params<ClientEdge, "open">,
    memory: Descriptor,
  ): Promise<Answer<Result<ClientEdge, "open">>> {
    const { manager } = this.#serving;
    const { device, unit } = this.#unit(params.unit);
    if (!mayUse(this.#serving, this.#identity, device, params.mode))
      throw new DeviceError(
        "denied",
        `open ${params.unit} to ${params.mode}: an access rule in ring3.yaml can allow it`,
      );
    if (params.mode === "write" && this.#administration.onlyLooks)
      throw new DeviceError("denied", `open ${params.unit} to write: this connection only looks`);
    if (params.mode === "write" && !this.trusted && this.#serving.disks?.has(params.unit))
      throw new DeviceError("busy", `open ${params.unit} to write: the kernel has it as a disk`);
    const { contract } = device.driver!;
    if (params.contract.hash !== contract.hash)
      throw new DeviceError(
        "invalid",
        `open ${params.unit}: your contract is ${params.contract.name} version ${params.contract.version} (${params.contract.hash}), ring3 has ${contract.name} version ${contract.version} (${contract.hash})`,
      );
    const opened = await manager.claims.open(this, device, unit.index, params.mode, params, memory);
    const { properties, operations } = device.units[unit.index] ?? unit;
    const { limits, latency } = device.driver!.manifest;
    const cancelMs = Math.round(limits.cancelMs * this.#serving.timeScale);
    const { incarnation, driverMemory, bellIn, bellOut } = opened;
    const result = { incarnation, properties, operations, cancelMs, poll: latency === "poll" };
    return new Answer(result, [driverMemory, bellIn, bellOut]);
  }

  #progress(channel: number): void {
    if (!this.#administration.onlyLooks) this.#serving.manager.claims.progress(this, channel);
  }

  /** Who only looks has asked nothing that a recovery would wait for. */
  #replayed(channel: number, requests: number): void {
    if (!this.#administration.onlyLooks) this.#serving.manager.claims.replayed(this, channel, requests);
  }

  #unit(wanted: string): { device: Device; unit: HostUnit } {
    const found = findUnit(this.#serving.manager, wanted);
    if (found === undefined)
      throw new DeviceError("invalid", `open ${wanted}: there is no such unit; see: ring3 status`);
    return found;
  }

  /** The device of a unit that this reflector has endpoints for. */
  #own(method: string, unit: string): Device {
    const { device } = this.#unit(unit);
    const its = this.#identity.reflector === device.driver?.manifest.class; // whatever it has subscribed to
    if (!its || !this.#wants(device))
      throw new DeviceError("denied", `${method} ${unit}: it is another reflector's`);
    return device;
  }

  #listen(wanted: string, kind: string): Answer<Result<ClientEdge, "listen">> {
    if (!this.trusted) throw new DeviceError("denied", "listen: only reflectors have endpoints");
    const { device } = this.#unit(wanted);
    const guests = accessAt(this.#serving, device, undefined) !== null;
    const { path, socket } = this.#serving.sockets.open(device.driver!.manifest.class, wanted, kind, guests);
    return new Answer({ path, guests }, [socket]);
  }

  /** As a reflector: its process. */
  #process(): number {
    const { pid } = this;
    if (pid === null) throw new DeviceError("disconnected", `${this.name} has died`);
    return pid;
  }

  #endpoint(unit: string, kind: string, address: string | null): void {
    if (!this.trusted) return this.#peer.close(new DeviceError("denied", "endpoint"));
    if (findUnit(this.#serving.manager, unit) === undefined) return; // it went while this was on its way
    const known = this.#announced.get(unit) ?? new Map<string, Endpoint>();
    if (address === null) known.delete(kind);
    else known.set(kind, { kind, address });
    this.#announced.set(unit, known);
    this.#serving.endpoints.set(unit, known);
    const { log } = this.#serving.manager;
    this.#serving.manager.endpointsChanged();
    log.info(
      address === null ? `${unit} is not served by ${kind} any more` : `${unit} is served at ${address}`,
    );
  }

  #profile(unit: string, profile: string): void {
    if (!this.trusted) return this.#peer.close(new DeviceError("denied", "profile"));
    const device = findUnit(this.#serving.manager, unit)?.device;
    if (device !== undefined && this.#wants(device)) this.#serving.mappings.told(device, unit, profile); // else it went while this was on its way
  }

  #ended(): void {
    const { manager } = this.#serving;
    for (const unwatch of this.#unwatch) unwatch();
    this.#administration.end();
    for (const unit of this.#announced.keys()) this.#unannounce(unit);
    manager.claims.closeAll(this);
    this.#serving.tracing.gone(this);
  }

  /** A reflector's endpoints end with it, or with their unit. */
  #unannounce(unit: string): void {
    const known = this.#announced.get(unit);
    const { endpoints } = this.#serving;
    if (known === undefined || endpoints.get(unit) !== known) return;
    endpoints.delete(unit);
    this.#serving.manager.endpointsChanged();
    this.#announced.delete(unit);
  }

  /** Each costs a driver a start: an application that does nothing else is hung up on. */
  #suspect({ channel, kind, text }: Tell<ClientEdge, "suspect">): void {
    const { manager, clock } = this.#serving;
    if (this.#administration.onlyLooks) return; // it has no word for or against a driver
    const counts = manager.claims.suspect(this, channel, { kind, text });
    if (!counts || this.trusted) return;
    const now = clock.now();
    this.#suspicions = [...this.#suspicions.filter((time) => now - time < SUSPICIONS_MS), now];
    if (this.#suspicions.length < SUSPICIONS_MAX) return;
    manager.log.warn(
      `${this.name} is hung up on: it suspected drivers ${SUSPICIONS_MAX} times within a minute`,
    );
    this.#peer.notify("dismissed", {
      reason: `it suspected drivers ${SUSPICIONS_MAX} times within a minute`,
    });
    this.#peer.close(new DeviceError("denied", "too many suspicions"));
  }

  lost(channel: number, incarnation: number, loss: Parameters<Claimant["lost"]>[2]): void {
    this.#peer.notify("lost", { channel, incarnation, ...loss });
  }

  ready(unit: string, incarnation: number): void {
    this.#peer.notify("ready", { unit, incarnation });
  }

  paused(channel: number, held: boolean): void {
    this.#peer.notify("paused", { channel, held });
  }

  stuck(channel: number, text: string): void {
    this.#peer.notify("stuck", { channel, text });
  }

  trace(device: string, on: boolean): void {
    this.#peer.notify("trace", { device, on });
  }

  get pid(): number | null {
    if (this.reflector === null) return this.#identity.pid ?? null;
    const { reflector, inline } = this.#identity;
    const its = this.#serving
      .reflectors()
      .find(({ class: name, driver }) => name === reflector && driver === inline);
    return its?.pid ?? null;
  }

  #wants(device: Device): boolean {
    const wanted = this.#subscribed === null || this.#subscribed === device.driver?.manifest.class;
    if (this.trusted && inlineDriver(device) !== this.#identity.inline) return false; // another reflector's
    return wanted && mayUse(this.#serving, this.#identity, device, "read");
  }

  unitAdded(device: Device, unit: HostUnit): void {
    if (this.#wants(device)) this.#peer.notify("unitAdded", unitInfo(this.#serving.manager, device, unit));
  }

  unitChanged(device: Device, unit: HostUnit): void {
    if (this.#wants(device)) this.#peer.notify("unitChanged", unitInfo(this.#serving.manager, device, unit));
  }

  unitRemoved(device: Device, unit: HostUnit, reason: string): void {
    const id = unitId(device.id, unit.index);
    if (this.trusted) this.#serving.inputs.remove(id);
    if (this.trusted) this.#serving.sockets.remove(id); // whosever it was: an inline driver's may have died before
    this.#unannounce(id);
    if (this.#wants(device)) this.#peer.notify("unitRemoved", { unit: id, kind: "disconnected", reason });
  }

  /** To whom it is of use. */
  mapping(text: string): void {
    const { reflector } = this.#identity;
    if (reflector !== undefined && isInputClass(reflector) && this.#subscribed !== undefined)
      this.#peer.notify("mapping", { text });
  }

  profile(device: Device, unit: string, profile: string): void {
    if (this.trusted && this.#wants(device)) this.#peer.notify("profile", { unit, profile });
  }

  deviceChanged(): void {
    this.#administration.deviceChanged();
  }
}

/** A class's, or its own where a driver is inline in it. */
export const reflectorName = (className: string, driver: string | undefined): string =>
  driver === undefined ? className : `${className}/${driver}`;

/** Whose reflector serves the device, where it is not that of its class. */
function inlineDriver({ driver }: Device): string | undefined {
  return driver?.manifest.placement === "inline" ? driver.manifest.name : undefined;
}

function findUnit(manager: Manager, wanted: string): { device: Device; unit: HostUnit } | undefined {
  for (const device of manager.devices)
    for (const unit of device.units) if (unitId(device.id, unit.index) === wanted) return { device, unit };
  return undefined;
}
