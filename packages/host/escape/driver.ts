// Runs in: driver host, jailed. Owns: one simulated drive of `ring3 probe`. A hostile driver, in the shape of an ordinary one: a write to
// sector 0 has it run a probe by name, a read of sector 0 tells the outcome. What a probe may do to this process is all its own.
import { block, type Context, defineDriver } from "@ring3/sdk";
import { overhearAll } from "./channel.ts";
import { type Inside, type Probe, type Targets, thrown, word } from "./probe.ts";
import { groups } from "./probes.ts";

interface Order {
  readonly id: number;
  readonly name: string;
  readonly targets: Targets;
}

const SECTOR_BYTES = 4096;
const SECTORS = 8;

const probes = new Map(groups.flatMap((group) => group.probes.map((probe) => [probe.name, probe])));

overhearAll();

async function outcomeOf(probe: Probe | undefined, inside: Inside): Promise<string> {
  if (probe === undefined) return "unknown";
  try {
    const outcome = await probe.run(inside);
    return typeof outcome === "number" ? word(outcome) : outcome;
  } catch (error) {
    return thrown(error);
  }
}

/** An order that an earlier incarnation began: it has died of it. */
const begun = (ctx: Context): unknown => ctx.state.get();

export default defineDriver(block, {
  probe({ usb }, ctx) {
    let outcome = "died";
    return {
      properties: {
        ...block.properties!.create(),
        sectorBytes: SECTOR_BYTES,
        maxTransferSectors: 16,
        sectors: SECTORS,
        flags: 1 << 4, // BLOCK_MEDIUM_PRESENT
      },
      async write(_, { data }) {
        const { id, name, targets }: Order = JSON.parse(new TextDecoder().decode(data).replace(/\0+$/, ""));
        if (begun(ctx) === id) return;
        ctx.state.set(id);
        outcome = await outcomeOf(probes.get(name), { targets, ctx, usb });
      },
      read({ lba }, { data }) {
        data.fill(lba);
        if (lba === 0)
          new TextEncoder().encodeInto(JSON.stringify({ id: begun(ctx) ?? null, outcome }), data.fill(0));
      },
      flush() {},
    };
  },
});
