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
/** Of this machine's benchmarks, and of those that are counted on a kernel in QEMU. */
const SUFFIXES = { machine: ".bench.ts", lab: ".lab.ts" };

export default {
  summary: "measures this ring3 against its peers, in turns, in one run",
  usage: "[NAME…] [--lab] [--save] [--list]",
  options: {
    save: { type: "boolean", help: "keeps the figures in docs/benchmarks, with this machine's description" },
    lab: {
      type: "boolean",
      help: "counts what drivers do on a kernel in QEMU, its own usb-storage among them",
    },
    list: { type: "boolean", help: "prints the names of all benchmarks, and runs none" },
  },
  words: [0, Number.POSITIVE_INFINITY],
  details: `Each benchmark starts a ring3 of its own in a temporary folder; one that runs is left alone, and is best stopped: it takes processor time.
A round in which others had more than 5 % of the processors' time is measured again.
With --json, a line each: {"name", "unit", "pinned", "goal", "ours", "peer", "ratio":{"min", "median", "max"}, "met", "rounds", "dropped", "cpuUs", "also"},
and "variant" where it measures several things; of a table, such as "tradeoff", {"name", "what", "note", "rows", "machine"}.
With --lab what the lab (lab/README.md) can count: system calls, context switches, transfers, functions of the kernel. Of speed it can say nothing. It takes some minutes.`,
  async run(ring3, { values, words }) {
    const suffix = SUFFIXES[values.lab === true ? "lab" : "machine"];
    const names = globSync(`*${suffix}`, { cwd: folder })
      .map((file) => file.slice(0, -suffix.length))
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
    for (const word of words)
      if (!names.includes(word))
        throw unknown(`"${word}"${values.lab === true ? " in the lab" : ""}`, nearest(word, names), names);
    const given = { json: ring3.json, save: values.save === true, lab: values.lab === true };
    const options = Object.entries(given).flatMap(([option, on]) => (on ? [`--${option}`] : []));
    const program = ["--disable-warning=ExperimentalWarning", join(folder, "main.ts")];
    const child = spawn(process.execPath, [...program, ...(words.length > 0 ? words : names), ...options], {
      stdio: "inherit",
    });
    const [code] = (await once(child, "exit")) as [number | null];
    return code ?? 1;
  },
} satisfies Command;

function unknown(what: string, meant: string | undefined, names: readonly string[]): UsageError {
  const hint = meant === undefined ? "" : `; did you mean "${meant}"?`;
  return new UsageError(`there is no benchmark ${what}${hint}; there are: ${names.join(", ")}`);
}
