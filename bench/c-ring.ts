// Runs in: benchmarks. Owns: ring.c, compiled, for as long as it is measured.
import { execFile, execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { PeerMissing } from "./benchmark.ts";

export class CRing implements Disposable {
  readonly #folder = mkdtempSync(join(tmpdir(), "ring3-ring-"));
  readonly #program = join(this.#folder, "ring");

  /** Throws PeerMissing where there is no compiler. */
  constructor() {
    try {
      const source = join(import.meta.dirname, "ring.c");
      execFileSync("cc", ["-O2", "-o", this.#program, source], { stdio: "inherit" });
    } catch (error) {
      this[Symbol.dispose]();
      throw new PeerMissing(
        `ring.c is not compiled (apt-get install gcc libc6-dev): ${(error as Error).message}`,
      );
    }
  }

  /** What it prints. `under`: a command that starts the command behind it. */
  async run(under: readonly string[], ...args: string[]): Promise<number> {
    const [command, ...rest] = [...under, this.#program, ...args];
    return Number((await promisify(execFile)(command!, rest)).stdout);
  }

  [Symbol.dispose](): void {
    rmSync(this.#folder, { recursive: true });
  }
}
