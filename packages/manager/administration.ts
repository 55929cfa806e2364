// Runs in: manager. Owns: what one connection has asked for that concerns devices as a whole: verbs that are waited for,
// the log that it follows, the devices that it has attached.

import type { clientEdge } from "@ring3/control/client-edge";
import type { Params, Result } from "@ring3/control/edge";
import { Answer, type Handlers, type ServingPeer } from "@ring3/control/peer";
import type { Account } from "@ring3/control/rules";
import type { Clock } from "@ring3/core/clock";
import { DeviceError } from "@ring3/core/errors";
import type { Descriptor } from "@ring3/kernel/fd/descriptor";
import type { AbsentClients } from "./absent-clients.ts";
import { mayUse, requireOperator } from "./access.ts";
import type { AttachedBus, Attachment } from "./attached-bus.ts";
import type { CrashStore } from "./crash-store.ts";
import type { Device } from "./device.ts";
import type { EndpointSockets } from "./endpoint-sockets.ts";
import type { History } from "./history.ts";
import { inFlight } from "./in-flight.ts";
import type { Inputs } from "./inputs.ts";
import type { KernelDisks } from "./kernel-disks.ts";
import type { Manager } from "./manager.ts";
import type { Mappings } from "./mappings.ts";
import { Observation } from "./observation.ts";
import { deviceMetrics, deviceStatus, type Endpoint, explain } from "./status.ts";
import type { DeviceTrace, Tracing } from "./tracing.ts";
import { udevRules } from "./udev.ts";

type ClientEdge = typeof clientEdge;
/** Says to the other side what it has asked to be told. */
export type TellObserver = ServingPeer<ClientEdge>["notify"];

/** What all connections share. */
export interface Serving {
  readonly manager: Manager;
  readonly clock: Clock;
  readonly attached: AttachedBus;
  readonly tracing: Tracing;
  readonly history: History;
  readonly crashes: CrashStore;
  readonly sandboxed: boolean;
  /** Where a host's process runs, in words. */
  readonly processors: (host: number) => string;
  /** The manager's. */
  readonly uid: number;
  /** Its group, by name where it has one. */
  readonly group: () => string;
  /** By the account files as they are now. */
  readonly accountOf: (uid: number, gid: number) => Account;
  /** Clients of an earlier manager that have not come back yet. */
  readonly absent: AbsentClients;
  /** That nobody can guess. */
  readonly newToken: () => string;
  readonly startedAt: number;
  /** Multiplies how long drivers may take. */
  readonly timeScale: number;
  readonly keeperPid: number;
  readonly reflectors: () => { class: string; pid: number; driver?: string }[];
  readonly sockets: EndpointSockets;
  /** undefined where the kernel's disks are no endpoints. */
  readonly disks: KernelDisks | undefined;
  readonly inputs: Inputs;
  readonly mappings: Mappings;
  /** Ends those of the kernel's disks that are no unit's any more. */
  readonly keepDisks: () => void;
  /** Where applications meet each unit, as its reflector has said. */
  readonly endpoints: Map<string, Map<string, Endpoint>>;
}

/** Who is on the other side. `reflector`: the class that it reflects, `inline`: of the driver in it alone; `standby`: gives its end of a connection to the next manager. */
export interface ClientIdentity {
  readonly name: string;
  readonly uid: number;
  /** undefined: a reflector's. */
  readonly pid?: number;
  /** Read only where an access rule has to be asked. */
  account(): Account;
  readonly reflector?: string;
  readonly inline?: string;
  readonly standby?: () => Descriptor;
}

/** Until then a verb's answer says how far it came. */
const SETTLE_MS = 30_000;

export class Administration {
  readonly #serving: Serving;
  readonly #identity: ClientIdentity;
  readonly #tell: TellObserver;
  readonly #attachments = new Map<string, Attachment>();
  readonly #conditions = new Set<() => void>();
  #unfollow: (() => void) | undefined;
  #trace: DeviceTrace | undefined;
  #observation: Observation | undefined;
  #unfollowHistory: (() => void) | undefined;
  #onlyLooks = false;
  #ended = false;

  constructor(serving: Serving, identity: ClientIdentity, tell: TellObserver) {
    this.#serving = serving;
    this.#identity = identity;
    this.#tell = tell;
  }

  /** It has renounced the right to change anything. */
  get onlyLooks(): boolean {
    return this.#onlyLooks;
  }

  handlers(): Omit<
    Handlers<ClientEdge, Descriptor, ServingPeer<ClientEdge>>,
    | "subscribe"
    | "standby"
    | "open"
    | "listen"
    | "publish"
    | "begin"
    | "withdraw"
    | "close"
    | "access"
    | "record"
    | "inputDevice"
    | "inputNode"
    | "inputMemo"
    | "inputKeep"
    | "inputProfile"
  > {
    const { manager, attached } = this.#serving;
    return {
      status: () => this.#status(),
      metrics: () => this.#metrics(),
      observe: () => this.#observe(),
      history: ({ device }) => {
        const { passages, steps } = this.#serving.history.of(manager.resolve(device, this.#visible()));
        return { passages: [...passages], steps: [...steps] };
      },
      inFlight: ({ device, follow }) => {
        requireOperator(this.#serving, this.#identity, `look at the requests of ${device}`);
        const { id } = manager.resolve(device);
        if (this.#observation === undefined && follow)
          throw new DeviceError("invalid", `requests of ${id}: only who observes can follow them`);
        this.#observation?.follow(id, follow);
        return this.#inFlight(id)!;
      },
      renounce: () => {
        this.#onlyLooks = true;
        return {};
      },
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
      explain: ({ device }) => {
        requireOperator(this.#serving, this.#identity, `explain ${device}`);
        return explain(manager, manager.resolve(device), this.#serving);
      },
      ...this.#serving.mappings.handlers(
        (what) => requireOperator(this.#serving, this.#identity, what),
        (what) => this.#requireControl(what),
      ),
      udev: () => {
        const { inputs, accountOf, uid } = this.#serving;
        requireOperator(this.#serving, this.#identity, "udev");
        const classes = manager.devices.flatMap(({ driver }) => driver?.manifest.class ?? []);
        const user = accountOf(uid, uid).user ?? String(uid);
        return udevRules(manager.devices, inputs.permissions(classes), user, this.#serving.group());
      },
      logs: ({ device, follow }) => {
        requireOperator(this.#serving, this.#identity, "read the logs");
        const id = device === null ? null : this.#logged(device);
        if (follow) {
          this.#unfollow?.();
          this.#unfollow = manager.eventLog.follow(id, (entry) => this.#tell("log", entry));
        }
        return { entries: manager.eventLog.entries(id) };
      },
      crashes: ({ device }) => {
        requireOperator(this.#serving, this.#identity, "read the crash reports");
        const id = device === null ? null : this.#logged(device);
        return { reports: this.#serving.crashes.list(id) };
      },
      crash: ({ id }) => {
        requireOperator(this.#serving, this.#identity, "read the crash reports");
        return this.#serving.crashes.report(id);
      },
      trace: ({ device }) => {
        const { result, fds } = this.#traceOf(device).take();
        return new Answer(result, fds);
      },
      endTrace: () => {
        this.#trace?.end();
        this.#trace = undefined;
        return {};
      },
      attach: async ({ socket, busid, port }) => {
        this.#requireControl("attach a device");
        const attachment = await attached.attach(socket, busid, port);
        if (this.#ended) attachment.detach();
        this.#attachments.set(attachment.port, attachment);
        return { port: attachment.port, devices: [...attachment.devices] };
      },
      detach: ({ port }) => {
        this.#requireControl("detach a device");
        const attachment = this.#attachments.get(port) ?? attached.forsaken(port);
        if (attachment === undefined && attached.isTaken(port))
          throw new DeviceError("invalid", `detach port ${port}: this connection attached none there`);
        this.#attachments.delete(port);
        attachment?.detach(); // who asks again, since a manager died before it answered, finds it done
        return {};
      },
    };
  }

  deviceChanged(): void {
    this.#trace?.deviceChanged();
    this.#observation?.changed();
    for (const check of [...this.#conditions]) check();
  }

  /** The connection is over. */
  end(): void {
    this.#ended = true;
    this.#unfollow?.();
    this.#trace?.end();
    this.#trace = undefined;
    this.#observation?.end();
    this.#observation = undefined;
    this.#unfollowHistory?.();
    for (const attachment of this.#attachments.values()) attachment.detach();
    this.deviceChanged();
  }

  #administer(device: string): Device {
    this.#requireControl(`administer ${device}`);
    return this.#serving.manager.resolve(device);
  }

  #requireControl(what: string): void {
    requireOperator(this.#serving, this.#identity, what);
    if (this.#onlyLooks)
      throw new DeviceError("denied", `${what}: this connection has renounced it, and only looks`);
  }

  /** One a connection. What is known of a device that has gone is told before that it has. */
  #traceOf(device: string): DeviceTrace {
    if (this.#trace?.hasNews === true) return this.#trace;
    requireOperator(this.#serving, this.#identity, `trace ${device}`);
    const found = this.#serving.manager.resolve(device);
    if (this.#trace?.device === found) return this.#trace;
    this.#trace?.end();
    this.#trace = undefined;
    this.#trace = this.#serving.tracing.start(found);
    return this.#trace;
  }

  /** A device that is not there any more has left entries under its id. */
  #logged(device: string): string {
    const { manager } = this.#serving;
    const found = manager.find(device);
    return found === undefined && manager.eventLog.entries(device).length > 0
      ? device
      : manager.resolve(device).id;
  }

  /** The devices that exist for whoever asks. */
  #visible(): Device[] {
    const { manager } = this.#serving;
    return manager.devices.filter((device) => this.#isVisible(device));
  }

  #isVisible(device: Device): boolean {
    return mayUse(this.#serving, this.#identity, device, "read");
  }

  #metrics(): Result<ClientEdge, "metrics"> {
    const { manager, clock } = this.#serving;
    return {
      nowMs: clock.now(),
      devices: this.#visible().map((device) => deviceMetrics(manager, device)),
    };
  }

  #inFlight(id: string): Result<ClientEdge, "inFlight"> | undefined {
    const { manager, clock } = this.#serving;
    const device = manager.devices.find((each) => each.id === id);
    return device && { device: id, requests: inFlight(device, manager.claims, clock) };
  }

  #observe(): Result<ClientEdge, "observe"> {
    const { clock, history } = this.#serving;
    this.#observation ??= new Observation({
      clock,
      status: () => this.#status(),
      metrics: () => this.#metrics(),
      inFlight: (device) => this.#inFlight(device),
      tell: this.#tell,
    });
    this.#unfollowHistory ??= history.follow({
      passage: (device, passage) => {
        if (this.#isVisible(device)) this.#tell("passage", passage);
      },
      step: (device, step) => {
        if (this.#isVisible(device)) this.#tell("step", step);
      },
    });
    return { status: this.#observation.begin() };
  }

  #status(): Result<ClientEdge, "status"> {
    const { manager, clock, startedAt, keeperPid, reflectors, sandboxed, endpoints } = this.#serving;
    return {
      keeperPid,
      manager: { pid: process.pid, uptimeMs: Math.round(clock.now() - startedAt) },
      reflectors: reflectors(),
      devices: this.#visible().map((device) =>
        deviceStatus(manager, device, sandboxed, (unit) => [...(endpoints.get(unit)?.values() ?? [])]),
      ),
    };
  }

  /** The device need not exist yet: a prefix that nothing fits is waited for, one that fits several is refused. */
  async #wait({ device, state, timeoutMs }: Params<ClientEdge, "wait">): Promise<Result<ClientEdge, "wait">> {
    const { manager } = this.#serving;
    const find = () => manager.find(device, this.#visible());
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

  /** Resolves when the condition holds, the time is over or the client is gone; rejects when the condition throws. */
  #until(condition: () => boolean, timeoutMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const end = () => {
        timer.cancel();
        this.#conditions.delete(check);
        resolve();
      };
      const check = () => {
        try {
          if (this.#ended || condition()) end();
        } catch (error) {
          reject(error);
          end();
        }
      };
      const timer = this.#serving.clock.after(timeoutMs, end);
      this.#conditions.add(check);
      check();
    });
  }
}

function reached(device: Device): Result<ClientEdge, "start"> {
  return { device: device.id, state: device.life.state, reason: device.life.reason };
}
