// Runs in: tests. Owns: a small contract that has one of everything.
import { defineContract, event, operation } from "@ring3/core/contract";
import { struct, u8, u32 } from "@ring3/core/struct";

export const sample = defineContract({
  name: "sample",
  version: 1,
  properties: struct({ size: u32 }),
  operations: {
    add: operation({ nr: 1, in: struct({ a: u32, b: u32 }), out: struct({ sum: u32 }), replay: "always" }),
    read: operation({ nr: 2, in: struct({ at: u32 }), data: "out", replay: "always" }),
    write: operation({ nr: 3, in: struct({ at: u32 }), data: "in", replay: "always", mutates: true }),
    trim: operation({ nr: 4, replay: "always", optional: true }),
  },
  events: {
    level: event({ nr: 1, data: struct({ value: u8 }), overflow: "latest" }),
    lost: event({ nr: 2, overflow: "drop-and-count" }),
  },
});
