// Runs in: manager. Owns: the start of a driver host: the order for its jail, the wait until it stands, its two filters. And the other way to
// have one: from a manager that died.

import type { HostRecord } from "@ring3/control/legacy";
import { DeviceError } from "@ring3/core/errors";
import { type Descriptor, nullDevice, pipe } from "@ring3/kernel/fd/descriptor";
import { childrenOf, dataBytes, openPidfd, type Pidfd, pidfdOf } from "@ring3/kernel/process/pidfd";
import { socketPair } from "@ring3/kernel/socket/frame-socket";
import { memoryCeiling } from "./exit-reason.ts";
import { Host, type HostSurroundings } from "./host.ts";
import type { HostKind, HostShape } from "./host-process.ts";
import { type Jail, readReport } from "./jail.ts";
import type { Heirloom, Inherited, Left } from "./legacy.ts";
import type { Processes } from "./processes.ts";

const SIGKILL = 9;
/** From bubblewrap's start until the runtime is loaded, has rehearsed where it has time for that, and is confined. */
const START_MS = 30_000;
/** The runtime's threads, all of which it has by then, and some more. */
const THREADS_MAX = 32;

export interface StartParts extends HostSurroundings {
  readonly processes: Processes;
  readonly jail: Jail;
}

/** Resolves once the host's runtime is loaded and confined; `rehearsed`: and has run what its driver will run. Rejects, and leaves nothing behind, where it does not get so far. */
export async function startSpare(parts: StartParts, kind: HostKind, rehearsed: boolean): Promise<Host> {
  const { jail } = parts;
  const host = await start(parts, kind, rehearsed, null);
  const { name, code, codeBytes, requests } = kind.driver;
  const filter = base64(jail.driverFilter(kind.tier, requests));
  host.load({ driver: name, codeBytes, filter, dataBytes: mayHold(jail, host, kind) }, code);
  return host;
}

/** A process in which drivers get seats, likewise: all that these may never do is settled by then. */
export async function startShared(parts: StartParts, kind: HostKind, key: string): Promise<Host> {
  const { jail } = parts;
  const inline = kind.placement === "inline" ? kind.class : null;
  const host = await start(parts, kind, false, { key, inline });
  try {
    const filter = base64(jail.driverFilter(kind.tier, kind.driver.requests));
    await host.ask("restrict", { filter, dataBytes: mayHold(jail, host, kind) });
    return host;
  } catch (error) {
    host.abandon();
    throw error;
  }
}

const mayHold = (jail: Jail, { pid }: Host, { memoryMb }: HostKind): number | null =>
  jail.sandboxed ? dataBytes(pid) + memoryCeiling(memoryMb) : null;

async function start(
  parts: StartParts,
  kind: HostKind,
  rehearsed: boolean,
  shared: HostRecord["shared"],
): Promise<Host> {
  const { processes, jail, clock, timeScale, clearing } = parts;
  const { order, ...ends } = await placeWhenCleared(jail, kind, clearing);
  const host = new Host(parts, kind.memoryMb, order.user?.uid, ends);
  const startMs = START_MS * timeScale;
  const tooLong = clock.after(startMs, () =>
    host.abandon(new DeviceError("timeout", `start a driver host within ${startMs} ms`)),
  );
  try {
    const outer = await processes.start("host", order, (exit) => host.reaped(exit));
    const report = jail.report(outer.pid, ends.status, host.ended);
    host.began(outer, report.exitCode);
    const [ours, theirs] = socketPair();
    using next = ours; // until it is the keeper's
    host.confine({ filter: base64(jail.spareFilter(kind.tier)) }, theirs, rehearsed);
    const initPid = await report.initPid;
    const init = jail.sandboxed ? openChild(initPid, outer.pid) : openPidfd(initPid);
    try {
      await host.ready;
      const pid = jail.sandboxed ? childrenOf(initPid)[0] : initPid;
      if (pid === undefined) throw new DeviceError("io", "start a driver host: it ended while it started");
      const command = jail.sandboxed ? openChild(pid, initPid) : openPidfd(pid);
      const group = parts.cgroups?.enclose(groupName(outer.name), [outer.pid, initPid, pid], {
        memoryBytes: memoryCeiling(kind.memoryMb),
        cpuPercent: kind.cpuPercent,
        pids: THREADS_MAX,
      });
      const record: HostRecord = {
        pid,
        initPid,
        uid: order.user?.uid ?? null,
        driver: kind.driver.name,
        memoryMb: kind.memoryMb,
        shared,
      };
      host.stands({ init, command, thread: parts.thread(pid), group, record });
    } catch (error) {
      init.signal(SIGKILL);
      init.close();
      throw error;
    }
    host.provideForNextManager(next);
    return host;
  } catch (error) {
    host.abandon();
    throw error;
  } finally {
    tooLong.cancel();
  }
}

/** A host, or a spare, that an earlier manager has started. Whether it lives is told as of any other. */
export function inheritHost(
  surroundings: HostSurroundings,
  processes: Processes,
  { name, record, held }: Heirloom<"host">,
  children: Inherited["children"],
): Host {
  const [init, command, errors, status, control] = held as [
    Descriptor,
    Descriptor,
    Descriptor,
    Descriptor,
    Descriptor,
  ];
  if (record.uid !== null) surroundings.users?.inherit(record.uid);
  const host = new Host(surroundings, record.memoryMb, record.uid ?? undefined, { control, errors, status });
  const child = children.find((other) => other.name === name);
  const outer = processes.takeOver({ name, pid: child?.pid ?? record.initPid }, (exit) => host.reaped(exit));
  const { exitCode } = readReport(status, host.ended);
  host.began(outer, exitCode);
  host.stands({
    init: pidfdOf(init, record.initPid),
    command: pidfdOf(command, record.pid),
    thread: surroundings.thread(record.pid),
    group: surroundings.cgroups?.group(groupName(name)),
    record,
  });
  if (child === undefined) host.reaped({ code: null, signal: "SIGKILL" }); // nobody has seen how it ended
  return host;
}

/**
 * Processes of which no record tells: the manager died before it had written one. What is below them (a jail's first process outlives its
 * parent) is ended with them. Resolves when they have. `sandboxed`: there may be a jail's first process.
 */
export async function endUnrecorded(
  { hosts, reflectors }: Pick<Left, "hosts" | "reflectors">,
  children: Inherited["children"],
  processes: Processes,
  { cgroups, sandboxed }: Pick<HostSurroundings, "cgroups"> & { readonly sandboxed: boolean },
): Promise<void> {
  const recorded = new Set([...hosts, ...reflectors].map(({ name }) => name));
  const unknown = children.filter(({ name }) => !recorded.has(name));
  await Promise.all(
    unknown.map(async (child) => {
      const inits = sandboxed ? livingChildren(child.pid) : [];
      const ended = Promise.withResolvers<void>();
      processes.takeOver(child, () => ended.resolve()).kill();
      for (const init of inits) init.signal(SIGKILL);
      await Promise.all([ended.promise, ...inits.map((init) => init.exited)]);
      for (const init of inits) init.close();
      cgroups?.group(groupName(child.name))?.remove();
    }),
  );
}

function livingChildren(parent: number): Pidfd[] {
  return childrenOf(parent).flatMap((pid) => {
    try {
      return [openChild(pid, parent)];
    } catch {
      return []; // ended meanwhile
    }
  });
}

/** "host/3.1" is no name of a folder. */
const groupName = (name: string) => name.replace("/", "-");

const base64 = (filter: Uint8Array | undefined) =>
  filter === undefined ? null : Buffer.from(filter).toString("base64");

/** Where all user ids are given out, those of the dead are waited for: nobody has them any more, and their owners' parent has only to say so. */
async function placeWhenCleared(jail: Jail, kind: HostKind, clearing: StartParts["clearing"]) {
  try {
    return placeOrder(jail, kind);
  } catch (error) {
    if (!(error instanceof DeviceError) || error.kind !== "no-space" || clearing.size === 0) throw error;
    await Promise.all(clearing);
    return placeOrder(jail, kind);
  }
}

/** The order for a jail, and our ends of its descriptors. Nothing stays open where not all can be had. */
function placeOrder(jail: Jail, shape: HostShape) {
  const opened: Descriptor[] = [];
  const open = <D extends Descriptor[]>(...descriptors: D): D => {
    opened.push(...descriptors);
    return descriptors;
  };
  try {
    const [ours, control] = open(...socketPair());
    const errors = pipe();
    open(errors.read, errors.write);
    const status = pipe();
    open(status.read, status.write);
    const [input] = open(nullDevice());
    const order = jail.order({ input, errors: errors.write, control, status: status.write }, shape);
    return { order, control: ours, errors: errors.read, status: status.read };
  } catch (error) {
    for (const descriptor of opened) descriptor.close();
    throw error;
  }
}

/** A pid that somebody has told us may be another process's by now: it is looked at once the pidfd holds it. */
function openChild(pid: number, parent: number): Pidfd {
  const child = openPidfd(pid);
  if (childrenOf(parent).includes(pid)) return child;
  child.close();
  throw new DeviceError("io", "start a driver host: its jail ended while it started");
}
