// Runs in: CLI and console. Owns: the processes and threads of a trace, as its viewer shows them, and the slices on them. Pure.
// Format: Trace Event Format, https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU

export interface TraceEvent {
  /** X: a slice. i: an instant. s, t, f: a flow begins, passes, ends. M: metadata. */
  readonly ph: "X" | "i" | "s" | "t" | "f" | "M";
  readonly name: string;
  readonly cat?: string;
  readonly pid: number;
  readonly tid: number;
  /** Microseconds of CLOCK_MONOTONIC. */
  readonly ts?: number;
  readonly dur?: number;
  /** Of the flow. */
  readonly id?: number;
  /** A flow's end belongs to the slice around it, not to the next one. */
  readonly bp?: "e";
  /** Of an instant: the whole process, or its thread. */
  readonly s?: "p" | "t";
  readonly args?: Readonly<Record<string, string | number | boolean | null>>;
}

export type Args = NonNullable<TraceEvent["args"]>;

/** A flow's steps are taken in the order of their times, and belong to slices that are not over yet: steps of one microsecond lie so far apart. */
const STEP_US = 0.001;
/** Of a slice: room for them all. */
const SHORTEST_US = 0.01;

/** A slice that has begun. It is told once it ends: until then its end is not known. */
export class Slice {
  startUs: number;
  readonly args: Record<string, string | number | boolean | null>;
  readonly #lanes: Lanes;
  readonly #tid: number;
  readonly #name: string;
  readonly #flows: { readonly ph: "s" | "t" | "f"; readonly id: number; readonly timeUs: number }[] = [];

  constructor(lanes: Lanes, name: string, startUs: number, args: Args) {
    this.#lanes = lanes;
    this.#tid = lanes.take(startUs);
    this.#name = name;
    this.startUs = startUs;
    this.args = { ...args };
  }

  /** A request goes through here: it begins, passes or ends. `step`: of those it may take within a microsecond. */
  flow(ph: "s" | "t" | "f", id: number, timeUs: number, step = 0): void {
    this.#flows.push({ ph, id, timeUs: timeUs + step * STEP_US });
  }

  end(timeUs: number): void {
    const { process, category, emit } = this.#lanes;
    const [pid, tid, ts] = [process.pid, this.#tid, this.startUs];
    const dur = Math.max(SHORTEST_US, timeUs - ts);
    this.#lanes.release(tid, ts + dur);
    emit({ ph: "X", name: this.#name, cat: category, pid, tid, ts, dur, args: this.args });
    const last = ts + dur - STEP_US;
    for (const { ph, id, timeUs: at } of this.#flows) {
      const within = Math.min(Math.max(at, ts), last);
      const end = ph === "f" ? ({ bp: "e" } as const) : {};
      emit({ ph, name: "request", cat: "request", pid, tid, ts: within, id, ...end });
    }
  }
}

/** Threads of one kind, as many as are needed: slices of a thread must not overlap. */
class Lanes {
  readonly process: Process;
  readonly category: string;
  readonly emit: (event: TraceEvent) => void;
  readonly #nextTid: () => number;
  /** With the end of the last slice there. */
  readonly #free: { readonly tid: number; readonly endUs: number }[] = [];
  #count = 0;

  constructor(process: Process, category: string, nextTid: () => number, emit: (event: TraceEvent) => void) {
    this.process = process;
    this.category = category;
    this.#nextTid = nextTid;
    this.emit = emit;
  }

  /** The one that was made first of those that are free. */
  take(startUs: number): number {
    const free = this.#free.findIndex(({ endUs }) => endUs <= startUs);
    if (free >= 0) return this.#free.splice(free, 1)[0]!.tid;
    const tid = this.#nextTid();
    const { pid } = this.process;
    this.#count++;
    const name = this.#count === 1 ? this.category : `${this.category} ${this.#count}`;
    this.emit({ ph: "M", name: "thread_name", pid, tid, args: { name } });
    this.emit({ ph: "M", name: "thread_sort_index", pid, tid, args: { sort_index: tid } });
    return tid;
  }

  release(tid: number, endUs: number): void {
    const at = this.#free.findIndex((other) => other.tid > tid);
    this.#free.splice(at < 0 ? this.#free.length : at, 0, { tid, endUs });
  }
}

export class Process {
  readonly pid: number;
  readonly #emit: (event: TraceEvent) => void;
  readonly #nextTid: () => number;
  readonly #lanes = new Map<string, Lanes>();

  constructor(
    pid: number,
    name: string,
    order: number,
    nextTid: () => number,
    emit: (event: TraceEvent) => void,
  ) {
    this.pid = pid;
    this.#nextTid = nextTid;
    this.#emit = emit;
    this.rename(name);
    emit({ ph: "M", name: "process_sort_index", pid, tid: 0, args: { sort_index: order } });
  }

  rename(name: string): void {
    this.#emit({ ph: "M", name: "process_name", pid: this.pid, tid: 0, args: { name } });
  }

  slice(category: string, name: string, startUs: number, args: Args): Slice {
    return new Slice(this.#of(category), name, startUs, args);
  }

  instant(category: string, name: string, timeUs: number, args: Args): void {
    const lanes = this.#of(category);
    const tid = lanes.take(timeUs);
    lanes.release(tid, timeUs);
    this.#emit({ ph: "i", s: "t", name, cat: category, pid: this.pid, tid, ts: timeUs, args });
  }

  #of(category: string): Lanes {
    const known = this.#lanes.get(category) ?? new Lanes(this, category, this.#nextTid, this.#emit);
    this.#lanes.set(category, known);
    return known;
  }
}

/** In which a request passes them. */
export const ORDER = { application: 1, reflector: 2, driver: 3, kernel: 4, manager: 5 } as const;
/** A client names the processes that it serves, and may name any. */
const NAMED_MAX = 1000;

/** All processes of a trace. Their numbers are the trace's own: the machine's stand in the names. */
export class Processes {
  readonly #named = new Map<string, Process>();
  readonly #emit: (event: TraceEvent) => void;
  #pids = 0;
  #tids = 0;

  constructor(emit: (event: TraceEvent) => void) {
    this.#emit = emit;
  }

  /** `order`: where it stands among the others. */
  add(name: string, order: number): Process {
    return new Process(++this.#pids, name, order, () => ++this.#tids, this.#emit);
  }

  /** One for a name; undefined where there are too many. */
  named(name: string, order: number): Process | undefined {
    const known = this.#named.get(name);
    if (known !== undefined || this.#named.size >= NAMED_MAX) return known;
    const process = this.add(name, order);
    this.#named.set(name, process);
    return process;
  }
}
