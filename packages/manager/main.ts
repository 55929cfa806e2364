// Runs in: manager. Owns: this process: `manager STATE_DIRECTORY KEEPER_PID NUMBER DEATHS [--config F] [--drivers DIR]… [--json]
// [--insecure-no-sandbox] [--system-bus ADDRESS]`, with the keeper's connection as descriptor 3. NUMBER managers were there before, DEATHS of them died in a row.

import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { defaultConfig, parseConfig } from "@ring3/control/config";
import { crashDirectory } from "@ring3/control/crash";
import { MAPPING_CHARACTERS_MAX } from "@ring3/control/fields";
import type { FrameTransport } from "@ring3/control/peer";
import { type Account, accountOf } from "@ring3/control/rules";
import { controlSocket } from "@ring3/control/state-directory";
import { withoutKindText } from "@ring3/control/wire";
import type { DeviceError } from "@ring3/core/errors";
import { Cgroups } from "@ring3/kernel/cgroup/cgroup";
import { systemClock, systemRandom } from "@ring3/kernel/clock/clock";
import { BusConnection, socketPath } from "@ring3/kernel/dbus/connection";
import { Descriptor } from "@ring3/kernel/fd/descriptor";
import { lastProcessor, ownProcessors, setProcessors } from "@ring3/kernel/process/affinity";
import { cpuMs, openThread } from "@ring3/kernel/process/pidfd";
import { FrameSocket } from "@ring3/kernel/socket/frame-socket";
import { acceptFrom, bindPath } from "@ring3/kernel/socket/unix";
import { AbsentClients } from "./absent-clients.ts";
import type { ClientIdentity, Serving } from "./administration.ts";
import { Admission } from "./admission.ts";
import { Affinity, sharing } from "./affinity.ts";
import { AttachedBus } from "./attached-bus.ts";
import type { BusDevice } from "./bus.ts";
import { unitId } from "./claim.ts";
import { ClientConnection, reflectorName } from "./clients.ts";
import { crashReport } from "./crash-report.ts";
import { CrashStore } from "./crash-store.ts";
import { Disks } from "./disks.ts";
import { installedDrivers } from "./drivers.ts";
import { EndpointSockets } from "./endpoint-sockets.ts";
import { EventLog } from "./event-log.ts";
import { endForsakenJails } from "./forsaken.ts";
import { giveBackAll, takenHidOf } from "./give-back.ts";
import { HID_SUBSYSTEMS, HidDevices } from "./hid-bus.ts";
import { History } from "./history.ts";
import { startShared, startSpare } from "./host-start.ts";
import { Inputs } from "./inputs.ts";
import { createJail, lacksForJails, noJail, runtimePaths, whenNeeded } from "./jail.ts";
import { type Found, KernelBus } from "./kernel-bus.ts";
import { LoginManager } from "./login-manager.ts";
import { Manager } from "./manager.ts";
import { Mappings } from "./mappings.ts";
import { Placements } from "./placements.ts";
import { Processes } from "./processes.ts";
import { Reflectors, type ServeReflector } from "./reflectors.ts";
import { Sleep } from "./sleep.ts";
import { Spares } from "./spares.ts";
import { succeed } from "./succession.ts";
import type { TakenHid } from "./taken-hid.ts";
import { Tracing } from "./tracing.ts";
import { usbInterfaces } from "./usb-bus.ts";
import { Users } from "./users.ts";
import { fileSurroundings, WatchedFile } from "./watched-file.ts";

const KEEPER_FD = 3;
/** A host that is being started (30 s), its remove (2 s) and its fence (5 s), and some for the manager itself. */
const STOP_MS = 45_000;
/** A driver that has not ended by then may be one that never does: whoever is at the keyboard comes first, and the keeper has not lost its patience yet. */
const GIVE_BACK_MS = STOP_MS - 5_000;
/** A client, or a simulated device, comes back as soon as it sees its connection end; one that has not done so by then has ended itself. */
const RETURN_MS = 10_000;
/** Records that are no device's, host's or client's. */
const CONFIGURATION = "configuration";
const CONTROL_SOCKET = "control-socket";
/** D-Bus specification 0.43, "System message bus", at its place of today. */
const SYSTEM_BUS = "unix:path=/run/dbus/system_bus_socket";
/** Disks may be waited for while the machine starts; the other classes have a reflector from their first device on. */
const REFLECTED_AT_ONCE = ["block"];
const DEFAULT_CONFIG = "/etc/ring3/ring3.yaml";
const DEFAULT_MAPPING = "/etc/ring3/mapping.yaml";

for (const output of [process.stdout, process.stderr]) output.on("error", () => {}); // nobody may be listening any more

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    config: { type: "string" },
    drivers: { type: "string", multiple: true, default: [] },
    json: { type: "boolean", default: false },
    "give-back": { type: "boolean", default: false },
    "insecure-no-sandbox": { type: "boolean", default: false },
    "system-bus": { type: "string", default: SYSTEM_BUS },
  },
});
/** The kernel kills the keeper's children a moment after it has closed the keeper's descriptors. */
const PARENTS_DIE_MS = 200;
const [stateDirectory, keeperPid, number, deaths] = positionals as [string, string, string, string];
const program = dirname(process.argv[1]!);

/** Its text; none needed. */
function readConfiguration(): string | undefined {
  const file = values.config ?? DEFAULT_CONFIG;
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (values.config === undefined && code === "ENOENT") return undefined;
    throw new Error(`configuration ${file}: ${message}`);
  }
}

function accountNow(uid: number, gid: number): Account {
  return accountOf(uid, gid, readFileSync("/etc/passwd", "utf8"), readFileSync("/etc/group", "utf8"));
}

function groupName(gid: number): string {
  const rows = readFileSync("/etc/group", "utf8").split("\n");
  return rows.map((row) => row.split(":")).find(([, , id]) => id === String(gid))?.[0] ?? String(gid);
}

async function main(): Promise<void> {
  if (values["give-back"]) return giveBackAll(stateDirectory, systemClock);
  const uid = process.getuid!();
  const sandboxed = !values["insecure-no-sandbox"];
  let stop = async () => process.exit(0);
  const disks = new Disks();
  let takenHid: TakenHid | undefined;
  /** The keeper is gone: nobody could start or reap anything any more. What was being made dies with it, but for what is to be looked for. */
  const lost = () => {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PARENTS_DIE_MS); // nothing else is to be done meanwhile
    endForsakenJails();
    takenHid?.giveBackAll();
    void disks.abandon(() => serving.reflectors().map(({ pid }) => pid)).finally(() => process.exit(1));
  };
  const processes = new Processes(
    new FrameSocket(new Descriptor(KEEPER_FD)),
    systemClock,
    Number(number),
    () => void stop(),
    lost,
  );
  const inherited = await processes.inherit();
  const successor = inherited.records.length > 0;
  if (!successor) endForsakenJails();
  // What is written there now is for the next `ring3 up`: a mistake in it must not end what runs.
  const kept = inherited.records.find(({ name }) => name === CONFIGURATION);
  const configuration = successor ? (kept?.note ?? undefined) : readConfiguration();
  const config =
    configuration === undefined ? defaultConfig : parseConfig(configuration, values.config ?? DEFAULT_CONFIG);
  if (configuration !== undefined) processes.keep(CONFIGURATION, configuration);
  const users = uid === 0 ? new Users(config.uid_range) : undefined;
  const paths = runtimePaths(program);
  const jail = whenNeeded(async () =>
    sandboxed ? await createJail(paths, join(stateDirectory, "runtime"), users) : noJail(paths),
  );

  stop = async () => {
    login?.close();
    const stopHosts = async () => {
      await Promise.all([spares.close(), manager.stopAll()]);
      await placements.close();
    };
    await takenHid!.giveBackAfter(stopHosts, GIVE_BACK_MS * timeScale, systemClock);
    await Promise.all([...clearing, disks.endAll()]);
    try {
      cgroups?.close();
    } catch (error) {
      manager.log.warn(`a cgroup is left: ${(error as Error).message}`);
    }
    process.exit(0);
  };
  processes.patience(STOP_MS * config.limits.time_scale);
  const cgroups = sandboxed ? Cgroups.own(keeperPid, successor) : undefined;
  const clearing = new Set<Promise<void>>();
  const timeScale = config.limits.time_scale;
  const surroundings = {
    legacy: processes,
    cgroups,
    users,
    thread: openThread,
    clearing,
    clock: systemClock,
    timeScale,
  };
  let login: LoginManager | undefined;
  const manager: Manager = new Manager({
    config,
    clock: systemClock,
    random: systemRandom,
    eventLog: new EventLog(join(stateDirectory, "events.jsonl"), successor),
    startHost: (kind, listeners, got) => placements.take(kind, listeners, got),
    expectHost: (kind) => placements.expect(kind),
    sandboxed,
    legacy: processes,
    number: Number(number),
    crashed: (crash) => crashes.add(crashReport(crash)),
    lacks: () => (sandboxed ? lacksForJails() : []),
    drivers: (log) =>
      installedDrivers([...values.drivers, ...config.driver_paths, join(program, "drivers")], log),
  });
  takenHid = takenHidOf(stateDirectory, manager.log);
  if (!successor) takenHid.giveBackAll(); // of a ring3 that was killed
  const crashes = new CrashStore(crashDirectory(stateDirectory), manager.log);
  if (sandboxed && cgroups === undefined && !successor)
    manager.log.info(
      "no cgroups for driver hosts here: the watchdog and RLIMIT_DATA alone limit their memory",
    );
  const spares = new Spares({
    clock: systemClock,
    log: manager.log,
    start: async (kind, rehearsed) =>
      startSpare({ ...surroundings, processes, jail: await jail() }, kind, rehearsed),
    count: config.spares,
    timeScale,
  });
  const added = (device: BusDevice) => void manager.added(device);
  const removed = (id: string) => void manager.removed(id);
  const reflecting = {
    legacy: processes,
    node: process.execPath,
    program: join(program, "reflector.cjs"),
    needs: (className: string) => [...disks.needs(className), ...inputs.needs(className)],
    connected: (({ className, driver }, transport, standby) =>
      connect(transport, {
        name: `the ${driver ?? className} reflector`,
        uid,
        account: () => accountOf(uid, 0, "", ""),
        reflector: className,
        ...(driver === undefined ? {} : { inline: driver }),
        standby,
      })) satisfies ServeReflector,
  };
  const reflectors = new Reflectors({
    ...reflecting,
    died: (className) => absent.forget(className),
    processes,
    log: manager.log,
    clock: systemClock,
    random: systemRandom,
  });
  const placements = new Placements({
    clock: systemClock,
    timeScale,
    legacy: processes,
    spares,
    inline: {
      ...reflecting,
      died: ({ className, driver }) => absent.forget(reflectorName(className, driver)),
    },
    jail,
    start: (jail, kind, key) => startShared({ ...surroundings, processes, jail }, kind, key),
  });
  const affinity = new Affinity(
    systemClock,
    { all: ownProcessors(), cpuMs, last: lastProcessor, set: setProcessors },
    () => (config.affinity === "off" ? [] : sharing(manager, reflectors.running)),
  );
  const choice = { stateDirectory, legacy: processes, clock: systemClock, log: manager.log };
  await disks.choose(config.endpoints.block, choice, !successor);
  const inputs = new Inputs(manager.log);
  inputs.choose(config.endpoints.input, processes, successor);
  const mappings = new Mappings({
    file: config.mapping ?? DEFAULT_MAPPING,
    named: config.mapping !== undefined,
    look: () => mappingFile.look(),
    manager,
    legacy: processes,
  });
  const mappingFile = new WatchedFile(
    config.mapping ?? DEFAULT_MAPPING,
    fileSurroundings(MAPPING_CHARACTERS_MAX),
    systemClock,
    manager.log,
    (found) => mappings.found(found),
  );
  const absent = new AbsentClients(systemClock, RETURN_MS * timeScale, manager.claims);
  const history = History.of(manager, systemClock, processes);
  const serving: Serving = {
    manager,
    clock: systemClock,
    attached: new AttachedBus(
      { clock: systemClock, legacy: processes, returnMs: RETURN_MS * timeScale },
      (id) => manager.isPresent(id),
      added,
      removed,
    ),
    tracing: new Tracing(systemClock, manager.claims),
    history,
    crashes,
    sandboxed,
    processors: (host) => affinity.of(host),
    uid,
    group: () => groupName(process.getgid!()),
    accountOf: accountNow,
    absent,
    newToken: () => randomBytes(16).toString("hex"),
    startedAt: systemClock.now(),
    timeScale: config.limits.time_scale,
    keeperPid: Number(keeperPid),
    reflectors: () => [...reflectors.running, ...placements.reflectors],
    sockets: new EndpointSockets(stateDirectory),
    disks: disks.kernel,
    inputs,
    mappings,
    keepDisks: () => void disks.keep(manager.devices),
    endpoints: new Map(),
  };
  const connect = (transport: FrameTransport<Descriptor>, identity: ClientIdentity) =>
    new ClientConnection(transport, identity, serving);

  await jail().catch((error: DeviceError) => {
    if (error.kind !== "unsupported") throw error;
    const text = `no driver can be started: ${withoutKindText(error)}`;
    manager.log.error(text);
    process.stderr.write(`ring3: ${text}; or run it with --insecure-no-sandbox\n`);
  });
  const listeners = {
    added,
    removed,
    settled: () => manager.checkClaims(),
    inherited: (id: string) => manager.isInherited(id),
  };
  const bus = (list: () => readonly Found[]) =>
    new KernelBus(systemClock, manager.log, timeScale, listeners, list);
  const usb = bus(() => usbInterfaces(manager.log));
  const hidDevices = new HidDevices(manager.log, takenHid);
  const hid = bus(() => hidDevices.find());
  if (successor) manager.log.warn("this manager takes the place of one that died");
  await succeed({
    inherited,
    deaths: Number(deaths),
    keep: [CONFIGURATION, CONTROL_SOCKET],
    sandboxed,
    surroundings,
    processes,
    manager,
    attached: serving.attached,
    absent,
    reflectors,
    placements,
    disks,
    inputs,
    takenHid,
    mapping: mappings,
    history,
    classes: REFLECTED_AT_ONCE,
    startBuses: () => {
      usb.follow(["usb"]);
      hid.follow(HID_SUBSYSTEMS);
    },
  });
  // What was taken by a manager that has died before it could say of which driver.
  takenHid.giveBackBut(
    new Set(manager.devices.filter((device) => device.mayHaveTaken).map(({ bus }) => bus.plugging)),
  );
  mappingFile.look();
  if (successor) await disks.keep(manager.devices);
  inputs.keep(
    new Set(manager.devices.flatMap(({ id, units }) => units.map(({ index }) => unitId(id, index)))),
  );
  const mode = config.access.length === 0 ? 0o600 : 0o666; // an access rule lets others in; what each may do is decided per request
  const admission = new Admission(uid, manager.log);
  const control = inherited.records.find(({ name }) => name === CONTROL_SOCKET);
  const socket = control?.held[0] ?? bindPath(controlSocket(stateDirectory), mode);
  processes.hold(CONTROL_SOCKET, [socket.fd]);
  acceptFrom(socket, (connection, peer) => {
    const limits = admission.enter(peer.uid);
    if (limits === undefined) return connection.close();
    try {
      let known: Account | undefined;
      const account = () => {
        known ??= accountNow(peer.uid, peer.gid);
        return known;
      };
      const identity = { name: `process ${peer.pid}`, pid: peer.pid, uid: peer.uid, account };
      const { signal } = connect(new FrameSocket(connection, limits), identity);
      signal.addEventListener("abort", () => admission.left(peer.uid));
    } catch (error) {
      admission.left(peer.uid);
      connection.close();
      manager.log.error(`process ${peer.pid} is hung up on: ${(error as Error).message}`);
    }
  });
  const sleep = new Sleep(() => manager.devices, systemClock, manager.log);
  const deviceChanged = () => {
    sleep.deviceChanged();
    affinity.wake();
    for (const { driver, life } of manager.devices)
      if (driver !== undefined && driver.manifest.placement !== "inline" && life.state !== "available")
        void reflectors.start(driver.manifest.class, true);
  };
  manager.watch({ unitAdded() {}, unitChanged() {}, unitRemoved() {}, deviceChanged });
  deviceChanged(); // what the buses told before
  const systemBus = async () => BusConnection.open(socketPath(values["system-bus"]), systemClock);
  login = new LoginManager(systemBus, systemClock, manager.log, sleep);
  processes.serving();
  if (!successor) process.stdout.write(values.json ? `${JSON.stringify({ ready: true })}\n` : "ready\n");
}

main().catch((error: Error) => {
  process.stderr.write(`ring3: ${error.message}\n`);
  process.exit(1);
});
