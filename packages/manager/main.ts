// Runs in: manager. Owns: this process: `manager STATE_DIRECTORY KEEPER_PID [--config F] [--drivers DIR]… [--json] [--insecure-no-sandbox]`,
// with the keeper's connection as descriptor 3.

import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { type Config, defaultConfig, parseConfig } from "@ring3/control/config";
import { crashDirectory } from "@ring3/control/crash";
import type { FrameTransport } from "@ring3/control/peer";
import { type Account, accountOf } from "@ring3/control/rules";
import { controlSocket } from "@ring3/control/state-directory";
import { withoutKindText } from "@ring3/control/wire";
import type { DeviceError } from "@ring3/core/errors";
import { Cgroups } from "@ring3/kernel/cgroup/cgroup";
import { systemClock, systemRandom } from "@ring3/kernel/clock/clock";
import { Descriptor } from "@ring3/kernel/fd/descriptor";
import { FrameSocket, listen } from "@ring3/kernel/socket/frame-socket";
import type { ClientIdentity, Serving } from "./administration.ts";
import { Admission } from "./admission.ts";
import { AttachedBus } from "./attached-bus.ts";
import type { BusDevice } from "./bus.ts";
import { classes } from "./classes.ts";
import { ClientConnection } from "./clients.ts";
import { crashReport } from "./crash-report.ts";
import { CrashStore } from "./crash-store.ts";
import { installedDrivers } from "./drivers.ts";
import { EndpointSockets } from "./endpoint-sockets.ts";
import { EventLog } from "./event-log.ts";
import { startSpare } from "./host-process.ts";
import { createJail, lacksForJails, noJail, runtimePaths, whenNeeded } from "./jail.ts";
import { Manager } from "./manager.ts";
import { Processes } from "./processes.ts";
import { Reflectors } from "./reflectors.ts";
import { Spares } from "./spares.ts";
import { UsbBus } from "./usb-bus.ts";
import { Users } from "./users.ts";

const KEEPER_FD = 3;
/** A host that is being started (30 s), its remove (2 s) and its fence (5 s), and some for the manager itself. */
const STOP_MS = 45_000;
const DEFAULT_CONFIG = "/etc/ring3/ring3.yaml";

for (const output of [process.stdout, process.stderr]) output.on("error", () => {}); // nobody may be listening any more

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    config: { type: "string" },
    drivers: { type: "string", multiple: true, default: [] },
    json: { type: "boolean", default: false },
    "insecure-no-sandbox": { type: "boolean", default: false },
  },
});
const [stateDirectory, keeperPid] = positionals as [string, string];
const program = dirname(process.argv[1]!);

function readConfig(): Config {
  const file = values.config ?? DEFAULT_CONFIG;
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (values.config === undefined && code === "ENOENT") return defaultConfig;
    throw new Error(`configuration ${file}: ${message}`);
  }
  return parseConfig(text, file);
}

function accountNow(uid: number, gid: number): Account {
  return accountOf(uid, gid, readFileSync("/etc/passwd", "utf8"), readFileSync("/etc/group", "utf8"));
}

async function main(): Promise<void> {
  const config = readConfig();
  const uid = process.getuid!();
  const users = uid === 0 ? new Users(config.uid_range) : undefined;
  const paths = runtimePaths(program);
  const sandboxed = !values["insecure-no-sandbox"];
  const jail = whenNeeded(async () =>
    sandboxed ? await createJail(paths, join(stateDirectory, "runtime"), users) : noJail(paths),
  );

  const stop = async () => {
    await Promise.all([spares.close(), manager.stopAll()]);
    await Promise.all(clearing);
    try {
      cgroups?.close();
    } catch (error) {
      manager.log.warn(`a cgroup is left: ${(error as Error).message}`);
    }
    process.exit(0);
  };
  const processes = new Processes(
    new FrameSocket(new Descriptor(KEEPER_FD)),
    systemClock,
    () => void stop(),
    () => process.exit(1), // nobody could start or reap anything any more
  );
  processes.patience(STOP_MS * config.limits.time_scale);
  const cgroups = sandboxed ? Cgroups.own() : undefined;
  const clearing = new Set<Promise<void>>();
  const hostParts = { processes, cgroups, clearing, clock: systemClock, timeScale: config.limits.time_scale };
  const manager: Manager = new Manager({
    config,
    clock: systemClock,
    random: systemRandom,
    eventLog: new EventLog(join(stateDirectory, "events.jsonl")),
    startHost: (kind, listeners) => spares.take(kind, listeners),
    sandboxed,
    crashed: (crash) => crashes.add(crashReport(crash)),
    lacks: () => (sandboxed ? lacksForJails() : []),
    drivers: (log) =>
      installedDrivers([...values.drivers, ...config.driver_paths, join(program, "drivers")], log),
  });
  const crashes = new CrashStore(crashDirectory(stateDirectory), manager.log);
  if (sandboxed && cgroups === undefined)
    manager.log.info(
      "no cgroups for driver hosts here: the watchdog and RLIMIT_DATA alone limit their memory",
    );
  const spares = new Spares({
    clock: systemClock,
    log: manager.log,
    start: async (kind, rehearsed) => startSpare({ ...hostParts, jail: await jail() }, kind, rehearsed),
    count: config.spares,
    timeScale: config.limits.time_scale,
  });
  const added = (device: BusDevice) => void manager.added(device);
  const removed = (id: string) => void manager.removed(id);
  const reflectors = new Reflectors({
    processes,
    log: manager.log,
    clock: systemClock,
    random: systemRandom,
    node: process.execPath,
    program: join(program, "reflector.cjs"),
    connected: (className, transport) =>
      connect(transport, {
        name: `the ${className} reflector`,
        uid,
        account: () => accountOf(uid, 0, "", ""),
        reflector: className,
      }),
  });
  const serving: Serving = {
    manager,
    clock: systemClock,
    attached: new AttachedBus(systemClock, (id) => manager.isPresent(id), added, removed),
    sandboxed,
    uid,
    accountOf: accountNow,
    startedAt: systemClock.now(),
    keeperPid: Number(keeperPid),
    reflectors: () => reflectors.running,
    sockets: new EndpointSockets(stateDirectory),
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
  await Promise.all(Object.keys(classes).map((className) => reflectors.start(className)));
  const mode = config.access.length === 0 ? 0o600 : 0o666; // an access rule lets others in; what each may do is decided per request
  const admission = new Admission(uid, manager.log);
  listen(controlSocket(stateDirectory), mode, (connection, peer) => {
    const limits = admission.enter(peer.uid);
    if (limits === undefined) return connection.close();
    try {
      let known: Account | undefined;
      const account = () => {
        known ??= accountNow(peer.uid, peer.gid);
        return known;
      };
      const identity = { name: `process ${peer.pid}`, uid: peer.uid, account };
      const { signal } = connect(new FrameSocket(connection, limits), identity);
      signal.addEventListener("abort", () => admission.left(peer.uid));
    } catch (error) {
      admission.left(peer.uid);
      connection.close();
      manager.log.error(`process ${peer.pid} is hung up on: ${(error as Error).message}`);
    }
  });
  new UsbBus(systemClock, manager.log, config.limits.time_scale, added, removed).start();
  processes.serving();
  process.stdout.write(values.json ? `${JSON.stringify({ ready: true })}\n` : "ready\n");
}

main().catch((error: Error) => {
  process.stderr.write(`ring3: ${error.message}\n`);
  process.exit(1);
});
