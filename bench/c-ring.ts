// Runs in: benchmarks. Owns: ring.c, compiled, for as long as it is measured.
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { CProgram } from "./c-program.ts";

export class CRing extends CProgram {
  constructor() {
    super("ring");
  }

  /** What it prints. `under`: a command that starts the command behind it. */
  async run(under: readonly string[], ...args: string[]): Promise<number> {
    const [command, ...rest] = [...under, this.path, ...args];
    return Number((await promisify(execFile)(command!, rest)).stdout);
  }
}
