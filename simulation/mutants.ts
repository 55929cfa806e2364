// Runs in: make simulate and tests. Owns: mistakes that are planted into ring3's code, one or more for each invariant: the simulation must find them.
import type { Invariant } from "./ledger.ts";

export interface Mutant {
  readonly name: string;
  /** The invariant that it is planted against. */
  readonly against: Invariant;
  readonly file: string;
  /** Stands there once. */
  readonly from: string;
  readonly to: string;
}

export const mutants: readonly Mutant[] = [
  {
    name: "the fence is not waited for",
    against: "fence",
    file: "packages/manager/incarnation.ts",
    from: "    await host?.fenced;\n",
    to: "",
  },
  {
    name: "a seat is taken for left before its driver has let go",
    against: "fence",
    file: "packages/manager/seat.ts",
    from: "    await Promise.race([this.#leaves(requests), late.promise]).finally(() => timer.cancel());\n",
    to: "    void this.#leaves(requests).catch(() => {});\n    timer.cancel();\n",
  },
  {
    name: "an entry of the journal is dropped when a driver dies",
    against: "lost",
    file: "packages/client/journal.ts",
    from: "this.#waiting.push(...lost);",
    to: "this.#waiting.push(...lost.slice(1));",
  },
  {
    name: "what is answered stays in the journal",
    against: "order",
    file: "packages/client/client-end.ts",
    from: "    this.#journal.finish(entry);\n    const timedOut",
    to: "    const timedOut",
  },
  {
    name: "a driver may answer twice",
    against: "twice",
    file: "packages/channel/client-channel.ts",
    from: "if (this.#sequence[tag] === 0 || this.#scratch[COMPLETION.sequence] !== this.#sequence[tag])",
    to: "if (false)",
  },
  {
    name: "overlapping writes go together",
    against: "order",
    file: "packages/client/journal.ts",
    from: "    if (!a.spec.mutates || !b.spec.mutates) return false;\n",
    to: "    if (a !== b) return false;\n",
  },
  {
    name: "a replay keeps no order",
    against: "order",
    file: "packages/client/journal.ts",
    from: "    this.#waiting.sort((a, b) => a.id - b.id);\n",
    to: "",
  },
  {
    name: "a disk that is plugged in again is not asked who it is",
    against: "identity",
    file: "packages/client/unit-session.ts",
    from: "    if (why !== undefined) return why;\n",
    to: "",
  },
  {
    name: "bytes are taken from another slot",
    against: "bytes",
    file: "packages/channel/client-channel.ts",
    from: "this.#driverSlots.bytes(tag, length)",
    to: "this.#driverSlots.bytes(tag & 1, length)",
  },
  {
    name: "a loss of power is not heard of",
    against: "flush",
    file: "packages/classes/block/recovery.ts",
    from: "      if (cache) this.writesLost();\n",
    to: "",
  },
  {
    name: "a flush that was under way when power was lost vouches for what was lost",
    against: "flush",
    file: "packages/classes/block/recovery.ts",
    from: "if (epoch < state.lostEpoch) {",
    to: "if (epoch < -1) {",
  },
  {
    name: "the generation is not counted up",
    against: "recovery",
    file: "packages/core/lifecycle.ts",
    from: "  incarnation: life.incarnation + 1,\n",
    to: "  incarnation: Math.max(1, life.incarnation),\n",
  },
  {
    name: "a dead host's pidfd is kept",
    against: "own",
    file: "packages/manager/host.ts",
    from: "        this.#standing?.command.close();\n",
    to: "",
  },
];
