// Runs in: the simulation. Owns: nothing. How keeper, manager and driver host are put together: as in their main.ts, but on a simulated machine.
import { defaultConfig } from "@ring3/control/config";
import type { Manifest } from "@ring3/control/manifest";
import { accountOf } from "@ring3/control/rules";
import { runningClock } from "@ring3/core/clock";
import { Host } from "@ring3/host/host";
import { Keeper, type ManagerStart, type ProcessSpec } from "@ring3/keeper/keeper";
import { Descriptor } from "@ring3/kernel/fd/descriptor";
import { native } from "@ring3/kernel/native";
import { openPidfd } from "@ring3/kernel/process/pidfd";
import { sealedFile } from "@ring3/kernel/shm/memory";
import { FrameSocket, socketPair } from "@ring3/kernel/socket/frame-socket";
import { acceptFrom } from "@ring3/kernel/socket/unix";
import { AbsentClients } from "@ring3/manager/absent-clients";
import type { Serving } from "@ring3/manager/administration";
import { AttachedBus } from "@ring3/manager/attached-bus";
import type { BusDevice } from "@ring3/manager/bus";
import { ClientConnection, reflectorName } from "@ring3/manager/clients";
import { CrashStore } from "@ring3/manager/crash-store";
import { EndpointSockets } from "@ring3/manager/endpoint-sockets";
import { EventLog } from "@ring3/manager/event-log";
import { History } from "@ring3/manager/history";
import { startShared, startSpare } from "@ring3/manager/host-start";
import { Inputs } from "@ring3/manager/inputs";
import { type Jail, readReport } from "@ring3/manager/jail";
import { Manager } from "@ring3/manager/manager";
import { Mappings } from "@ring3/manager/mappings";
import { Placements } from "@ring3/manager/placements";
import { Processes } from "@ring3/manager/processes";
import { Reflectors, type ServeReflector } from "@ring3/manager/reflectors";
import { Spares } from "@ring3/manager/spares";
import { succeed } from "@ring3/manager/succession";
import { Tracing } from "@ring3/manager/tracing";
import type { Kernel } from "./kernel/kernel.ts";
import { UID } from "./kernel/native.ts";
import type { Exit, Process } from "./kernel/process.ts";
import { PipeEnd, SocketEnd } from "./kernel/streams.ts";

/** Places in the descriptors of a process: its connection to the manager or keeper, a host's pipe to its jail's reader, a reflector's next manager. */
const CONTROL = 3;
const STATUS = 4;
const STANDBY = 4;
/** How long it takes until a new process's code runs, and until its end is reaped. */
const LOADS_MS = [0.5, 4] as const;
const REAPED_MS = [0.02, 3] as const;
const SIGKILL = 9;
// manager/main.ts has the same.
const STOP_MS = 45_000;
const RETURN_MS = 10_000;
const CONFIGURATION = "configuration";
/** Its record, and where programs connect. */
export const CONTROL_SOCKET = "control-socket";

const manifestOf = (placement: string): Manifest => ({
  name: "simulated-disk",
  version: "1.0.0",
  sdk: "^0.1.0",
  class: "block",
  match: [{ usb: { interface: { class: 8 } } }],
  grants: ["usb"],
  placement,
  latency: "wake",
  sandbox: "standard",
  stateVersion: 0,
  stateOutlives: "driver",
  limits: { memoryMb: 64, hangMs: 2000, cancelMs: 1000, probeMs: 3000 },
});

/** What the programs are to find in their machine. */
export interface Surroundings {
  readonly kernel: Kernel;
  /** The driver, as a bundle. */
  readonly driverCode: string;
  /** Where its hosts run it. */
  readonly placement: string;
  /** A class's reflector is to run, with its connection to the manager, and where the next one will listen. */
  reflect(process: Process, streams: Descriptor[]): void;
  /** Everything has ended. */
  ended(inOrder: boolean, reason: string): void;
  /** No process can be started now. */
  mayStart(): boolean;
  /** A manager, the first or another, asks the buses what there is. */
  managerRuns(process: Process, manager: RunningManager): void;
  /** Whoever wants to may connect. */
  firstServes(): void;
}

export function startKeeper(surroundings: Surroundings): { stop(): void } {
  const { kernel } = surroundings;
  const process = kernel.create("keeper");
  kernel.current = process;
  const spawn = (spec: ProcessSpec, exited: (exit: Exit) => void) => {
    if (spec.file !== "manager" && !surroundings.mayStart()) throw new Error("no processes are left");
    const child = kernel.create(spec.file);
    const fds = spec.stdio.map((fd) => kernel.install(kernel.file(fd)!, child));
    child.reaped = (exit) => kernel.post(process, kernel.dice.between(...REAPED_MS), () => exited(exit));
    kernel.post(child, kernel.dice.between(...LOADS_MS), () => run(surroundings, child, fds, spec.args));
    return { pid: child.pid, kill: () => void kernel.signal(child, SIGKILL) };
  };
  const service = { tell() {}, watchMs: undefined };
  const prepare = (number: number, deaths: number): ManagerStart<Descriptor> => {
    const [ours, managers] = socketPair();
    // A manager counts on its records being with the keeper once they are sent, and not in a queue of its own.
    for (const { fd } of [ours, managers]) kernel.fileOf(fd, SocketEnd)!.roomy = true;
    const args = [String(number), String(deaths)];
    return {
      spec: { file: "manager", args, uid: undefined, gid: undefined, stdio: [0, 1, 2, managers.fd] },
      transport: new FrameSocket(ours),
      started: () => managers.close(),
    };
  };
  const said = (text: string) => kernel.trace(() => `keeper: ${text}`);
  const keeper = new Keeper(spawn, kernel.clockOf(process), service, prepare, surroundings.ended, said);
  keeper.start();
  return { stop: () => kernel.post(process, 0, () => keeper.stop()) };
}

function run(
  surroundings: Surroundings,
  process: Process,
  fds: readonly number[],
  args: readonly string[],
): void {
  const { kernel } = surroundings;
  const control = new Descriptor(fds[CONTROL]!);
  if (process.name === "manager")
    runManager(surroundings, process, control, args).catch((error: Error) => {
      kernel.trace(() => `manager ${process.pid}: ${error.message}`);
      kernel.exit(process, 1);
    });
  else if (process.name === "host") runHost(kernel, process, control, fds[STATUS]!);
  else surroundings.reflect(process, [control, new Descriptor(fds[STANDBY]!)]);
}

function runHost(kernel: Kernel, process: Process, control: Descriptor, status: number): void {
  const exit = (code: number) => kernel.exit(process, code);
  const clock = runningClock(kernel.clockOf(process));
  const host = new Host(new FrameSocket(control), (stream) => new FrameSocket(stream), clock, exit);
  process.uncaught = (error) => {
    host.crashed(error);
    return true;
  };
  process.exiting = (code) => host.exiting(code);
  // What bubblewrap says of it, unless it is killed as well (parseJailStatus, kernel/jail/bwrap.ts).
  const told = kernel.fileOf(status, PipeEnd);
  process.dying = ({ code }) => {
    if (kernel.dice.chance(0.7)) told?.write(Buffer.from(`{ "exit-code": ${code ?? 128 + SIGKILL} }\n`));
  };
}

/** The manager that serves now, as the world around it speaks to it. */
export interface RunningManager {
  added(device: BusDevice): void;
  removed(id: string): void;
  /** How many devices have a driver. */
  drivers(): number;
}

async function runManager(
  surroundings: Surroundings,
  process: Process,
  control: Descriptor,
  [number, deaths]: readonly string[],
): Promise<void> {
  const { kernel } = surroundings;
  const clock = kernel.clockOf(process);
  const random = kernel.dice;
  let stop = async (): Promise<void> => kernel.exit(process, 0);
  const lost = () => {
    if (process.alive) kernel.broken("a manager gives up while its keeper lives");
    kernel.exit(process, 1);
  };
  const processes = new Processes(new FrameSocket(control), clock, Number(number), () => void stop(), lost);
  const inherited = await processes.inherit();
  const successor = inherited.records.length > 0;
  processes.keep(CONFIGURATION, "");
  stop = async () => {
    await Promise.all([spares.close(), manager.stopAll()]);
    await placements.close();
    await Promise.all(clearing);
    kernel.exit(process, 0);
  };
  processes.patience(STOP_MS);
  const clearing = new Set<Promise<void>>();
  const config = defaultConfig;
  const source = Buffer.from(surroundings.driverCode);
  const manifest = manifestOf(surroundings.placement);
  const code = sealedFile(manifest.name, source);
  const hosts = {
    legacy: processes,
    cgroups: undefined,
    users: undefined,
    thread: (pid: number) => (kernel.processes.get(pid)?.alive ? openPidfd(pid) : undefined),
    clearing,
    clock,
    timeScale: 1,
  };
  const manager: Manager = new Manager({
    config,
    clock,
    random,
    eventLog: new EventLog(),
    startHost: (kind, listeners, got) => placements.take(kind, listeners, got),
    expectHost: (kind) => placements.expect(kind),
    drivers: () => [{ manifest, code, codeBytes: source.length, sourceMap: undefined }],
    sandboxed: false,
    legacy: processes,
    number: Number(number),
    crashed() {},
  });
  manager.eventLog.follow(null, ({ level, source, message }) => {
    kernel.trace(() => `manager log: ${level} ${source}: ${message}`);
    const isOurs = message.startsWith("a fault of ring3 itself") || message.startsWith("left behind");
    if (isOurs && process.alive) kernel.broken(message);
  });
  const spares = new Spares({
    clock,
    log: manager.log,
    start: (kind, rehearsed) => startSpare({ ...hosts, processes, jail }, kind, rehearsed),
    count: config.spares,
    timeScale: 1,
  });
  const added = (device: BusDevice) => void manager.added(device);
  const removed = (id: string) => void manager.removed(id);
  const drivers = () => manager.devices.filter(({ hostName }) => hostName !== null).length;
  const absent = new AbsentClients(clock, RETURN_MS, manager.claims);
  const history = History.of(manager, clock, processes);
  const serving: Serving = {
    manager,
    clock,
    processors: () => "anywhere",
    attached: new AttachedBus(
      { clock, legacy: processes, returnMs: RETURN_MS },
      (id) => manager.isPresent(id),
      added,
      removed,
    ),
    tracing: new Tracing(clock, manager.claims),
    history,
    crashes: new CrashStore("/crashes", manager.log), // none is written
    sandboxed: false,
    uid: UID,
    group: () => "ring3",
    accountOf: (uid, gid) => accountOf(uid, gid, "", ""),
    absent,
    newToken: () => random.roll().toString(16).padStart(8, "0").repeat(4),
    timeScale: 1,
    startedAt: clock.now(),
    keeperPid: 1,
    reflectors: () => reflectors.running,
    sockets: new EndpointSockets("nowhere"),
    disks: undefined,
    inputs: new Inputs(manager.log),
    mappings: new Mappings({ file: "nowhere", named: false, look() {}, manager, legacy: processes }),
    keepDisks() {},
    endpoints: new Map(),
  };
  const account = () => accountOf(UID, UID, "", "");
  const reflecting = {
    legacy: processes,
    node: "reflector",
    program: "reflector",
    needs: () => [],
    connected: (({ className }, transport, standby) => {
      const identity = { name: `the ${className} reflector`, uid: UID, account };
      new ClientConnection(transport, { ...identity, reflector: className, standby }, serving);
    }) satisfies ServeReflector,
  };
  const reflectors = new Reflectors({
    ...reflecting,
    died: (className) => absent.forget(className),
    processes,
    log: manager.log,
    clock,
    random,
  });
  const placements = new Placements({
    clock,
    timeScale: 1,
    legacy: processes,
    spares,
    inline: {
      ...reflecting,
      died: ({ className, driver }) => absent.forget(reflectorName(className, driver)),
    },
    jail: async () => jail,
    start: (jail, kind, key) => startShared({ ...hosts, processes, jail }, kind, key),
  });
  await succeed({
    inherited,
    deaths: Number(deaths),
    keep: [CONFIGURATION, CONTROL_SOCKET],
    sandboxed: false,
    surroundings: hosts,
    processes,
    manager,
    attached: serving.attached,
    absent,
    reflectors,
    placements,
    disks: { inherit() {} },
    inputs: { inherit() {} },
    takenHid: { giveBackAll() {} },
    mapping: { inherit() {} },
    history,
    classes: ["block"],
    startBuses: () => surroundings.managerRuns(process, { added, removed, drivers }),
  });
  const known = inherited.records.find(({ name }) => name === CONTROL_SOCKET);
  const socket = known?.held[0] ?? new Descriptor(native.listenUnix(CONTROL_SOCKET, 0, 0));
  processes.hold(CONTROL_SOCKET, [socket.fd]);
  acceptFrom(socket, (connection, { pid, uid }) => {
    new ClientConnection(new FrameSocket(connection), { name: `process ${pid}`, uid, account }, serving);
  });
  processes.serving();
  if (!successor) surroundings.firstServes();
  else kernel.trace(() => `manager ${process.pid} serves in the place of one that died`);
}

/** A jail is its process here. */
const jail: Jail = {
  sandboxed: false,
  spareFilter: () => undefined,
  driverFilter: () => undefined,
  order: ({ input, errors, control, status }) => ({
    file: "host",
    args: [],
    stdio: [input, errors, errors, control, status],
  }),
  report: (pid, status, ended) => ({
    initPid: Promise.resolve(pid),
    exitCode: readReport(status, ended).exitCode,
  }),
};
