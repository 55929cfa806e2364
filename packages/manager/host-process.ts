// Runs in: manager. Owns: one driver host, from its start to the proof of its death.

import { openSync } from "node:fs";
import type { MethodName, Notice, Params, Result } from "@ring3/control/edge";
import type { ContractId } from "@ring3/control/fields";
import { hostEdge } from "@ring3/control/host-edge";
import { type CallingPeer, callingPeer, type Sendable } from "@ring3/control/peer";
import type { Clock } from "@ring3/core/clock";
import { DeviceError } from "@ring3/core/errors";
import type { FailureReason } from "@ring3/core/lifecycle";
import { printable } from "@ring3/core/log";
import type { Cgroups, Group } from "@ring3/kernel/cgroup/cgroup";
import { Descriptor, pipe } from "@ring3/kernel/fd/descriptor";
import type { Tier } from "@ring3/kernel/jail/stage-driver";
import { native } from "@ring3/kernel/native";
import { watch } from "@ring3/kernel/poll/watch";
import { childrenOf, dataBytes, openPidfd, type Pidfd, privateBytes } from "@ring3/kernel/process/pidfd";
import { FrameSocket, socketPair } from "@ring3/kernel/socket/frame-socket";
import { type Exited, exitReason } from "./exit-reason.ts";
import type { Jail } from "./jail.ts";
import type { Processes } from "./processes.ts";

const SIGKILL = 9;
const SIGUSR2 = 12; // host/main.ts writes its stack then
const ERRORS_KEPT = 8192;
/** Reads of its output a turn of the event loop: one that never stops writing must not keep the manager from all else. */
const READS_A_TURN = 16;
const STACK = /<ring3 stack>\n(.*?)\n<\/ring3 stack>/s;
/** From bubblewrap's start until the runtime is loaded. */
const START_MS = 30_000;
/** A process whose connection has ended is ending itself; one that still lives after this has broken the rules. */
const EXIT_MS = 2000;
/** A host answers all but `probe` within this, or hangs: the sdk gives a driver's own part in it half as long. */
const ANSWER_MS = 10_000;

type HostEdge = typeof hostEdge;

export interface HostListeners {
  log(line: Notice<HostEdge, "log">): void;
  failed(failure: Notice<HostEdge, "failed">): void;
  disconnected(): void;
  changed(change: Notice<HostEdge, "changed">): void;
  /** It does not answer, or the process has ended, whoever ended it, or its control connection has, by a broken rule or by being closed. */
  lost(reason: FailureReason): void;
}

export interface HostProcess {
  /** The driver's own process, as seen from outside its namespaces. */
  readonly pid: number;
  readonly peer: CallingPeer<HostEdge, Descriptor>;
  /** Rejects with "disconnected" where it ends before it answers; one that does not answer is `lost`. */
  ask<M extends MethodName<HostEdge>>(
    method: M,
    params: Params<HostEdge, M>,
    fds?: readonly Sendable[],
  ): Promise<{ result: Result<HostEdge, M>; fds: Descriptor[] }>;
  /** Resolves when no process of the sandbox lives and nothing queued for it is left. */
  readonly fenced: Promise<void>;
  /** The whole sandbox, at once. */
  kill(): void;
  /** Where its JavaScript stands, however busy it is; "" where it does not say within the time. */
  stack(withinMs: number): Promise<string>;
  /** The driver's code is in it. Rejects with what is wrong with the driver, or "disconnected" where the host ends before. */
  readonly loaded: Promise<ContractId>;
}

/** What cannot be changed once a host's runtime is loaded. */
export interface HostShape {
  /** What the driver may hold. */
  readonly memoryMb: number;
  /** Of one processor, where there are cgroups. */
  readonly cpuPercent: number | undefined;
  readonly tier: Tier;
}

/** What a host is started for. */
export interface HostKind extends HostShape {
  readonly driver: {
    /** No two drivers have the same. */
    readonly name: string;
    /** Sealed; lent. */
    readonly code: Descriptor;
    /** The ioctl requests that it is granted. */
    readonly requests: readonly number[];
  };
}

/** A host for a device's driver, at once where one waits. Rejects, and leaves nothing behind, where none can be started. */
export type StartHost = (kind: HostKind, listeners: HostListeners) => Promise<HostProcess>;

/** A host without a device: it is confined, and its driver's code is loaded or being loaded. */
export interface SpareHost {
  /** False once it has ended, or is another's. */
  readonly free: boolean;
  readonly loaded: Promise<ContractId>;
  /** It answers within that time, and holds no more than it may. */
  healthy(withinMs: number): Promise<boolean>;
  adopt(listeners: HostListeners): HostProcess;
  kill(): void;
  readonly fenced: Promise<void>;
}

export interface HostParts {
  readonly processes: Processes;
  readonly jail: Jail;
  /** undefined where the manager may make none: then only the watchdog looks at a host's memory. */
  readonly cgroups: Cgroups | undefined;
  readonly clock: Clock;
  readonly timeScale: number;
  /** What is still to be cleared away behind hosts that are dead; nothing of it rejects. */
  readonly clearing: Set<Promise<void>>;
}

/** The runtime's threads, all of which it has by then, and some more. */
const THREADS_MAX = 32;

/** Resolves once the host's runtime is loaded and confined; `rehearsed`: and has run what its driver will run. Rejects, and leaves nothing behind, where it does not get so far. */
export async function startSpare(
  { processes, jail, cgroups, clock, timeScale, clearing }: HostParts,
  kind: HostKind,
  rehearsed: boolean,
): Promise<SpareHost> {
  const { order, ours, errors, status } = await placeWhenCleared(jail, kind, clearing);
  const output = collect(errors);
  const { promise: ready, resolve: isReady, reject: isNotReady } = Promise.withResolvers<void>();
  const { promise: ended, resolve: hasEnded } = Promise.withResolvers<void>();
  ready.catch(() => {}); // the wait for the jail may be over first
  /** What whoever adopts it is to hear first. */
  let broke: ((adopter: HostListeners) => void) | undefined;
  let listeners: HostListeners = {
    log() {},
    disconnected() {},
    changed() {},
    failed: (failure) => breaks((adopter) => adopter.failed(failure)),
    lost: (reason) => breaks((adopter) => adopter.lost(reason)),
  };
  /** Nobody would end it otherwise. */
  const breaks = (tell: (adopter: HostListeners) => void) => {
    broke ??= tell;
    if (!dead) sandbox?.signal(SIGKILL);
  };
  const nobody = listeners;
  const peer = callingPeer<HostEdge, Descriptor>(hostEdge, new FrameSocket(ours), {
    ready: () => isReady(),
    log: (line) => listeners.log(line),
    failed: (failure) => listeners.failed(failure),
    disconnected: () => listeners.disconnected(),
    changed: (change) => listeners.changed(change),
  });
  let hasExited = false;
  let dead = false;
  const broken = (text: string) => {
    if (!hasExited) listeners.lost({ kind: "malformed", text, outside: false });
  };
  peer.signal.addEventListener("abort", () => {
    const { kind, message } = peer.signal.reason as DeviceError;
    if (kind !== "disconnected") return broken(message);
    clock.after(EXIT_MS * timeScale, () => broken("its control connection is closed and it lives on"));
  });
  /** Told by bubblewrap, or later by its parent. */
  const exited = (exit: Exited) => {
    if (hasExited) return;
    hasExited = true;
    const reason = group?.outOfMemory ? outOfMemory(kind) : exitReason(exit, output.text());
    isNotReady(new DeviceError("io", `start a driver host: ${reason.text}`));
    listeners.lost(reason);
  };
  const reaped = (exit: Exited) => {
    hasEnded();
    exited(exit);
  };
  /** It is dead, or about to be. */
  const clear = () => {
    const cleared = Promise.all([ended, sandbox?.exited])
      .then(() => {
        output.close();
        status.close(); // not before bubblewrap has ended: it writes there at its end
        sandbox?.close();
        command?.close();
        jail.giveBack(order); // its user may be another's only now
        group?.remove();
      })
      .catch((error: Error) => listeners.log({ level: "warn", message: `left behind: ${error.message}` }))
      .finally(() => clearing.delete(cleared));
    clearing.add(cleared);
  };
  let sandbox: Pidfd | undefined;
  let command: Pidfd | undefined;
  let group: Group | undefined;
  let outer: { pid: number; kill(): void } | undefined;
  const startMs = START_MS * timeScale;
  const tooLong = clock.after(startMs, () => {
    isNotReady(new DeviceError("timeout", `start a driver host within ${startMs} ms`));
    outer?.kill();
  });
  try {
    outer = await processes.start("host", order, reaped).catch((error) => {
      hasEnded(); // it never began
      throw error;
    });
    const report = jail.report(outer.pid, status, ended);
    void report.exitCode.then((code) => exited({ code, signal: null }));
    const initPid = await report.initPid;
    const init = jail.sandboxed ? openChild(initPid, outer.pid) : openPidfd(initPid);
    sandbox = init;
    await ready;
    const pid = jail.sandboxed ? childrenOf(initPid)[0] : initPid;
    if (pid === undefined) throw new DeviceError("io", "start a driver host: it ended while it started");
    const driver = jail.sandboxed ? openChild(pid, initPid) : openPidfd(pid);
    command = driver;
    group = cgroups?.enclose([outer.pid, initPid, pid], {
      memoryBytes: memoryCeiling(kind),
      cpuPercent: kind.cpuPercent,
      pids: THREADS_MAX,
    });
    if (rehearsed) await peer.call("rehearse", {});
    await peer.call("confine", { filter: base64(jail.spareFilter(kind.tier)) });
    const { name, code, requests } = kind.driver;
    const filter = base64(jail.driverFilter(kind.tier, requests));
    const mayHold = jail.sandboxed ? dataBytes(pid) + memoryCeiling(kind) : null;
    const loaded = peer
      .call("load", { driver: name, filter, dataBytes: mayHold }, [code.fd])
      .then(({ result }) => result.contract);
    loaded.catch(() => {}); // told with the probe, or with the spare's end
    const fenced = init.exited.then(() => {
      dead = true;
      peer.close();
    });
    void fenced.then(clear);
    const kill = () => {
      if (!dead) init.signal(SIGKILL);
    };
    const ask: HostProcess["ask"] = async (method, params, fds) => {
      const timer = clock.after(ANSWER_MS * timeScale, () => {
        const text = `it has not answered "${method}" within ${ANSWER_MS * timeScale} ms`;
        listeners.lost({ kind: "deadline", text, outside: false });
      });
      try {
        return await peer.call(method, params, fds);
      } finally {
        timer.cancel();
      }
    };
    const stack = (withinMs: number) => {
      if (dead || !driver.signal(SIGUSR2)) return Promise.resolve("");
      return output.stack(clock, withinMs);
    };
    const answers = () => peer.call("ping", {}).then(() => privateBytes(pid) <= kind.memoryMb * 2 ** 20);
    return {
      loaded,
      healthy: (withinMs) => {
        const { promise: late, resolve } = Promise.withResolvers<boolean>();
        const timer = clock.after(withinMs, () => resolve(false));
        return Promise.race([answers().catch(() => false), late]).finally(() => timer.cancel());
      },
      get free() {
        return broke === undefined && !dead && !peer.signal.aborted && listeners === nobody;
      },
      adopt(adopter) {
        listeners = adopter;
        broke?.(adopter);
        return { pid, peer, ask, loaded, fenced, kill, stack };
      },
      kill,
      fenced,
    };
  } catch (error) {
    sandbox?.signal(SIGKILL);
    outer?.kill();
    peer.close();
    dead = true;
    clear();
    throw error;
  } finally {
    tooLong.cancel();
  }
}

/** What the kernel lets a host have. It is above what a driver may hold, which the watchdog looks at and names the better reason. */
function memoryCeiling({ memoryMb }: HostShape): number {
  return 2 * memoryMb * 2 ** 20;
}

function outOfMemory(shape: HostShape): FailureReason {
  const mb = memoryCeiling(shape) / 2 ** 20;
  return { kind: "memory", text: `the kernel ended it: it wanted more than ${mb} MB`, outside: false };
}

const base64 = (filter: Uint8Array | undefined) =>
  filter === undefined ? null : Buffer.from(filter).toString("base64");

/** Where all user ids are given out, those of the dead are waited for: nobody has them any more, and their owners' parent has only to say so. */
async function placeWhenCleared(jail: Jail, kind: HostKind, clearing: HostParts["clearing"]) {
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
    const [input] = open(new Descriptor(openSync("/dev/null", "r")));
    const order = jail.order({ input, errors: errors.write, control, status: status.write }, shape);
    return { order, ours, errors: errors.read, status: status.read };
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

interface Output {
  text(): string;
  /** What it writes next between the marks of native/stack.c; "" after `withinMs`. */
  stack(clock: Clock, withinMs: number): Promise<string>;
  close(): void;
}

/** Keeps the end of what the process writes to its standard output and error. */
function collect(from: Descriptor): Output {
  const chunk = new Uint8Array(4096);
  let text = "";
  let heard = () => {};
  const read = () => {
    for (let reads = 0; reads < READS_A_TURN; reads++) {
      const length = native.read(from.fd, chunk);
      if (length <= 0) return length;
      text = (text + Buffer.from(chunk.subarray(0, length)).toString("latin1")).slice(-ERRORS_KEPT);
    }
    return 1;
  };
  const watched = watch(from.fd, { readable: true }, () => {
    const last = read();
    heard();
    if (last === 0) watched.close();
  });
  return {
    text() {
      if (from.fd >= 0) read();
      return printable(text, ERRORS_KEPT);
    },
    async stack(clock, withinMs) {
      text = "";
      const { promise, resolve } = Promise.withResolvers<string>();
      heard = () => {
        const found = STACK.exec(text)?.[1];
        if (found !== undefined) resolve(Buffer.from(found, "latin1").toString());
      };
      const timer = clock.after(withinMs, () => resolve(""));
      return promise.finally(() => {
        timer.cancel();
        heard = () => {};
      });
    },
    close() {
      watched.close();
      from.close();
    },
  };
}
