// Runs in: CLI. Owns: the process that measures. What ring3 costs and gains on this machine, against peers that are measured in the same run.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { globSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { nearest } from "@ring3/control/nearest";
import { sentence } from "@ring3/control/sentence";
import { type Command, UsageError } from "../command.ts";

const folder = fileURLToPath(new URL("../../../bench/", import.meta.url));
const SUFFIX = ".bench.ts";

export default {
  summary: "measures this ring3 against its peers, in turns, in one run",
  usage: "[NAME…] [--save] [--list]",
  options: {
    save: { type: "boolean", help: "keeps the figures in docs/benchmarks, with this machine's description" },
    list: { type: "boolean", help: "prints the names of all benchmarks, and runs none" },
  },
  words: [0, Number.POSITIVE_INFINITY],
  details: `Each benchmark starts a ring3 of its own in a temporary folder; one that runs is left alone, and is best stopped: it takes processor time.
A round in which others had more than 5 % of the processors' time is measured again.
With --json, a line each: {"name", "unit", "pinned", "goal", "ours", "peer", "ratio":{"min", "median", "max"}, "met", "rounds", "dropped", "cpuUs", "also"},
and "variant" where it measures several things; of "tradeoff" {"name", "rows"}.`,
  async run(ring3, { values, words }) {
    const names = globSync(`*${SUFFIX}`, { cwd: folder })
      .map((file) => file.slice(0, -SUFFIX.length))
      .toSorted();
    if (names.length === 0)
      throw sentence(
        "unsupported",
        "this ring3 came without its benchmarks: run it from a checkout of its repository",
      );
    if (values.list === true) {
      ring3.show(names, names.join("\n"));
      return 0;
    }
    for (const word of words) if (!names.includes(word)) throw unknown(word, names);
    const options = [ring3.json ? ["--json"] : [], values.save === true ? ["--save"] : []].flat();
    const program = ["--disable-warning=ExperimentalWarning", join(folder, "main.ts")];
    const child = spawn(process.execPath, [...program, ...(words.length > 0 ? words : names), ...options], {
      stdio: "inherit",
    });
    const [code] = (await once(child, "exit")) as [number | null];
    return code ?? 1;
  },
} satisfies Command;

function unknown(name: string, names: readonly string[]): UsageError {
  const meant = nearest(name, names);
  const hint = meant === undefined ? "" : `; did you mean "${meant}"?`;
  return new UsageError(`there is no benchmark "${name}"${hint}; there are: ${names.join(", ")}`);
}
