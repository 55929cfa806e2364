// Runs in: the simulation. Owns: one doorbell of a simulated process: what kernel/native/bell.c does between a peer's memory and the pipe that it rings.
import { READABLE, type Watched } from "./file.ts";
import type { Kernel } from "./kernel.ts";
import { PipeEnd } from "./streams.ts";

type Rung = (what: 0 | 1 | 2) => void;

const [NEWS, GONE, NEEDLESS] = [0, 1, 2] as const;
const NEEDLESS_MAX = 4096;

export class SimulatedBell {
  readonly #kernel: Kernel;
  readonly #own: Uint32Array;
  readonly #peer: Uint32Array;
  readonly #at: readonly number[];
  readonly #rung: Rung;
  readonly #pipe: PipeEnd;
  readonly #watched: Watched;
  readonly #drained = new Uint8Array(65_536);
  #needless = 0;

  private constructor(
    kernel: Kernel,
    pipe: PipeEnd,
    fd: number,
    memories: [Uint32Array, Uint32Array],
    at: Int32Array,
    rung: Rung,
  ) {
    this.#kernel = kernel;
    this.#pipe = pipe;
    [this.#own, this.#peer] = memories;
    this.#at = [...at];
    this.#rung = rung;
    this.#watched = kernel.watch(fd, READABLE, () => this.#wake())!;
    this.#turn();
  }

  /** Asleep from the start: who starts it looks at what there is by itself. */
  static start(
    kernel: Kernel,
    fd: number,
    memories: [Uint32Array, Uint32Array],
    at: Int32Array,
    rung: Rung,
  ): SimulatedBell | undefined {
    const pipe = kernel.fileOf(fd, PipeEnd);
    return pipe && new SimulatedBell(kernel, pipe, fd, memories, at, rung);
  }

  stop(): void {
    this.#kernel.unwatch(this.#watched);
  }

  #hasNews(): boolean {
    const [, , ...rings] = this.#at;
    for (let ring = 0; ring < rings.length; ring += 2)
      if (Atomics.load(this.#peer, rings[ring]!) !== Atomics.load(this.#own, rings[ring + 1]!)) return true;
    return false;
  }

  /** Asleep, or awake again. */
  #turn(): void {
    Atomics.add(this.#own, this.#at[0]!, 1);
  }

  #wake(): void {
    this.#turn();
    const read = this.#pipe.read(this.#drained);
    this.#needless = this.#hasNews() ? 0 : this.#needless + Math.max(read, 0);
    if (this.#needless > NEEDLESS_MAX) this.#rung(NEEDLESS);
    else if (read === 0) this.#rung(GONE);
    while (!this.#watched.off && this.#hasNews()) this.#rung(NEWS);
    if (!this.#watched.off) this.#turn();
  }
}
