// Runs in: benchmarks. Owns: a program in C that is measured, compiled for as long as it is.
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PeerMissing } from "./benchmark.ts";

export class CProgram implements Disposable {
  readonly folder: string;
  readonly path: string;

  /** `name`: of a file in this folder, without its ".c". Throws PeerMissing where there is no compiler. */
  constructor(name: string) {
    this.folder = mkdtempSync(join(tmpdir(), `ring3-${name}-`));
    this.path = join(this.folder, name);
    try {
      const source = join(import.meta.dirname, `${name}.c`);
      execFileSync("cc", ["-O2", "-o", this.path, source], { stdio: "inherit" });
    } catch (error) {
      this[Symbol.dispose]();
      throw new PeerMissing(
        `${name}.c is not compiled (apt-get install gcc libc6-dev): ${(error as Error).message}`,
      );
    }
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true });
  }
}
