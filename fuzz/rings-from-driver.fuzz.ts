// Runs in: fuzzing.
import assert from "node:assert/strict";
import { ClientChannel, ClientMemory } from "../packages/channel/client-channel.ts";
import { createDriverMemory } from "../packages/channel/driver-memory.ts";
import { layoutOf } from "../packages/channel/layout.ts";
import { MalformedChannel } from "../packages/channel/ring.ts";
import { duplicate, pipe } from "../packages/kernel/fd/descriptor.ts";
import { mapFixed } from "../packages/kernel/shm/memory.ts";
import { echo, GENERATION } from "./echo-contract.ts";
import { collectMappings } from "./mappings.ts";
import { completionsOf, driverPlaces, unpack } from "./ring-seeds.ts";
import type { Target } from "./target.ts";

const layout = layoutOf(echo);
const memory = new ClientMemory(echo);
const driver = createDriverMemory(echo);
const control = new Uint32Array(mapFixed(driver.fd.fd, layout.driver.size).part(0, layout.driver.dataOffset));
driver.seal();
const { add, read } = echo.operations;

export default {
  what: "completions and events in a channel, from a driver host",
  seeds: completionsOf(layout),
  async run(input) {
    await collectMappings();
    memory.reset();
    unpack(input, driverPlaces(layout), control);
    let answers = 0;
    let broken = false;
    const [bellIn, bellOut] = [pipe(), pipe()];
    const channel = new ClientChannel(
      memory,
      {
        memory: duplicate(driver.fd.fd),
        bellIn: bellIn.read,
        bellOut: bellOut.write,
        generation: GENERATION,
        poll: false,
      },
      {
        completed: (tag, _kind, _errno, data) => {
          assert.ok(tag < layout.slots && data.length <= layout.slotBytes);
          answers++;
        },
        event: () => answers++,
        malformed: () => {
          broken = true;
        },
      },
    );
    try {
      channel.submit(0, add.nr, 0, 0, 1000, (view, offset) => add.in!.encode({ a: 1, b: 2 }, view, offset));
      channel.submit(1, read.nr, 512, 512, 1000, (view, offset) =>
        read.in!.encode({ from: 0 }, view, offset),
      );
      channel.drain();
    } catch (error) {
      if (!(error instanceof MalformedChannel)) throw error;
      broken = true;
    } finally {
      channel.close();
      bellIn.write.close();
      bellOut.read.close();
    }
    assert.ok(answers <= layout.driver.completions.size + layout.driver.events.size + layout.slots);
    return !broken && answers > 0;
  },
} satisfies Target;
