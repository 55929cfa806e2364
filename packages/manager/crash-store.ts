// Runs in: manager. Owns: the folder of crash reports, one file each: bounded in number and size, the oldest go first.

import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { CrashReport } from "@ring3/control/crash";
import type { Log } from "@ring3/core/log";

/** Each takes at most about 60 KB: 256 records, 40 lines of a stack, 64 requests. */
const REPORTS_MAX = 100;

export class CrashStore {
  readonly #directory: string;
  readonly #log: Log;

  constructor(directory: string, log: Log) {
    this.#directory = directory;
    this.#log = log;
  }

  /** A full disk loses the report, which is said, and nothing else. */
  add(report: CrashReport): void {
    try {
      mkdirSync(this.#directory, { recursive: true, mode: 0o700 });
      this.#makeRoom();
      writeFileSync(join(this.#directory, `${report.id}.json`), `${JSON.stringify(report)}\n`, {
        mode: 0o600,
      });
      this.#log.info(`crash report of ${report.device.id}: ring3 crashes ${report.id}`);
    } catch (error) {
      this.#log.error(`no crash report of ${report.device.id}: ${(error as Error).message}`);
    }
  }

  /** File names begin with the time. */
  #makeRoom(): void {
    const files = readdirSync(this.#directory).filter((file) => file.endsWith(".json"));
    for (const file of files.toSorted().slice(0, Math.max(0, files.length - REPORTS_MAX + 1)))
      rmSync(join(this.#directory, file), { force: true });
  }
}
