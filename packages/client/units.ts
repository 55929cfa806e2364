// Runs in: a client. Owns: one connection to the manager, what it says of units, and the units opened over it.

import { ClientRecorder } from "@ring3/channel/client-recorder";
import type { UnitInfo } from "@ring3/control/client-edge";
import type { Access } from "@ring3/control/fields";
import type { Clock } from "@ring3/core/clock";
import type { Contract } from "@ring3/core/contract";
import { DeviceError, type DeviceErrorKind } from "@ring3/core/errors";
import { isolated } from "./isolated.ts";
import type { ManagerConnection, ManagerNotices } from "./manager-connection.ts";
import { type ClientClass, UnitSession } from "./unit-session.ts";

export interface UnitListener {
  added?(info: UnitInfo): void;
  /** A new incarnation or enumeration, or other properties. */
  changed?(info: UnitInfo, before: UnitInfo): void;
  removed?(info: UnitInfo, reason: string): void;
  /** Another manager has taken a dead one's place, and knows us. */
  resumed?(): void;
}

export class Units {
  readonly connection: ManagerConnection;
  readonly #clock: Clock;
  readonly #listener: UnitListener;
  readonly #infos = new Map<string, UnitInfo>();
  readonly #sessions = new Set<UnitSession<Contract>>();
  /** Of the devices that somebody traces, by id. */
  readonly #recorders = new Map<string, ClientRecorder>();
  #subscribed: string | null = null;
  /** Who we are to the manager; null before we have subscribed. */
  #client: string | null = null;
  /** Units that the manager has told of since it was asked which there are. */
  #told = new Set<string>();

  constructor(
    connect: (notices: ManagerNotices) => ManagerConnection,
    clock: Clock,
    listener: UnitListener = {},
  ) {
    this.#clock = clock;
    this.#listener = listener;
    this.connection = connect({
      unitAdded: (info) => this.#heardOf(info),
      unitChanged: (info) => this.#heardOf(info),
      unitRemoved: ({ unit, kind, reason }) => this.#removed(unit, kind, reason),
      lost: (notice) => {
        for (const session of this.#sessions) session.lost(notice);
      },
      paused: (notice) => {
        for (const session of this.#sessions) session.paused(notice);
      },
      stuck: (notice) => {
        for (const session of this.#sessions) session.stuck(notice);
      },
      ready: ({ unit }) => {
        for (const session of this.#of(unit)) session.ready();
      },
      trace: ({ device, on }) => this.#trace(device, on),
    });
    this.connection.onResumed = (ask) => this.#resumed(ask);
    this.connection.signal.addEventListener("abort", () => {
      for (const session of this.#sessions) session.removed("disconnected", "the connection to ring3 ended");
    });
  }

  /** Resolves once every unit of the class (null: of every class) that there is now is known. */
  async subscribe(className: string | null): Promise<void> {
    this.#subscribed = className;
    await this.#subscribe(this.connection.ask);
  }

  /** Resolves with the channels of ours to which a driver listens. What that manager does not know of went while there was none. */
  async #subscribe(ask: ManagerConnection["ask"]): Promise<readonly number[]> {
    const { client, channels } = await ask("subscribe", { class: this.#subscribed, formerly: this.#client });
    this.#client = client;
    for (const unit of [...this.#infos.keys()])
      if (!this.#told.has(unit))
        this.#removed(unit, "disconnected", "it went while ring3's manager was replaced");
    return channels;
  }

  /** Another manager. Each session learns whether its driver is still there. */
  async #resumed(ask: ManagerConnection["ask"]): Promise<void> {
    this.#told = new Set();
    for (const session of this.#sessions) session.managerLost();
    for (const device of this.#recorders.keys()) this.#record(device, undefined); // whoever traces on asks that manager to
    // Who has no answer to its first subscription asks the next manager again (connection.ask), and can have no driver before.
    if (this.#client !== null) {
      const channels = await this.#subscribe(ask);
      for (const session of this.#sessions) session.resumed(channels);
    }
    isolated(() => this.#listener.resumed?.());
  }

  get known(): readonly UnitInfo[] {
    return [...this.#infos.values()];
  }

  info(unit: string): UnitInfo | undefined {
    return this.#infos.get(unit);
  }

  /** Rejects where the unit is unknown or may not be opened. */
  async open<C extends Contract>(
    unit: string,
    unitClass: ClientClass<C>,
    mode: Access,
  ): Promise<UnitSession<C>> {
    const info = this.#infos.get(unit) ?? (await this.#justTold(unit));
    if (info === undefined)
      throw new DeviceError("invalid", `open ${unit}: there is no such unit; see: ring3 status`);
    return await UnitSession.open(this.connection, info, unitClass, mode, this.#clock, (opened) => {
      const session = opened as unknown as UnitSession<Contract>;
      this.#sessions.add(session);
      session.record(this.#recorders.get(session.device));
      void session.closed.then(() => this.#sessions.delete(session));
    });
  }

  /** The caller may have heard of it before this connection has: what the manager had told by then comes before its answer. */
  async #justTold(unit: string): Promise<UnitInfo | undefined> {
    const [device] = unit.split("#") as [string];
    try {
      await this.connection.ask("wait", { device, state: "running", timeoutMs: 0 });
    } catch (error) {
      if ((error as DeviceError).kind !== "invalid") throw error; // no device has such a name
    }
    return this.#infos.get(unit);
  }

  #trace(device: string, on: boolean): void {
    if (!on) return this.#record(device, undefined);
    const recorder = new ClientRecorder(() => this.#clock.now());
    this.#record(device, recorder);
    this.connection.record(device, recorder.memory.fd);
  }

  #record(device: string, recorder: ClientRecorder | undefined): void {
    if (recorder === undefined) this.#recorders.delete(device);
    else this.#recorders.set(device, recorder);
    for (const session of this.#sessions) if (session.device === device) session.record(recorder);
  }

  #of(unit: string): UnitSession<Contract>[] {
    return [...this.#sessions].filter((session) => session.unit === unit);
  }

  #removed(unit: string, kind: DeviceErrorKind, reason: string): void {
    const info = this.#infos.get(unit);
    this.#infos.delete(unit);
    for (const session of this.#of(unit)) session.removed(kind, reason);
    if (info !== undefined) isolated(() => this.#listener.removed?.(info, reason));
  }

  #heardOf(info: UnitInfo): void {
    this.#told.add(info.unit);
    const before = this.#infos.get(info.unit);
    this.#infos.set(info.unit, info);
    for (const session of this.#of(info.unit)) session.changed(info);
    if (before === undefined) isolated(() => this.#listener.added?.(info));
    else isolated(() => this.#listener.changed?.(info, before));
  }
}
