// Runs in: manager. Owns: one driver host, from the moment its process is ordered, or taken over from a manager that died, to
// the proof of its death.

import type { MethodName, Params, Result } from "@ring3/control/edge";
import type { hostEdge } from "@ring3/control/host-edge";
import type { HostRecord } from "@ring3/control/legacy";
import type { CallingPeer, Sendable } from "@ring3/control/peer";
import type { Clock } from "@ring3/core/clock";
import { DeviceError } from "@ring3/core/errors";
import type { FailureReason } from "@ring3/core/lifecycle";
import type { Cgroups, Group } from "@ring3/kernel/cgroup/cgroup";
import type { Descriptor } from "@ring3/kernel/fd/descriptor";
import { type Pidfd, privateBytes, processState, traced } from "@ring3/kernel/process/pidfd";
import { socketPair } from "@ring3/kernel/socket/frame-socket";
import { type Exited, exitReason, outOfMemory } from "./exit-reason.ts";
import { HostConnection } from "./host-connection.ts";
import { collectOutput, type Output } from "./host-output.ts";
import type { HostListeners, HostProcess, SpareHost } from "./host-process.ts";
import type { Legacy } from "./legacy.ts";
import type { Users } from "./users.ts";

const SIGKILL = 9;
const SIGUSR2 = 12; // host/main.ts writes its stack then
/** A process whose connection has ended is ending itself; one that still lives after this has broken the rules. */
const EXIT_MS = 2000;

type HostEdge = typeof hostEdge;

/** What every host's life needs. */
export interface HostSurroundings {
  readonly legacy: Legacy;
  readonly clock: Clock;
  readonly timeScale: number;
  /** undefined where the manager may make none: then only the watchdog looks at a host's memory. */
  readonly cgroups: Cgroups | undefined;
  /** undefined where the manager may not change its user. */
  readonly users: Users | undefined;
  /** Of a host's process, whose end it tells of sooner than all else; undefined where that cannot be had. */
  readonly thread: (pid: number) => Pidfd | undefined;
  /** What is still to be cleared away behind hosts that are dead; nothing of it rejects. */
  readonly clearing: Set<Promise<void>>;
}

/** The keeper's child: the host, or bubblewrap around it. */
export interface Outer {
  readonly name: string;
  readonly pid: number;
  kill(): void;
}

/** The sandbox, once it stands. */
export interface Standing {
  /** Whose end is the end of all inside. */
  readonly init: Pidfd;
  /** The host itself. */
  readonly command: Pidfd;
  /** A thread of it, which ends with it. */
  readonly thread: Pidfd | undefined;
  readonly group: Group | undefined;
  readonly record: HostRecord;
}

/** Our ends. */
export interface HostEnds {
  readonly control: Descriptor;
  readonly errors: Descriptor;
  readonly status: Descriptor;
}

export class Host implements SpareHost, HostProcess {
  readonly shared = false;
  readonly peer: CallingPeer<HostEdge, Descriptor>;
  readonly #surroundings: HostSurroundings;
  readonly #connection: HostConnection;
  readonly #memoryMb: number;
  readonly #uid: number | undefined;
  readonly #output: Output;
  readonly #errors: Descriptor;
  readonly #status: Descriptor;
  readonly #ready = Promise.withResolvers<void>();
  readonly #ended = Promise.withResolvers<void>();
  readonly #fenced = Promise.withResolvers<void>();
  readonly #nobody: HostListeners;
  /** What whoever adopts it is to hear first. */
  #broke: ((adopter: HostListeners) => void) | undefined;
  #outer: Outer | undefined;
  #standing: Standing | undefined;
  #hasExited = false;
  #dead = false;
  #clearing = false;

  /** Owns the ends. `uid`: its own, which is given back when it is dead. */
  constructor(surroundings: HostSurroundings, memoryMb: number, uid: number | undefined, ends: HostEnds) {
    this.#surroundings = surroundings;
    this.#memoryMb = memoryMb;
    this.#uid = uid;
    this.#errors = ends.errors;
    this.#status = ends.status;
    this.#output = collectOutput(ends.errors);
    this.#ready.promise.catch(() => {}); // the wait for the jail may be over first
    this.#nobody = {
      log() {},
      disconnected() {},
      changed() {},
      dying() {},
      failed: (failure) => this.#breaks((adopter) => adopter.failed(failure)),
      lost: (reason) => this.#breaks((adopter) => adopter.lost(reason)),
    };
    this.#connection = new HostConnection(ends.control, surroundings, () => this.held, this.#nobody);
    this.peer = this.#connection.peer;
    this.peer.signal.addEventListener("abort", () => this.#hungUp(this.peer.signal.reason as DeviceError));
  }

  get #listeners(): HostListeners {
    return this.#connection.listeners;
  }

  get name(): string {
    return this.#outer!.name;
  }

  get pid(): number {
    return this.#standing!.record.pid;
  }

  get held(): boolean {
    return this.#standing !== undefined && traced(this.pid);
  }

  get loaded(): Promise<void> {
    return this.#connection.loaded;
  }

  get fenced(): Promise<void> {
    return this.#fenced.promise;
  }

  get free(): boolean {
    const { aborted } = this.peer.signal;
    return this.#broke === undefined && !this.#dead && !aborted && this.#listeners === this.#nobody;
  }

  /** Resolves once its runtime is loaded, and is confined. */
  get ready(): Promise<void> {
    return this.#ready.promise;
  }

  /** Asks it to confine itself as soon as its runtime is loaded; `rehearsed`: and to run before what its driver will run. */
  confine(params: Params<HostEdge, "confine">, standby: Descriptor, rehearsed: boolean): void {
    const rehearsal = rehearsed ? this.peer.call("rehearse", {}) : undefined;
    const confine = () => this.peer.call("confine", params, [standby]);
    (rehearsal?.then(confine) ?? confine()).then(
      () => this.#ready.resolve(),
      (error: DeviceError) => {
        standby.close();
        if (error.kind !== "disconnected") this.#ready.reject(error); // the end of its process says why
      },
    );
  }

  /** Resolves when the keeper has reaped its child. */
  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  /** The keeper has started it. `exitCode`: told by bubblewrap, which is sooner than its own end. */
  began(outer: Outer, exitCode: Promise<number>): void {
    this.#outer = outer;
    void exitCode.then((code) => this.#exited({ code, signal: null }));
  }

  reaped(exit: Exited): void {
    this.#ended.resolve();
    this.#exited(exit);
  }

  /** The sandbox is there, and proves with its end that the host has ended. */
  stands(standing: Standing): void {
    this.#standing = standing;
    standing.thread?.exited.then(
      () => this.#threadEnded(),
      () => {}, // closed
    );
    void standing.init.exited.then(() => {
      this.#dead = true;
      this.#connection.hearOut();
      this.peer.close();
      this.#fenced.resolve();
      this.#clear();
    });
  }

  /** So much too late, or broken, that nobody will have it. */
  abandon(reason?: DeviceError): void {
    if (reason !== undefined) this.#ready.reject(reason);
    this.#standing?.init.signal(SIGKILL);
    this.#outer?.kill();
    if (this.#outer === undefined) this.#ended.resolve(); // it never began
    this.peer.close();
    if (this.#standing === undefined) this.#clear();
  }

  /** Asks it to load the driver; told by `loaded`. */
  load(params: Params<HostEdge, "load">, code: Descriptor): void {
    this.#connection.load(params, code);
  }

  /** A connection for the next manager. Ours is kept by the keeper, beside all else that is needed to take the host over. */
  provideForNextManager(standby: Descriptor): void {
    const { legacy } = this.#surroundings;
    const { init, command, record } = this.#standing!;
    legacy.hold(this.name, [init.fd, command.fd, this.#errors.fd, this.#status.fd, standby]);
    legacy.note("host", this.name, record);
  }

  async introduce(): Promise<Result<HostEdge, "adopt">> {
    const [ours, theirs] = socketPair();
    const answer = this.ask("adopt", {}, [theirs]);
    this.provideForNextManager(ours);
    return (await answer).result;
  }

  async healthy(withinMs: number): Promise<boolean> {
    const late = Promise.withResolvers<boolean>();
    const timer = this.#surroundings.clock.after(withinMs, () => late.resolve(false));
    const answers = this.peer.call("ping", {}).then(() => privateBytes(this.pid) <= this.#memoryMb * 2 ** 20);
    return Promise.race([answers.catch(() => false), late.promise]).finally(() => timer.cancel());
  }

  adopt(listeners: HostListeners): HostProcess {
    this.#connection.listeners = listeners;
    this.#broke?.(listeners);
    return this;
  }

  ask<M extends MethodName<HostEdge>>(method: M, params: Params<HostEdge, M>, fds?: readonly Sendable[]) {
    return this.#connection.ask(method, params, fds);
  }

  forgo(): void {
    this.#connection.forgo();
  }

  remove(requests: "fail" | "keep", withinMs: number): Promise<void> {
    return this.#connection.remove(requests, withinMs);
  }

  blame(reason: FailureReason): void {
    this.#listeners.lost(reason);
  }

  kill(): void {
    if (!this.#dead) this.#standing?.init.signal(SIGKILL);
  }

  stack(withinMs: number): Promise<string> {
    // One that is stopped says nothing until it goes on.
    const speaks = !this.#dead && processState(this.pid) !== "stopped";
    if (!speaks || !this.#standing?.command.signal(SIGUSR2)) return Promise.resolve("");
    return this.#output.stack(this.#surroundings.clock, withinMs);
  }

  /** Nobody would end it otherwise. */
  #breaks(tell: (adopter: HostListeners) => void): void {
    this.#broke ??= tell;
    this.kill();
  }

  #hungUp({ kind, message }: DeviceError): void {
    if (kind !== "disconnected") return this.#broken(message);
    const { clock, timeScale } = this.#surroundings;
    clock.after(EXIT_MS * timeScale, () => this.#broken("its control connection is closed and it lives on"));
  }

  #threadEnded(): void {
    this.#listeners.dying();
    this.#expectEnd();
  }

  /** What is blocked in the kernel ends once it is not any more: that is the fence's to wait for. */
  #expectEnd(): void {
    const { clock, timeScale } = this.#surroundings;
    clock.after(EXIT_MS * timeScale, () => {
      if (this.#hasExited || this.#dead) return;
      if (processState(this.pid) === "blocked") this.#expectEnd();
      else this.#broken("one of its threads has ended and it lives on");
    });
  }

  #broken(text: string): void {
    if (!this.#hasExited && !this.#dead) this.#listeners.lost({ kind: "malformed", text, outside: false });
  }

  #exited(exit: Exited): void {
    if (this.#hasExited) return;
    this.#hasExited = true;
    this.#connection.hearOut(); // of what its driver has thrown, say: that came before, on another descriptor
    const killed = this.#standing?.group?.outOfMemory === true;
    const reason = killed ? outOfMemory(this.#memoryMb) : exitReason(exit, this.#output.text());
    this.#ready.reject(new DeviceError("io", `start a driver host: ${reason.text}`));
    this.#listeners.lost(reason);
  }

  /** It is dead, or about to be. */
  #clear(): void {
    if (this.#clearing) return;
    this.#clearing = true;
    const { clearing, users, legacy } = this.#surroundings;
    const cleared = Promise.all([this.#ended.promise, this.#standing?.init.exited])
      .then(() => {
        this.#output.close();
        this.#status.close(); // not before bubblewrap has ended: it writes there at its end
        this.#standing?.init.close();
        this.#standing?.command.close();
        this.#standing?.thread?.close();
        if (this.#uid !== undefined) users?.giveBack(this.#uid); // it may be another's only now
        if (this.#outer !== undefined) legacy.drop(this.name);
        this.#standing?.group?.remove();
      })
      .catch((error: Error) =>
        this.#listeners.log({ level: "warn", message: `left behind: ${error.message}` }),
      )
      .finally(() => clearing.delete(cleared));
    clearing.add(cleared);
  }
}
