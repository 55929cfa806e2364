// Runs in: tests. Owns: driver hosts, devices and drivers that are nothing but what a test says of them.

import { HostDeviceMemory } from "@ring3/channel/device-memory";
import { BLOCK_MEDIUM_PRESENT, block } from "@ring3/classes/block/contract";
import type { HostUnit } from "@ring3/control/host-edge";
import type { Manifest } from "@ring3/control/manifest";
import type { Clock } from "@ring3/core/clock";
import type { Contract } from "@ring3/core/contract";
import { DeviceError } from "@ring3/core/errors";
import type { FailureReason } from "@ring3/core/lifecycle";
import { createLog } from "@ring3/core/log";
import { Descriptor, duplicate, pipe } from "@ring3/kernel/fd/descriptor";
import { sealedFile } from "@ring3/kernel/shm/memory";
import type { BusDevice } from "./bus.ts";
import type { Crash } from "./crash-report.ts";
import { Device } from "./device.ts";
import type { DeviceObserver } from "./device-observer.ts";
import type { ChosenDriver } from "./drivers.ts";
import type { HostListeners, HostProcess, SpareHost, StartHost } from "./host-process.ts";
import { KeptStates } from "./kept-states.ts";
import type { Legacy } from "./legacy.ts";

export const settled = () => new Promise<void>((resolve) => setImmediate(resolve));

export function unit(index = 0, properties = {}): HostUnit {
  return {
    index,
    properties: {
      ...(block.properties!.create() as unknown as HostUnit["properties"]),
      sectorBytes: 512,
      maxTransferSectors: 2048,
      sectors: 8192,
      flags: BLOCK_MEDIUM_PRESENT,
      ...properties,
    },
    operations: ["read", "write", "flush"],
  };
}

/** One start of a host. Everything that it does, it does when the test says so. */
export class FakeHost {
  listeners: HostListeners;
  /** What happened to it, in order. */
  readonly log: string[];
  readonly name: string;
  /** Other drivers are in its process. */
  shared = false;
  /** The device's, once it was assigned one. */
  memory: HostDeviceMemory | undefined;
  readonly #started = Promise.withResolvers<HostProcess>();
  readonly #fenced = Promise.withResolvers<void>();
  readonly #probe = Promise.withResolvers<unknown>();
  readonly #ended = new AbortController();
  readonly #forgone = Promise.withResolvers<never>();
  /** Answers to everything but probe and remove. */
  answer: (method: string, params: unknown) => Promise<{ result: object; fds: Descriptor[] }> = async () => ({
    result: {},
    fds: [],
  });

  constructor(name: string, listeners: HostListeners, log: string[]) {
    this.name = name;
    this.listeners = listeners;
    this.log = log;
    this.#forgone.promise.catch(() => {}); // where nothing was asked
  }

  get starting(): Promise<HostProcess> {
    return this.#started.promise;
  }

  #say(what: string): void {
    this.log.push(`${this.name} ${what}`);
  }

  readonly #call = async (method: string, params: unknown, fds: readonly unknown[] = []) => {
    if (method === "assign") {
      // goes with `probe`
      using descriptor = duplicate(fds[0] as number);
      this.memory = new HostDeviceMemory(descriptor, 0, { now: () => 0 });
      return { result: {}, fds: [] };
    }
    this.#say(method);
    for (const fd of fds) if (fd instanceof Descriptor) fd.close();
    if (method === "probe") return this.#probe.promise;
    return this.answer(method, params);
  };

  /** The runtime is loaded. */
  async loaded(): Promise<void> {
    this.#started.resolve(this.#process());
    await settled();
  }

  #process(): HostProcess {
    return {
      name: this.name,
      pid: process.pid,
      peer: { signal: this.#ended.signal, call: this.#call, tell() {}, close: () => this.#ended.abort() },
      ask: (...asked: Parameters<HostProcess["ask"]>) =>
        Promise.race([this.#call(...asked), this.#forgone.promise]),
      forgo: () => this.#forgone.reject(new DeviceError("timeout", "it cannot be ended")),
      fenced: this.#fenced.promise,
      shared: this.shared,
      held: false,
      kill: () => this.#say("kill"),
      remove: async () => void (await this.#call("remove", {})),
      blame: (reason: FailureReason) => this.listeners.lost(reason),
      loaded: Promise.resolve(),
      stack: async () => "",
      introduce: async () => ((await this.#call("adopt", {})) as { result: unknown }).result,
    } as unknown as HostProcess;
  }

  /** As a manager that died has left it. */
  get left(): SpareHost {
    const adopt = (listeners: HostListeners) => {
      this.listeners = listeners;
      return this.#process();
    };
    return { adopt, kill: () => this.#say("kill"), fenced: this.#fenced.promise } as unknown as SpareHost;
  }

  async probed(...units: HostUnit[]): Promise<void> {
    this.#probe.resolve({ result: { units }, fds: [] });
    await settled();
  }

  async declines(why: string): Promise<void> {
    this.#probe.resolve({ result: { units: [], declined: why }, fds: [] });
    await settled();
  }

  async refusesProbe(text: string): Promise<void> {
    this.#probe.reject(new DeviceError("io", text));
    await settled();
  }

  /** Until the driver runs. */
  async runs(...units: HostUnit[]): Promise<void> {
    await this.loaded();
    await this.probed(...(units.length === 0 ? [unit()] : units));
  }

  /** The process is dead, and that is proven. */
  async dies(): Promise<void> {
    this.#fenced.resolve();
    await settled();
  }

  fails(text = "it broke", outside = false): void {
    this.listeners.lost({ kind: "exit", text, outside } satisfies FailureReason);
  }
}

export class FakeHosts {
  readonly hosts: FakeHost[] = [];
  readonly log: string[];

  constructor(log: string[] = []) {
    this.log = log;
  }

  readonly start: StartHost = (_shape, listeners, got) => {
    const host = new FakeHost(`host ${this.hosts.length + 1}`, listeners, this.log);
    this.hosts.push(host);
    this.log.push(`${host.name} start`);
    got(this.spare ? "spare" : "cold");
    return host.starting;
  };

  /** How many were to be asked for in a moment; `spare`: one waits. */
  expected = 0;
  spare = true;
  readonly expect = (): boolean => {
    this.expected++;
    return this.spare;
  };

  get last(): FakeHost {
    return this.hosts.at(-1)!;
  }
}

export function busDevice(overrides: Partial<BusDevice> = {}): BusDevice {
  return {
    id: "usb-1-4:1.0",
    bus: "usb",
    transport: "usbfs",
    identity: { vendor: "0781", product: "5583", serial: "4C53" },
    name: "SanDisk Extreme",
    facts: {
      bus: "usb",
      vendor: 0x0781,
      product: 0x5583,
      serial: "4C53",
      deviceClass: 0,
      interfaceClass: 8,
      interfaceSubclass: 6,
      interfaceProtocol: 0x50,
    },
    kernelDriver: () => null,
    holders: () => [],
    allowTaking() {},
    withheld: () => false,
    lostClaim: () => undefined,
    open: async () => {
      const { read: descriptor, write: other } = pipe();
      other.close();
      return { terms: {} as never, descriptor, taken: false };
    },
    takeable: false,
    plugging: "1/4",
    isShared: false,
    permissions: () => [],
    giveBack: () => null,
    ...overrides,
  };
}

/** A device whose hosts are played; its observer hears of what the test asks for. */
export function playedDevice(
  hosts: FakeHosts,
  clock: Clock,
  observer: Partial<DeviceObserver>,
  bus: Partial<BusDevice> = {},
): Device {
  return new Device(busDevice(bus), {
    clock,
    random: { next: () => 0 },
    log: createLog("test", () => {}, clock),
    startHost: hosts.start,
    expectHost: hosts.expect,
    sandboxed: true,
    crashed() {},
    legacy: noLegacy,
    ordinalFor: () => 1,
    keptStates: new KeptStates(() => []),
    timeScale: 1,
    observer: {
      changed() {},
      stepped() {},
      declined: () => undefined,
      ready() {},
      lost() {},
      unitChanged() {},
      held() {},
      stuck() {},
      inherited() {},
      unitVanished() {},
      ...observer,
    },
  });
}

/** Nobody will come after this manager. */
export const noLegacy: Legacy = { note() {}, hold() {}, drop() {} };

export const manifest: Manifest = {
  name: "usb-storage",
  version: "1.0.0",
  sdk: "^0.1.0",
  class: "block",
  match: [{ usb: { interface: { class: 8 } } }],
  grants: ["usb"],
  placement: "isolated",
  latency: "wake",
  sandbox: "standard",
  stateVersion: 0,
  stateOutlives: "driver",
  limits: { memoryMb: 4096, hangMs: 1e9, cancelMs: 1000, probeMs: 15_000 },
};

export const crash: Crash = {
  time: 1_800_000_000_000,
  device: { id: "usb-1-4:1.0", name: "Disk", identity: { vendor: "0781", product: "5583", serial: null } },
  manifest,
  contract: block as unknown as Contract,
  sandboxed: true,
  incarnation: 3,
  reason: { kind: "crash", text: "it broke", outside: false },
  stack: "Error: it broke\n    at read",
  recorded: [],
  resources: null,
};

const source = new TextEncoder().encode("exports.default = {}");
export const code = sealedFile("driver", source);
export const codeBytes = source.length;

export function chosenDriver(limits: Partial<Manifest["limits"]> = {}): ChosenDriver {
  return {
    manifest: { ...manifest, limits: { ...manifest.limits, ...limits } },
    contract: block as unknown as Contract,
    code,
    codeBytes,
    sourceMap: undefined,
  };
}
