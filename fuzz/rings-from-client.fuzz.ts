// Runs in: fuzzing.
import assert from "node:assert/strict";
import { systemClock } from "@ring3/kernel/clock/clock";
import { DriverEnd } from "../packages/channel/driver-end.ts";
import { createDriverMemory } from "../packages/channel/driver-memory.ts";
import { layoutOf } from "../packages/channel/layout.ts";
import { duplicate, pipe } from "../packages/kernel/fd/descriptor.ts";
import { createShared } from "../packages/kernel/shm/memory.ts";
import { echo, GENERATION } from "./echo-contract.ts";
import { collectMappings } from "./mappings.ts";
import { submissionsOf } from "./ring-seeds.ts";
import type { Target } from "./target.ts";

const layout = layoutOf(echo);
const client = createShared("fuzz-client", layout.client.size);
const control = new Uint8Array(client.part(0, layout.client.dataOffset));
client.seal();
const own = createDriverMemory(echo);

export default {
  what: "submissions in a channel, from an application",
  seeds: submissionsOf(layout),
  async run(input) {
    await collectMappings();
    control.fill(0);
    control.set(input.subarray(0, control.length));
    let requests = 0;
    let broken = false;
    const [bellIn, bellOut] = [pipe(), pipe()];
    const end = new DriverEnd(
      echo,
      {
        memory: duplicate(client.fd.fd),
        bellIn: bellIn.read,
        bellOut: bellOut.write,
        own: duplicate(own.fd.fd),
        generation: GENERATION,
      },
      {
        submitted: ({ tag, data, operation }) => {
          assert.ok(tag < layout.slots && data.length <= layout.slotBytes && operation in echo.operations);
          requests++;
        },
        cancelled: () => {},
        malformed: () => {
          broken = true;
        },
      },
      systemClock,
    );
    end.start();
    end.close();
    bellIn.write.close();
    bellOut.read.close();
    assert.ok(requests <= layout.slots);
    return !broken && requests > 0;
  },
} satisfies Target;
