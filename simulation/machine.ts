// Runs in: the simulation. Owns: one simulated machine: its kernel, its disks and where they are plugged in, its programs, and what was asked of them.

import { DeviceError } from "@ring3/core/errors";
import { Descriptor } from "@ring3/kernel/fd/descriptor";
import { useKernel } from "@ring3/kernel/native";
import { connect } from "@ring3/kernel/socket/unix";
import type { BusDevice } from "@ring3/manager/bus";
import { Client, type Streams } from "./client.ts";
import { Dice } from "./dice.ts";
import { Disk } from "./disk.ts";
import { lateness, met, mishapOf } from "./faults.ts";
import { Kernel } from "./kernel/kernel.ts";
import type { MemoryStock } from "./kernel/memory.ts";
import { nativeOf } from "./kernel/native.ts";
import type { Process } from "./kernel/process.ts";
import { UsbfsFile } from "./kernel/usbfs.ts";
import { type Invariant, Ledger } from "./ledger.ts";
import { Person } from "./person.ts";
import { CONTROL_SOCKET, type RunningManager, startKeeper } from "./programs.ts";

/** How long a bus takes to tell of a device. */
const BUS_MS = [0.1, 2] as const;
/** Of a message that comes in parts; most are larger. */
const PART_MAX = 100;
/** One interface, mass storage: USB 2.0 §9.6. */
const descriptors = Buffer.from([
  ...[18, 1, 0x00, 0x02, 0, 0, 0, 64, 0x09, 0x12, 0x01, 0x00, 0x00, 0x01, 0, 0, 0, 1],
  ...[9, 2, 18, 0, 1, 1, 0, 0x80, 50],
  ...[9, 4, 0, 0, 0, 8, 6, 0x50, 0],
]).toString("base64");

export interface Violation {
  readonly invariant: Invariant;
  readonly text: string;
  readonly step: number;
}

/** A place on the bus. */
export interface Port {
  readonly id: string;
  disk: Disk | undefined;
  device: BusDevice | undefined;
  /** Until then the bus is telling of what was there before. */
  busyUntil: number;
}

/** One in so many seeds is a machine whose drivers share a process. */
const POOLED_EVERY = 2;

export class Machine {
  readonly dice: Dice;
  readonly kernel: Kernel;
  readonly ledger: Ledger;
  readonly ports: Port[];
  readonly clients = new Set<Client>();
  readonly violations: Violation[] = [];
  answered = 0;
  readonly requests = new Map<object, { client: Client; what: string }>();
  person: Person | undefined;
  manager: { process: Process; running: RunningManager; since: number } | undefined;
  /** All media are of one size: then nothing is unplugged, since nobody could tell what was exchanged meanwhile. */
  readonly alike: boolean;
  winding = false;
  faultsLeft: number;
  readonly faults = new Map<string, number>();
  steps = 0;
  /** Starts of processes that are to be refused. */
  refusals = 0;
  end: { inOrder: boolean; reason: string } | undefined;
  #disks = 0;
  #pluggings = 0;
  /** All drivers are in one process. */
  readonly #pooled: boolean;
  readonly #keeper: { stop(): void };

  constructor(
    seed: number,
    faults: number,
    driverCode: string,
    stock: MemoryStock,
    trace: ((line: string) => void) | undefined,
  ) {
    this.dice = new Dice(seed);
    this.#pooled = seed % POOLED_EVERY === POOLED_EVERY - 1;
    this.faultsLeft = faults;
    this.alike = this.dice.chance(0.4);
    this.kernel = new Kernel(this.dice, stock);
    const say = (text: () => string) => trace?.(`${this.kernel.now.toFixed(3)} ${text()}`);
    this.kernel.trace = say;
    this.kernel.broken = (text) => this.broken("own", text);
    this.ledger = new Ledger((invariant, text) => this.broken(invariant, text), say);
    this.kernel.lateness = () => {
      const late = this.faulty ? lateness(this.dice) : undefined;
      if (late !== undefined) this.fault(late.name);
      return late?.ms ?? 0;
    };
    const meets = (name: "message in parts" | "message must wait") => {
      const found = this.faulty && this.dice.chance(met[name].probability);
      if (found) this.fault(name);
      return found;
    };
    this.kernel.received = (bytes) =>
      bytes > 1 && meets("message in parts") ? 1 + this.dice.below(Math.min(bytes - 1, PART_MAX)) : bytes;
    this.kernel.full = () => meets("message must wait");
    useKernel(nativeOf(this.kernel));
    this.ports = ["usb-1-1:1.0", "usb-1-2:1.0"].map((id) => ({
      id,
      disk: undefined,
      device: undefined,
      busyUntil: 0,
    }));
    this.#keeper = startKeeper({
      kernel: this.kernel,
      driverCode,
      placement: this.#pooled ? "pooled:disks" : "isolated",
      reflect: (process, streams) => this.#client(process, reflectorStreams(streams), "write"),
      ended: (inOrder, reason) => {
        this.end = { inOrder, reason };
      },
      mayStart: () => this.#mayStart(),
      managerRuns: (process, running) => this.#managerRuns(process, running),
      firstServes: () => void this.kernel.post(undefined, 0, () => this.#begin()),
    });
  }

  /** One more. */
  fault(name: string): void {
    this.faultsLeft--;
    this.faults.set(name, (this.faults.get(name) ?? 0) + 1);
    this.kernel.trace(() => `FAULT ${name}`);
  }

  #mayStart(): boolean {
    if (this.refusals === 0) return true;
    this.refusals--;
    this.fault("no process can be started");
    return false;
  }

  /** Faults are still to come. */
  get faulty(): boolean {
    return this.faultsLeft > 0 && this.manager !== undefined;
  }

  broken(invariant: Invariant, text: string): void {
    this.kernel.trace(() => `BROKEN: ${invariant}: ${text}`);
    this.violations.push({ invariant, text, step: this.steps });
  }

  /** What is plugged in, a manager is told in the turn in which it asks. */
  #managerRuns(process: Process, running: RunningManager): void {
    this.manager = { process, running, since: this.kernel.now };
    for (const { device } of this.ports) if (device !== undefined) running.added(device);
  }

  #begin(): void {
    for (const port of this.ports) this.plug(port, this.createDisk());
    this.connectClient("read");
    if (this.dice.chance(0.5)) this.connectClient("write");
    this.#start("person", (process) => {
      this.person = new Person(process, () => connect(CONTROL_SOCKET), this.kernel.clockOf(process));
    });
  }

  // Clients

  connectClient(mode: "read" | "write"): void {
    const streams: Streams = { next: () => connect(CONTROL_SOCKET), resumed: async () => {} };
    this.#start("application", (process) => this.#client(process, streams, mode));
  }

  #start(name: string, run: (process: Process) => void): void {
    const process = this.kernel.create(name);
    this.kernel.post(process, this.dice.between(0.1, 2), () => run(process));
  }

  #client(process: Process, streams: Streams, mode: "read" | "write"): void {
    const machine = this;
    const world = {
      dice: this.dice,
      ledger: this.ledger,
      get winding() {
        return machine.winding;
      },
      say: ({ process: { name, pid } }: Client, text: string) =>
        void this.kernel.trace(() => `${name} ${pid}: ${text}`) as undefined,
      began: (client: Client, what: string) => this.#began(client, what),
    };
    const client = new Client(process, streams, mode, this.kernel.clockOf(process), world);
    if (!process.alive) return; // killed in the turn in which it began
    this.clients.add(client);
    process.ended.push(() => this.#clientEnded(client));
  }

  /** It breaks the rules from now on: what becomes of its requests nobody asks. */
  disown(client: Client): void {
    this.#clientEnded(client);
    client.rogue = true;
  }

  #began(client: Client, what: string): () => void {
    if (client.rogue) return () => {};
    const key = {};
    const { name, pid } = client.process;
    this.kernel.trace(() => `${name} ${pid} asks: ${what}`);
    this.requests.set(key, { client, what });
    return () => {
      this.answered++;
      this.kernel.trace(() => `${name} ${pid} has its answer: ${what}`);
      if (!this.requests.delete(key) && !client.rogue) this.broken("twice", `${what} was answered twice`);
    };
  }

  /** Nobody waits for its requests any more. */
  #clientEnded(client: Client): void {
    this.clients.delete(client);
    for (const [key, request] of this.requests) if (request.client === client) this.requests.delete(key);
  }

  // Disks

  createDisk(): Disk {
    return new Disk(`D${++this.#disks}`, this.alike, this.kernel, this.ledger, () => {
      const found = this.faulty ? mishapOf(this.dice) : undefined;
      if (found !== undefined) this.fault(found.name);
      return found?.mishap;
    });
  }

  plug(port: Port, disk: Disk): void {
    port.disk = disk;
    disk.plugIn();
    this.kernel.trace(() => `${disk.serial} is plugged in at ${port.id}, with medium ${disk.medium.number}`);
    const device = this.#busDevice(port, disk);
    port.device = device;
    this.#tell(port, (running) => running.added(device));
  }

  unplug(port: Port): void {
    this.kernel.trace(() => `${port.disk!.serial} is unplugged`);
    port.disk!.unplug();
    port.disk = undefined;
    port.device = undefined;
    this.#tell(port, (running) => running.removed(port.id));
  }

  /** What a bus tells of one place comes in its order. */
  #tell(port: Port, tell: (running: RunningManager) => void): void {
    const { process, running } = this.manager!;
    port.busyUntil = Math.max(port.busyUntil, this.kernel.now) + this.dice.between(...BUS_MS);
    this.kernel.post(process, port.busyUntil - this.kernel.now, () => tell(running));
  }

  #busDevice(port: Port, disk: Disk): BusDevice {
    let plugged = true;
    return {
      id: port.id,
      bus: "usb",
      transport: "usbfs",
      identity: { vendor: "1209", product: "0001", serial: disk.serial },
      name: `Simulated ${disk.serial}`,
      facts: {
        bus: "usb",
        vendor: 0x1209,
        product: 1,
        serial: disk.serial,
        deviceClass: 0,
        interfaceClass: 8,
        interfaceSubclass: 6,
        interfaceProtocol: 0x50,
      },
      kernelDriver: () => null,
      holders: () => [],
      allowTaking() {},
      withheld: () => false,
      takeable: false,
      isShared: false,
      permissions: () => [],
      lostClaim: () => undefined,
      plugging: String(++this.#pluggings),
      open: async () => {
        plugged &&= disk.present && port.disk === disk;
        if (!plugged || !this.kernel.enter())
          // a manager that has died in this very turn opens nothing
          throw new DeviceError("disconnected", `open ${port.id}`);
        this.#checkFence(disk);
        const file = new UsbfsFile(disk, (closed) => disk.files.delete(closed));
        disk.files.add(file);
        this.kernel.trace(() => `${disk.serial} is opened`);
        const terms = {
          surface: "usb",
          transport: "usbfs",
          interface: 0,
          descriptors,
          strings: { manufacturer: null, product: null, serial: disk.serial },
          speed: "high",
          configuration: 1,
          devid: 0,
        } as const;
        return { terms, descriptor: new Descriptor(this.kernel.install(file)), taken: false };
      },
      giveBack: () => null,
    };
  }

  /** Nobody may have the disk open, and no message on its way may carry it. A process that lives on may only where others are in it. */
  #checkFence(disk: Disk): void {
    const say = (process: Process, how: string) =>
      this.broken("fence", `${disk.serial} is opened while ${process.name} ${process.pid} ${how}`);
    for (const file of disk.files)
      for (const owner of this.kernel.ownersOf(file)) say(owner, "has a descriptor of it");
    for (const process of disk.touchedBy)
      if (!process.alive) disk.touchedBy.delete(process);
      else if (process.name !== "manager" && !this.#pooled) say(process, "lives, which had it");
    for (const file of this.kernel.carried())
      if (file instanceof UsbfsFile && file.device === disk)
        this.broken("fence", `${disk.serial} is opened while a message carries it`);
  }

  /** The faults are over: what they have left goes on, and people put right what does not go on by itself. */
  repair(): void {
    this.refusals = 0;
    for (const process of this.kernel.processes.values()) {
      process.traced = false;
      if (process.alive) this.kernel.proceed(process);
    }
    this.personRepairs();
  }

  personRepairs(): void {
    const { person } = this;
    if (person !== undefined) this.kernel.post(person.process, 0, () => void person.repair());
  }

  /** Every client that lives has all its answers, and has read each disk. */
  get settled(): boolean {
    return (
      this.requests.size === 0 && [...this.clients].every((client) => client.over || this.#hasRead(client))
    );
  }

  #hasRead({ read, using }: Client): boolean {
    return using === 0 && this.ports.every(({ id }) => read.has(`${id}#0`));
  }

  judgeTheEnd(): void {
    for (const { client, what } of this.requests.values())
      this.broken("lost", `${what} of ${client.process.name} ${client.process.pid} was never answered`);
    for (const client of this.clients)
      if (!client.over && !this.#hasRead(client))
        this.broken(
          "recovery",
          `${client.process.name} ${client.process.pid} has read ${[...client.read].join(", ") || "no disk"}`,
        );
  }

  /** Nothing has gone on for a while: what the manager has open now, it has for good. */
  judgeDescriptors(): void {
    const { process, running } = this.manager!;
    const open = Object.groupBy(this.kernel.filesOf(process), ({ kind }) => kind);
    const alive = (name: string) =>
      [...this.kernel.processes.values()].filter((each) => each.alive && each.name === name).length;
    const hosts = alive("host");
    const connections = 1 + alive("reflector") + alive("application") + alive("person");
    const devices = this.ports.filter(({ disk }) => disk !== undefined).length;
    /** Beside its keeper, its own listening socket and one in reserve, code and devices' memories; of each host a connection, two pipes and a pidfd for its sandbox, itself and a thread; of each seat in one a connection. */
    const expected = {
      socket: connections + hosts + (this.#pooled ? running.drivers() : 0),
      pipe: 2 * hosts,
      pidfd: 3 * hosts,
      memory: 1 + devices,
      usbfs: 0,
    };
    for (const [kind, count] of Object.entries(expected))
      if ((open[kind]?.length ?? 0) !== count)
        this.broken(
          "own",
          `the manager has ${open[kind]?.length ?? 0} descriptors of kind ${kind} open, expected ${count}`,
        );
  }

  judgeTheVeryEnd(): void {
    if (this.end === undefined) this.broken("recovery", "ring3 does not end when it is asked to");
    else if (!this.end.inOrder) this.broken("recovery", `ring3 did not end in order: ${this.end.reason}`);
    const programs = ["keeper", "world", "person", "application"];
    for (const { alive, name, pid } of this.kernel.processes.values())
      if (alive && !programs.includes(name))
        this.broken("recovery", `${name} ${pid} lives on when all has ended`);
  }

  /** Has everything ended in order. */
  stop(): void {
    this.#keeper.stop();
  }
}

/** A jailed process cannot connect to anybody: each manager gives it a stream to the next. */
function reflectorStreams(streams: Descriptor[]): Streams {
  return {
    next() {
      const stream = streams.shift();
      if (stream === undefined) throw new DeviceError("disconnected", "ring3 has ended");
      return stream;
    },
    async resumed(connection) {
      streams.push(await connection.standby());
    },
  };
}
