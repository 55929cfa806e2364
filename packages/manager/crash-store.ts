// Runs in: manager. Owns: the folder of crash reports, one file each: bounded in number and size, the oldest go first.

import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type CrashReport, type CrashSummary, parseCrashReport } from "@ring3/control/crash";
import { DeviceError } from "@ring3/core/errors";
import type { Log } from "@ring3/core/log";

/** Each takes at most about 60 KB: 256 records, 40 lines of a stack, 64 requests. */
const REPORTS_MAX = 100;
/** What is written takes its own name once it is whole: others read there too, without asking. */
const UNFINISHED = "unfinished";

export class CrashStore {
  readonly #directory: string;
  readonly #log: Log;
  /** Of those on disk, by file: whoever asks for a list asks for most of them again. undefined: nobody can read it. */
  #summaries = new Map<string, CrashSummary | undefined>();

  constructor(directory: string, log: Log) {
    this.#directory = directory;
    this.#log = log;
  }

  /** A full disk loses the report, which is said, and nothing else. */
  add(report: CrashReport): void {
    try {
      mkdirSync(this.#directory, { recursive: true, mode: 0o700 });
      this.#makeRoom();
      const unfinished = join(this.#directory, UNFINISHED);
      writeFileSync(unfinished, `${JSON.stringify(report)}\n`, { mode: 0o600 });
      renameSync(unfinished, join(this.#directory, `${report.id}.json`));
      this.#log.info(`crash report of ${report.device.id}: ring3 crashes ${report.id}`);
    } catch (error) {
      this.#log.error(`no crash report of ${report.device.id}: ${(error as Error).message}`);
    }
  }

  /** Of a device, or of all (null); the latest last. One that nobody can read is left out, which is said. */
  list(device: string | null): CrashSummary[] {
    this.#summaries = new Map(
      this.#files().map((file) => [
        file,
        this.#summaries.has(file) ? this.#summaries.get(file) : this.#summaryOf(file),
      ]),
    );
    return [...this.#summaries.values()].filter(
      (summary) => summary !== undefined && (device === null || summary.device.id === device),
    ) as CrashSummary[];
  }

  #summaryOf(file: string): CrashSummary | undefined {
    try {
      const { stack: _, inFlight: __, recorder: ___, resources: ____, ...summary } = this.#read(file);
      return summary;
    } catch (error) {
      this.#log.warn(`crash report ${file} cannot be read: ${(error as Error).message}`);
      return undefined;
    }
  }

  /** Throws DeviceError where there is none. */
  report(id: string): CrashReport {
    const file = this.#files().find((name) => name === `${id}.json`);
    if (file === undefined)
      throw new DeviceError("invalid", `crash report ${id}: there is none of that name; see: ring3 crashes`);
    return this.#read(file);
  }

  #read(file: string): CrashReport {
    return parseCrashReport(readFileSync(join(this.#directory, file), "utf8"));
  }

  /** Their names begin with the time. */
  #files(): string[] {
    if (!existsSync(this.#directory)) return [];
    return readdirSync(this.#directory)
      .filter((file) => file.endsWith(".json"))
      .toSorted();
  }

  #makeRoom(): void {
    const files = this.#files();
    for (const file of files.slice(0, Math.max(0, files.length - REPORTS_MAX + 1)))
      rmSync(join(this.#directory, file), { force: true });
  }
}
