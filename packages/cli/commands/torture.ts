// Runs in: CLI. Owns: nothing. A fault campaign: disks under load, a fault after the other, and what became of each request.
import { type Command, UsageError } from "../command.ts";
import { askedToEnd } from "../lines.ts";
import type { Paint } from "../text.ts";
import { Campaign } from "../torture/campaign.ts";
import { catalogue, chosen } from "../torture/catalogue.ts";
import type { Fault } from "../torture/fault.ts";
import { passed, resultText } from "../torture/report.ts";

const FAULTS = 10_000;
const LANES = 3;
/** Short, so that hangs are cheap. */
const HANG_MS = 100;
const HANG_MAX_MS = 120_000; // control/manifest.ts
const NUMBER_MAX = 0xffffffff;

export default {
  summary: "breaks drivers, devices and ring3's own processes, and checks every request",
  usage: "--seed S [--faults N] [--from M] [--only NAME,…]",
  options: {
    seed: {
      type: "string",
      value: "S",
      help: "of all that is left to chance; the same seed, the same faults",
    },
    faults: { type: "string", value: "N", help: `faults of the campaign, ${FAULTS} unless said` },
    from: { type: "string", value: "M", help: "goes on with fault M of such a campaign" },
    only: { type: "string", value: "NAME,…", help: "only faults of these names or groups" },
    lanes: { type: "string", value: "L", help: `how many are under way at once, ${LANES} unless said` },
    hang: {
      type: "string",
      value: "MS",
      help: `how long a driver may stand still, ${HANG_MS} unless said; more where the machine has other work`,
    },
    list: { type: "boolean", help: "prints every fault's group and name, and how often it comes" },
  },
  words: [0, 0],
  details: `Starts a ring3 of its own in a temporary folder, with simulated drives; one that runs is left alone. Which fault comes when depends on the seed alone, or on it and --only.
Exit code 1 when a request was lost, a reply was wrong, a process of ring3's own ended by itself, less than 99.9 % of the faults were recovered from, or it was
ended before its last fault.`,
  async run(ring3, { values }) {
    const faults = faultsOf(values.only as string | undefined);
    if (values.list === true) {
      const listed = faults.map(({ group, name, cards }) => ({ group, name, cards }));
      const all = faults.reduce((sum, { cards }) => sum + cards, 0);
      const line = ({ group, name, cards }: (typeof listed)[number]) =>
        `${group.padEnd(12)} ${name.padEnd(30)} ${cards} in ${all}`;
      ring3.show(listed, listed.map(line).join("\n"));
      return 0;
    }
    if (values.seed === undefined) throw new UsageError("--seed: expected a number, found none");
    const seed = whole("seed", values.seed as string, 0);
    const to = whole("faults", (values.faults as string | undefined) ?? String(FAULTS), 1);
    const from = whole("from", (values.from as string | undefined) ?? "0", 0);
    const lanes = whole("lanes", (values.lanes as string | undefined) ?? String(LANES), 1);
    const hangMs = whole(
      "hang",
      (values.hang as string | undefined) ?? String(HANG_MS),
      HANG_MS,
      HANG_MAX_MS,
    );
    if (from >= to)
      throw new UsageError(`--from: expected less than the ${to} faults of the campaign, found ${from}`);
    const progress = ring3.err.isTTY === true && !ring3.json;
    const line = (text: string) => progress && ring3.err.write(`\r\x1b[K${text.slice(0, ring3.width - 1)}`);
    const campaign = new Campaign(
      { seed, from, to, faults, lanes, hangMs },
      {
        begun: (disks) => {
          if (!ring3.json) ring3.print(`seed ${seed}: faults ${from} to ${to - 1}, on ${disks} disks`);
        },
        done: ({ planned }, { faults, crashes, hangs, wrong }) =>
          line(
            `${from + faults}/${to} ${planned.fault.name}: ${crashes + hangs} deaths, ${wrong.length} not as it must be`,
          ),
        wrong: (text) => {
          line("");
          ring3.err.write(`ring3 torture: not as it must be: ${text}\n`);
        },
      },
    );
    let ended: NodeJS.Signals | undefined;
    void askedToEnd().then((signal) => {
      ended = signal;
      campaign.stop();
    });
    const result = await campaign.run();
    line("");
    const paint: Paint = (colour, text) => ring3.paint(colour, text);
    ring3.show(result, resultText(result, ring3.width, paint));
    if (ended === undefined || campaign.next >= to) return passed(result) ? 0 : 1;
    const only = values.only === undefined ? "" : ` --only ${values.only}`;
    ring3.err.write(
      `ring3 torture: ended by ${ended} before fault ${campaign.next}; go on with: ring3 torture --seed ${seed} --faults ${to} --from ${campaign.next}${only}\n`,
    );
    return 1;
  },
} satisfies Command;

function faultsOf(only: string | undefined): readonly Fault[] {
  const faults = only === undefined ? catalogue : chosen(only);
  if (typeof faults === "string") throw new UsageError(`--only: ${faults}; see: ring3 torture --list`);
  return faults;
}

function whole(option: string, text: string, least: number, most = NUMBER_MAX): number {
  const value = Number(text);
  if (!/^\d{1,10}$/.test(text) || value < least || value > most)
    throw new UsageError(`--${option}: expected a whole number from ${least} to ${most}, found "${text}"`);
  return value;
}
