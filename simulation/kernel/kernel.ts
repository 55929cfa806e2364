// Runs in: the simulation. Owns: a simulated Linux, as far as ring3's addon asks for it: processes, their descriptors, time, and the order in which
// things happen, all of it by one seed.
import type { Clock } from "@ring3/core/clock";
import type { Dice } from "../dice.ts";
import { NullDevice, type OpenFile, ProcessFile, type Watched } from "./file.ts";
import type { MemoryStock } from "./memory.ts";
import { type Exit, Process } from "./process.ts";
import { type Happening, Schedule } from "./schedule.ts";
import { type Listening, SocketEnd } from "./streams.ts";

/** 2027-01-15, in milliseconds since 1970. */
const EPOCH = 1_800_000_000_000;
/** How long it takes until somebody who waits for a descriptor runs: from one to a hundred microseconds and more. */
const WAKE_MS = [0.005, 0.15] as const;
/** The event loop's next turn. */
const TURN_MS = 0.001;
const SIGKILL = 9;
const STANDARD_ERROR = 2;
/** asm-generic/errno-base.h */
const EBADF = 9;

export class Kernel {
  readonly dice: Dice;
  readonly schedule = new Schedule();
  readonly stock: MemoryStock;
  readonly processes = new Map<number, Process>();
  readonly listening = new Map<string, Listening>();
  /** Whose code runs now. */
  current: Process;
  wallOffset = 0;
  /** Something in ring3 is not as it must be. */
  broken: (what: string) => void = () => {};
  /** How much later than usual somebody who waits for a descriptor runs, in milliseconds. */
  lateness: () => number = () => 0;
  /** How many of so many bytes are received this time, at least one. */
  received: (bytes: number) => number = (bytes) => bytes;
  /** A stream takes nothing now, though it has room. */
  full: () => boolean = () => false;
  trace: (text: () => string) => void = () => {};
  readonly #files = new Map<number, { file: OpenFile; owner: Process }>();
  /** Descriptors 0 to 2 of everybody. */
  readonly #standard = new NullDevice();
  readonly #restore: (() => void)[] = [];
  #lastFd = 99;
  #lastPid = 0;

  constructor(dice: Dice, stock: MemoryStock) {
    this.dice = dice;
    this.stock = stock;
    this.#standard.references = 1;
    this.current = this.create("world");
  }

  create(name: string): Process {
    const process = new Process(++this.#lastPid, name);
    this.processes.set(process.pid, process);
    return process;
  }

  get now(): number {
    return this.schedule.now;
  }

  clockOf(process: Process): Clock {
    return {
      now: () => this.schedule.now,
      wallTime: () => EPOCH + this.wallOffset + Math.floor(this.schedule.now),
      after: (ms, run) => {
        // As Node's setTimeout: whole milliseconds, and at least one.
        const delay = ms <= 0 ? TURN_MS : Math.max(1, Math.trunc(ms));
        const happening = this.schedule.add(this.schedule.now + delay, process, run);
        return {
          cancel() {
            happening.off = true;
          },
        };
      },
    };
  }

  /** Runs in a process after a while, as if it had been waked. */
  post(process: Process | undefined, ms: number, run: () => void): Happening {
    return this.schedule.add(this.schedule.now + ms, process, run);
  }

  /** One thing happens. Everything that follows from it at once has to be over before the next. False: nothing is to come. */
  step(): boolean {
    this.endTurn();
    const happening = this.schedule.take();
    if (happening === undefined) return false;
    const { process } = happening;
    if (process !== undefined) {
      if (!process.alive) return true;
      if (process.liveness !== "running" || process.blocked) {
        process.held.push(happening);
        return true;
      }
    }
    this.current = process ?? this.processes.get(1)!;
    try {
      happening.run();
    } catch (error) {
      this.threw(error);
    }
    return true;
  }

  /** Who died in the middle of a turn has not written what it wrote afterwards. */
  endTurn(): void {
    for (const restore of this.#restore.splice(0)) restore();
  }

  /** The running process's code threw, and nobody caught it. */
  threw(error: unknown): void {
    const process = this.current;
    if (!process.alive) return;
    this.trace(() => `${process.name} ${process.pid} throws ${error instanceof Error ? error.stack : error}`);
    const text = error instanceof Error ? error.stack : String(error);
    if (!process.faulted) this.broken(`${process.name} ${process.pid} ended by what nobody caught: ${text}`);
    if (!process.uncaught(error)) this.end(process, { code: 1, signal: null });
  }

  // Descriptors

  install(file: OpenFile, owner: Process = this.current): number {
    const fd = ++this.#lastFd;
    file.references++;
    file.wake = (watch) => this.#wake(watch);
    this.#files.set(fd, { file, owner });
    owner.descriptors.add(fd);
    file.given(owner);
    return fd;
  }

  /** Of the process that runs. A number that was closed before is a mistake: it could be another's by now. */
  file(fd: number): OpenFile | undefined {
    if (fd >= 0 && fd <= STANDARD_ERROR) return this.#standard;
    const found = this.#files.get(fd);
    if (found?.owner === this.current) return found.file;
    if (fd >= 0 && this.current.alive)
      this.broken(`${this.current.name} uses descriptor ${fd}, which it has not`);
    return undefined;
  }

  fileOf<F extends OpenFile>(fd: number, kind: abstract new (...args: never[]) => F): F | undefined {
    const file = this.file(fd);
    return file instanceof kind ? file : undefined;
  }

  close(fd: number): number {
    const file = this.file(fd);
    if (file === undefined) return -EBADF;
    this.#close(fd, this.current);
    return 0;
  }

  #close(fd: number, owner: Process): void {
    const { file } = this.#files.get(fd)!;
    this.#files.delete(fd);
    owner.descriptors.delete(fd);
    for (const watch of owner.watches) if (watch.fd === fd) this.unwatch(watch);
    this.drop(file);
  }

  /** One reference less. */
  drop(file: OpenFile): void {
    if (--file.references === 0) file.released();
  }

  /** The files that a process holds, for those who count them. */
  filesOf(process: Process): OpenFile[] {
    return [...process.descriptors].map((fd) => this.#files.get(fd)!.file);
  }

  /** Who has a descriptor of it. */
  ownersOf(file: OpenFile): Process[] {
    return [...this.#files.values()].flatMap((each) => (each.file === file ? each.owner : []));
  }

  /** Files in messages that nobody has received yet. */
  *carried(): Iterable<OpenFile> {
    for (const { file } of this.#files.values()) if (file instanceof SocketEnd) yield* file.carried;
  }

  // Waiting

  watch(fd: number, events: number, run: Watched["run"]): Watched | undefined {
    const file = this.file(fd);
    if (file === undefined) return undefined;
    const watch: Watched = { file, fd, process: this.current, run, events, pending: undefined, off: false };
    this.current.watches.add(watch);
    file.watches.add(watch);
    this.rearm(watch, events);
    return watch;
  }

  rearm(watch: Watched, events: number): void {
    watch.events = events;
    if (!watch.off && (watch.file.ready() & events) !== 0) this.#wake(watch);
  }

  unwatch(watch: Watched): void {
    watch.off = true;
    if (watch.pending !== undefined) watch.pending.off = true;
    watch.process.watches.delete(watch);
    watch.file.watches.delete(watch);
  }

  #wake(watch: Watched): void {
    if (watch.off || (watch.pending !== undefined && !watch.pending.off)) return;
    const at = this.schedule.now + this.dice.between(...WAKE_MS) + this.lateness();
    watch.pending = this.schedule.add(at, watch.process, () => {
      watch.pending = undefined;
      if (watch.off) return;
      const ready = watch.file.ready() & watch.events;
      if (ready === 0) return;
      watch.run(0, ready);
      // As long as it lasts, once a turn.
      if (!watch.off && (watch.file.ready() & watch.events) !== 0) this.#wake(watch);
    });
  }

  // Processes

  /** Counts the running process's system calls; false where it is dead. */
  enter(): boolean {
    const process = this.current;
    if (process.callsLeft > 0 && --process.callsLeft === 0)
      this.end(process, { code: null, signal: "SIGKILL" });
    return process.alive;
  }

  signal(process: Process, signal: number): boolean {
    if (!process.alive) return false;
    if (signal !== SIGKILL) process.interrupted();
    else if (process.blocked) process.killed = true;
    else this.end(process, { code: null, signal: "SIGKILL" });
    return true;
  }

  /** It calls exit. */
  exit(process: Process, code: number): void {
    if (!process.alive) return;
    process.exiting(code);
    this.end(process, { code, signal: null });
  }

  end(process: Process, exit: Exit): void {
    if (!process.alive) return;
    this.trace(() => `${process.name} ${process.pid} ends: ${exit.signal ?? `code ${exit.code}`}`);
    if (process === this.current) this.#restoreLater(process);
    process.dying(exit);
    process.liveness = "dead";
    for (const watch of [...process.watches]) this.unwatch(watch);
    for (const fd of [...process.descriptors]) this.#close(fd, process);
    process.held.length = 0;
    for (const { file } of this.#files.values())
      if (file instanceof ProcessFile && file.process === process) file.changed();
    for (const tell of process.ended) tell();
    process.reaped(exit);
  }

  #restoreLater(process: Process): void {
    for (const memory of process.writes)
      for (const part of memory.control) {
        const [bytes, before] = [new Uint8Array(part), new Uint8Array(part.slice(0))];
        this.#restore.push(() => bytes.set(before));
      }
  }

  /** SIGSTOP, or a wait in the kernel. */
  pause(process: Process, how: "stopped" | "blocked" | "hung"): void {
    if (how === "blocked") process.blocked = true;
    else process.liveness = how;
  }

  /** It runs again, if nobody has ended it meanwhile. */
  proceed(process: Process): void {
    if (!process.alive) return;
    process.blocked = false;
    if (process.killed) return this.end(process, { code: null, signal: "SIGKILL" });
    if (process.liveness === "stopped") process.liveness = "running";
    if (process.liveness !== "running") return;
    for (const happening of process.held.splice(0)) if (!happening.off) this.schedule.again(happening);
  }
}
