// Runs in: fuzzing. Owns: nothing. A contract with an operation and an event of every kind.
import { defineContract, event, operation } from "@ring3/core/contract";
import { f64, struct, u32, u64 } from "@ring3/core/struct";

export const echo = defineContract({
  name: "echo",
  version: 1,
  slots: 4,
  slotBytes: 4096,
  operations: {
    add: operation({ nr: 1, in: struct({ a: u32, b: u64 }), out: struct({ sum: f64 }), replay: "always" }),
    read: operation({ nr: 2, in: struct({ from: u32 }), data: "out", replay: "always" }),
    write: operation({ nr: 3, in: struct({ at: u32 }), data: "in", replay: "always", mutates: true }),
  },
  events: {
    state: event({ nr: 1, data: struct({ value: u64 }), overflow: "latest" }),
    click: event({ nr: 2, data: struct({ value: u32 }), overflow: "drop-and-count" }),
  },
});
export const GENERATION = 7;
