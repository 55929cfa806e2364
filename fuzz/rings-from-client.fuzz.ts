// Runs in: fuzzing.
import assert from "node:assert/strict";
import { DriverEnd } from "../packages/channel/driver-end.ts";
import { createDriverMemory } from "../packages/channel/driver-memory.ts";
import { layoutOf } from "../packages/channel/layout.ts";
import { duplicate, pipe } from "../packages/kernel/fd/descriptor.ts";
import { createShared } from "../packages/kernel/shm/memory.ts";
import { echo, GENERATION } from "./echo-contract.ts";
import { collectMappings } from "./mappings.ts";
import { clientPlaces, submissionsOf, unpack } from "./ring-seeds.ts";
import type { Target } from "./target.ts";

const layout = layoutOf(echo);
const client = createShared("fuzz-client", layout.client.size);
const control = new Uint32Array(client.part(0, layout.client.dataOffset));
client.seal();
const own = createDriverMemory(echo);

export default {
  what: "submissions in a channel, from an application",
  seeds: submissionsOf(layout),
  async run(input) {
    await collectMappings();
    unpack(input, clientPlaces(layout), control);
    const taken: { tag: number; operation: keyof typeof echo.operations }[] = [];
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
        poll: false,
      },
      {
        submitted: ({ tag, data, operation }) => {
          assert.ok(tag < layout.slots && data.length <= layout.slotBytes && operation in echo.operations);
          taken.push({ tag, operation: operation as keyof typeof echo.operations });
        },
        cancelled: () => {},
        malformed: () => {
          broken = true;
        },
      },
    );
    end.start();
    for (const { tag, operation } of taken)
      if (!broken)
        end.complete(tag, 0, 0, 0, (view, offset) => {
          if (operation === "add") echo.operations.add.out!.encode({ sum: 1 }, view, offset);
        });
    end.emit("click", { value: 1 });
    end.emit("state", { value: 2 ** 40 });
    end.retryEvents();
    end.close();
    bellIn.write.close();
    bellOut.read.close();
    assert.ok(taken.length <= layout.slots);
    return !broken && taken.length > 0;
  },
} satisfies Target;
