// Runs in: CLI. Owns: nothing. The escape probes: a hostile driver in a real jail, and what it was denied.
import { sentence } from "@ring3/control/sentence";
import { type Command, UsageError } from "../command.ts";
import { askedToEnd } from "../lines.ts";
import { campaign } from "../probe/campaign.ts";
import { catalogue, type Probe, type Tier } from "../probe/catalogue.ts";
import { groupText, resultText } from "../probe/report.ts";
import type { Paint } from "../text.ts";

export default {
  summary: "runs a hostile driver in a real jail, and says what it was not denied",
  usage: "[--tier TIER] [--list]",
  options: {
    tier: { type: "string", value: "TIER", help: "of the jail: standard, unless named, or strict" },
    list: { type: "boolean", help: "prints every probe's group and name, and runs none" },
    "insecure-no-sandbox": {
      type: "boolean",
      help: "runs those that do no harm without a jail, to see that they are told from denied ones",
    },
  },
  words: [0, 0],
  details: `Starts a ring3 of its own in a temporary folder, with two simulated drives; one that runs is left alone. Exit code 1 when anything escaped.
With --json: {"probes","denied","escaped":["NAME: WHY"],"syscalls"}, the last being how many system calls a driver is left.`,
  async run(ring3, { values }) {
    const tier = tierOf(values.tier as string | undefined);
    const sandboxed = values["insecure-no-sandbox"] !== true;
    const probes = catalogue(tier).filter(({ harmless }) => sandboxed || harmless === true);
    if (values.list === true) {
      const listed = probes.map(({ group, name }) => ({ group, name }));
      ring3.show(listed, listed.map(({ group, name }) => `${group.padEnd(12)} ${name}`).join("\n"));
      return 0;
    }
    const paint: Paint = (colour, text) => ring3.paint(colour, text);
    const stop = new AbortController();
    void askedToEnd().then((signal) => stop.abort(sentence("cancelled", `ended by ${signal}`)));
    const progress = ring3.err.isTTY === true && !ring3.json;
    const line = (text: string) => progress && ring3.err.write(`\r\x1b[K${text}`);
    const result = await campaign(
      probes,
      { tier, sandboxed },
      {
        runs: ({ group, name }: Probe, index) =>
          line(`${index + 1}/${probes.length} ${group}: ${name}`.slice(0, ring3.width - 1)),
        group(done) {
          line("");
          if (!ring3.json) ring3.print(groupText(done, paint));
        },
      },
      stop.signal,
    );
    ring3.show(result, resultText(result, ring3.width, paint));
    return result.escaped.length === 0 ? 0 : 1;
  },
} satisfies Command;

function tierOf(named = "standard"): Tier {
  if (named === "standard" || named === "strict") return named;
  throw new UsageError(`--tier: expected standard or strict, found "${named}"`);
}
