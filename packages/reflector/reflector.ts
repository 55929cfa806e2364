// Runs in: reflector. Owns: the endpoints of one class: each unit's, from the day it is announced until it is removed.

import type { InputNodes } from "@ring3/classes/input/endpoint-node";
import type { ManagerConnection, ManagerNotices } from "@ring3/client/manager-connection";
import { Units } from "@ring3/client/units";
import type { UnitInfo } from "@ring3/control/client-edge";
import { type Mapping, mappingFor, parseMapping } from "@ring3/control/mapping";
import type { Clock } from "@ring3/core/clock";
import type { Contract, Properties } from "@ring3/core/contract";
import { DeviceError } from "@ring3/core/errors";
import type { Log } from "@ring3/core/log";
import type { DeviceMapping } from "@ring3/core/mapping";
import type { KernelDisk } from "@ring3/kernel/disk/kernel-disk";
import type { Descriptor } from "@ring3/kernel/fd/descriptor";
import type { PeerCredentials } from "@ring3/kernel/socket/unix";
import type { UblkServer } from "@ring3/kernel/ublk/server";
import { uinputCalls } from "@ring3/kernel/uinput/calls";
import type { Endpoint, EndpointListener, KernelDiskParts, ReflectedClass } from "./classes.ts";

/** How units are disks of the kernel's, and whether they are met so or not at all. */
export interface KernelDisksWay {
  readonly by: UblkServer | "nbd-device";
  readonly only: boolean;
}

/** What it may have of the kernel. */
export interface Surfaces {
  readonly disks?: KernelDisksWay | undefined;
  readonly uinput?: boolean;
}

export class Reflector {
  readonly #class: ReflectedClass<Contract>;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #disks: KernelDisksWay | undefined;
  readonly #uinput: boolean;
  readonly #units: Units;
  readonly #streams: Descriptor[];
  readonly #endpoints = new Map<string, Endpoint[]>();
  readonly #starts = new Map<string, Promise<void>>();
  /** Profiles that were wanted while a unit's endpoints were made. */
  readonly #wanted = new Map<string, string>();
  /** Units that went while their endpoints were made: those are of nothing that there is, also where the unit came again. */
  readonly #went = new Set<string>();
  /** Units that went and whose addresses are not free yet. */
  readonly #closing = new Map<string, Promise<unknown>>();
  #mapping: Mapping = { devices: [] };
  #mappingText = "";
  /** By unit: the profiles that are active, as far as a button has said so. */
  readonly #profiles = new Map<string, string>();

  /** `streams`: to the manager there is, and where the one after it will listen. */
  constructor(
    reflected: ReflectedClass<Contract>,
    connect: (stream: () => Descriptor, notices: ManagerNotices) => ManagerConnection,
    streams: readonly [Descriptor, Descriptor],
    clock: Clock,
    log: Log,
    { disks, uinput = false }: Surfaces = {},
  ) {
    this.#disks = disks;
    this.#uinput = uinput;
    this.#class = reflected;
    this.#clock = clock;
    this.#log = log;
    this.#streams = [...streams];
    const more: ManagerNotices = {
      mapping: ({ text }) => this.#mapped(text),
      profile: ({ unit, profile }) => this.#use(unit, profile),
    };
    const connected = (notices: ManagerNotices) => connect(() => this.#nextStream(), { ...notices, ...more });
    this.#units = new Units(connected, clock, {
      added: (info) => this.#inTurn(info),
      changed: (info, before) => this.#changed(info, before),
      removed: (info, reason) => this.#removed(info, reason),
      resumed: () => void this.#resumed(),
    });
  }

  /** A jailed process cannot connect to anybody: each manager gives it a stream to the next. */
  #nextStream(): Descriptor {
    const stream = this.#streams.shift();
    if (stream === undefined) throw new DeviceError("disconnected", "ring3 has ended");
    return stream;
  }

  /** The manager's list of addresses, and its stream to the next, were the last one's. */
  async #resumed(): Promise<void> {
    const { connection } = this.#units;
    for (const [unit, endpoints] of this.#endpoints)
      for (const { kind, address } of endpoints) this.#announce(unit, kind, address);
    for (const [unit, profile] of this.#profiles) connection.profile({ unit, profile }); // a button may have said so meanwhile
    try {
      this.#streams.push(await connection.standby());
    } catch (error) {
      if ((error as DeviceError).kind !== "disconnected") throw error; // that one is dead too
    }
  }

  /** Aborts when ring3 is gone. */
  get signal(): AbortSignal {
    return this.#units.connection.signal;
  }

  async start(): Promise<void> {
    await this.#units.subscribe(this.#class.client.contract.name);
  }

  /** One start at a time for a unit: it may go, and come again, while its endpoints are made. */
  #inTurn(info: UnitInfo): void {
    const turn = (this.#starts.get(info.unit) ?? Promise.resolve())
      .then(() => this.#added(info))
      .catch((error: Error) => this.#log.error(`no endpoint for ${info.unit}: ${error.message}`))
      .finally(() => {
        if (this.#starts.get(info.unit) !== turn) return;
        this.#starts.delete(info.unit);
        this.#went.delete(info.unit);
        this.#wanted.delete(info.unit);
      });
    this.#starts.set(info.unit, turn);
  }

  async #added({ unit }: UnitInfo): Promise<void> {
    await this.#closing.get(unit);
    if (this.#units.info(unit) === undefined || this.#endpoints.has(unit)) return; // it went again, or came twice
    this.#went.delete(unit);
    const first = this.#units.info(unit)!;
    let latest = first;
    /** Why a session is over that was opened meanwhile. */
    let over: string | undefined;
    const mapping = this.#mapping;
    const endpoints = await this.#class.startEndpoints({
      info: () => {
        latest = this.#units.info(unit) ?? latest;
        return latest;
      },
      open: async (mode) => {
        const session = await this.#units.open(unit, this.#class.client, mode);
        void session.end.whenEnded.then(({ message }) =>
          this.#clock.after(0, () => {
            over = message;
            this.#hangUp(unit, message);
          }),
        );
        return session.port;
      },
      listen: (kind) => this.#listen(unit, kind),
      kernelDisk: this.#disks && this.#kernelDisk(unit, this.#disks),
      inputNodes: this.#uinput ? this.#inputNodes(unit) : undefined,
      mapping: () => this.#mappingOf(this.#units.info(unit) ?? latest),
      profile: {
        last: async () => (await this.#units.connection.ask("inputProfile", { unit })).profile,
        tell: (profile) => {
          this.#profiles.set(unit, profile);
          this.#units.connection.profile({ unit, profile });
        },
      },
      announce: (kind, address) => this.#units.connection.endpoint({ unit, kind, address }),
      clock: this.#clock,
      log: this.#log.child(unit),
    });
    this.#endpoints.set(unit, endpoints);
    if (this.#went.has(unit)) return this.#removed(latest, "it went while its endpoints were made");
    if (over !== undefined) this.#hangUp(unit, over);
    const profile = this.#wanted.get(unit);
    if (profile !== undefined) for (const endpoint of endpoints) endpoint.use?.(profile);
    for (const { kind, address } of endpoints) this.#announce(unit, kind, address);
    if (this.#mapping !== mapping || this.#units.info(unit) !== first)
      for (const endpoint of endpoints) endpoint.changed();
  }

  /** As the manager has it, who has checked it. */
  #mapped(text: string): void {
    if (text === this.#mappingText) return;
    this.#mappingText = text;
    try {
      this.#mapping = parseMapping(text, "the mapping file");
    } catch (error) {
      if (!(error instanceof DeviceError)) throw error;
      return this.#log.error(
        `the mapping stays as it was: its manager is of another version: ${error.message}`,
      );
    }
    for (const endpoints of this.#endpoints.values()) for (const endpoint of endpoints) endpoint.changed();
  }

  #mappingOf({ device: id, alias, identity, class: className }: UnitInfo): DeviceMapping | undefined {
    const { vendor, product, serial } = identity;
    return mappingFor(this.#mapping, { id, alias, usb: `${vendor}:${product}`, serial, class: className });
  }

  #use(unit: string, profile: string): void {
    this.#profiles.delete(unit); // the manager knows better now
    if (this.#starts.has(unit)) this.#wanted.set(unit, profile);
    for (const endpoint of this.#endpoints.get(unit) ?? []) endpoint.use?.(profile);
  }

  #announce(unit: string, kind: string, address: string | null): void {
    if (address !== null) this.#units.connection.endpoint({ unit, kind, address });
  }

  #kernelDisk(unit: string, { by, only }: KernelDisksWay): KernelDiskParts {
    const { connection } = this.#units;
    let enumeration = 0; // of what was published last
    const publish = (medium: number, disk: KernelDisk) => {
      enumeration = this.#units.info(unit)?.enumeration ?? enumeration;
      return connection.publish({ unit, enumeration, medium, disk });
    };
    const parts = {
      only,
      begin: async (medium: number) => (await connection.ask("begin", { unit, enumeration, medium })).node,
      withdraw: async (medium: number) =>
        void (await connection.ask("withdraw", { unit, enumeration, medium })),
    };
    if (by === "nbd-device")
      return {
        ...parts,
        kind: by,
        publish: async (medium, disk) => (await publish(medium, disk)).device,
      };
    return {
      ...parts,
      kind: "ublk",
      publish: async (medium, disk, serve) => {
        const { device, ...shape } = await publish(medium, disk);
        return by.serve(device, shape, serve);
      },
    };
  }

  #inputNodes(unit: string): InputNodes {
    const { connection } = this.#units;
    return {
      open: async (index, shape) => {
        const { descriptor, memo } = await connection.inputDevice({ unit, index, shape });
        return { calls: uinputCalls(descriptor), memo };
      },
      keep: async (indexes) => void (await connection.ask("inputKeep", { unit, indexes: [...indexes] })),
      node: async (sysname) => (await connection.ask("inputNode", { unit, sysname })).node,
      remember: async (index, memo) => {
        await connection.ask("inputMemo", { unit, index, memo }).catch(({ message }: Error) => {
          this.#log.warn(`${unit}: what is uploaded may be lost with this reflector: ${message}`);
        });
      },
    };
  }

  async #listen(unit: string, kind: string): Promise<EndpointListener> {
    const { connection } = this.#units;
    const { path, guests, socket } = await connection.listen({ unit, kind });
    const access = async ({ uid, gid }: PeerCredentials) =>
      (await connection.ask("access", { unit, peer: { uid, gid } })).mode;
    return { path, socket, guests: guests ? access : undefined };
  }

  /** Nobody may go on with the old medium's size. What is there after an unplugging, those who had it open are proven by their sessions. */
  #changed(info: UnitInfo, before: UnitInfo): void {
    const properties = ({ properties }: UnitInfo) => properties as Properties<Contract>;
    const { sameMedium } = this.#class.client.recovery;
    if (info.enumeration === before.enumeration && !sameMedium(properties(before), properties(info)))
      this.#hangUp(info.unit, "the medium was changed");
    for (const endpoint of this.#endpoints.get(info.unit) ?? []) endpoint.changed();
  }

  /** Whoever is connected has had the errors of their requests; with what they had opened they can do no more. */
  #hangUp(unit: string, reason: string): void {
    for (const endpoint of this.#endpoints.get(unit) ?? []) endpoint.disconnectAll(reason);
  }

  #removed({ unit }: UnitInfo, reason: string): void {
    const endpoints = this.#endpoints.get(unit) ?? [];
    this.#endpoints.delete(unit);
    this.#profiles.delete(unit);
    this.#wanted.delete(unit);
    if (this.#starts.has(unit)) this.#went.add(unit);
    for (const endpoint of endpoints) endpoint.disconnectAll(reason);
    const closed = Promise.all(endpoints.map((endpoint) => endpoint.close())).catch((error: Error) =>
      this.#log.error(`closing the endpoints of ${unit}: ${error.message}`),
    );
    this.#closing.set(unit, closed);
    void closed.then(() => this.#closing.delete(unit));
  }
}
