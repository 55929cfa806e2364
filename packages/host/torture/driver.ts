// Runs in: driver host, jailed. Owns: one simulated drive of `ring3 torture`: the faults that are ordered between a real driver of disks and
// its host. A write to the last sector is an order for a fault; it strikes one of the requests that follow. Reading the last sector but one
// ends the process, every time.

import { seeded } from "@ring3/core/chance";
import {
  type Block,
  block,
  type Context,
  DeviceError,
  type Driver,
  type DriverUnit,
  defineDriver,
} from "@ring3/sdk";
import { overhearAll } from "../escape/channel.ts";
import { code } from "./code.ts";
import { control } from "./control.ts";
import { type Faults, type Inside, type Order, orderOf } from "./fault.ts";
import { memory } from "./memory.ts";
import { replies } from "./replies.ts";
import { rings } from "./rings.ts";

export const faults: Faults = { ...code, ...memory, ...replies, ...rings, ...control };

overhearAll();

/** Takes an order back that has struck nobody. */
const NONE = "none";

class Struck {
  readonly #ctx: Context<Block>;
  #order: Order | undefined;
  #left = 0;

  constructor(ctx: Context<Block>) {
    this.#ctx = ctx;
  }

  order(order: Order): void {
    if (order.fault === NONE) {
      this.#order = undefined;
      return;
    }
    if (faults[order.fault] === undefined) throw new DeviceError("unsupported", `fault ${order.fault}`);
    this.#order = order;
    this.#left = order.after;
  }

  /** Runs a request, and the fault where it is this one's turn. */
  run<T>(call: Inside["call"], request: () => T | Promise<T>): T | Promise<T> {
    if (this.#order === undefined || this.#left-- > 0) return request();
    const { fault, at, seed, hangMs } = this.#order;
    this.#order = undefined;
    const strike = () => faults[fault]!({ ctx: this.#ctx, call, random: seeded(seed), hangMs });
    return at === "before" ? struckFirst(strike, request) : struckLater(at, strike, request);
  }
}

function struckFirst<T>(strike: () => unknown, request: () => T | Promise<T>): T | Promise<T> {
  const struck = strike();
  return struck instanceof Promise ? struck.then(request) : request();
}

async function struckLater<T>(
  at: "during" | "after",
  strike: () => unknown,
  request: () => T | Promise<T>,
): Promise<T> {
  const answer = Promise.resolve(request());
  const over = answer.catch(() => {}); // told once the fault has returned
  if (at === "after") await answer;
  try {
    await strike();
  } finally {
    await over; // it would still work with bytes that are another request's by then
  }
  return answer;
}

function torturedUnit(unit: DriverUnit<Block>, ctx: Context<Block>): DriverUnit<Block> {
  const struck = new Struck(ctx);
  const last = () => unit.properties.sectors - 1;
  return {
    get properties() {
      return unit.properties;
    },
    read(range, call) {
      if (range.lba === last() - 1) process.exit(1);
      return struck.run(call, () => unit.read(range, call));
    },
    write(range, call) {
      if (range.lba === last()) return struck.order(orderOf(call.data));
      return struck.run(call, () => unit.write(range, call));
    },
    flush: (input, call) => struck.run(call, () => unit.flush(input, call)),
    writeZeroes: (range, call) => struck.run(call, () => unit.writeZeroes!(range, call)),
    ...(unit.discard === undefined
      ? {}
      : { discard: (range, call) => struck.run(call, () => unit.discard!(range, call)) }),
  };
}

/** The driver `real`, which may be ordered to fail, with all else that it has: its rehearsal, its rest. */
export const tortured = (real: Driver<Block>): Driver<Block> =>
  defineDriver(block, {
    ...real,
    async probe(devices, ctx) {
      const units = [await real.probe(devices, ctx)].flat() as DriverUnit<Block>[];
      return units.map((unit) => torturedUnit(unit, ctx));
    },
  });
