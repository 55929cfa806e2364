// Runs in: CLI. Owns: nothing. Reads the reports where the manager left them, so that they can be read when ring3 is gone too.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type CrashReport, crashDirectory, parseCrashReport } from "@ring3/control/crash";
import { sentence } from "@ring3/control/sentence";
import type { Command } from "../command.ts";
import { crashesText, crashText } from "../crash-text.ts";
import type { Ring3 } from "../ring3.ts";

export default {
  summary: "lists the crash reports, or shows one",
  usage: "[ID]",
  options: {},
  words: [0, 1],
  details:
    "A report says why a driver's process ended, where it stood, what it had in hand and what it did last. The latest 100 are kept.",
  async run(ring3, { words: [wanted] }) {
    const ids = reportIds(ring3);
    if (wanted === undefined) {
      const reports = ids.map((id) => read(ring3, id));
      ring3.show(
        reports.map(({ recorder: _, ...rest }) => rest),
        crashesText(reports, ring3.width, (colour, text) => ring3.paint(colour, text)),
      );
      return;
    }
    const [id, ...more] = ids.filter((known) => known === wanted || known.startsWith(wanted));
    if (id === undefined || (more.length > 0 && id !== wanted))
      throw sentence(
        "invalid",
        `crashes ${wanted}: ${id === undefined ? "there is no report of that name" : `it fits ${more.length + 1} reports`}; see: ring3 crashes`,
      );
    const report = read(ring3, id);
    ring3.show(
      report,
      crashText(report, ring3.width, (colour, text) => ring3.paint(colour, text)),
    );
  },
} satisfies Command;

/** Oldest first; their names begin with the time. */
function reportIds(ring3: Ring3): string[] {
  const directory = crashDirectory(ring3.directory);
  try {
    return readdirSync(directory)
      .map((file) => /^(.*)\.json$/.exec(file)?.[1])
      .filter((id) => id !== undefined)
      .toSorted();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") return [];
    throw sentence(
      "denied",
      `read the crash reports in ${directory}: ${(error as Error).message}; run this as root or as the user of ring3`,
    );
  }
}

function read(ring3: Ring3, id: string): CrashReport {
  const file = join(crashDirectory(ring3.directory), `${id}.json`);
  try {
    return parseCrashReport(readFileSync(file, "utf8"));
  } catch (error) {
    throw sentence(
      "protocol",
      `crash report ${file} cannot be read: ${(error as Error).message}; remove it and try again`,
    );
  }
}
