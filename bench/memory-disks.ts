// Runs in: benchmarks. Owns: a folder with bench/memory-disk's driver under another manifest.
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { builtDrivers } from "./nbd.ts";

export class MemoryDisks implements Disposable {
  readonly #folder = mkdtempSync(join(tmpdir(), "ring3-bench-"));

  /** `fields`: of the manifest, in place of those that it has. */
  constructor(fields: object) {
    cpSync(builtDrivers, this.#folder, { recursive: true });
    const manifest = join(this.#folder, "memory-disk", "driver.json");
    writeFileSync(manifest, JSON.stringify({ ...JSON.parse(readFileSync(manifest, "utf8")), ...fields }));
  }

  /** For `ring3 up`. */
  get args(): readonly string[] {
    return ["--drivers", this.#folder];
  }

  [Symbol.dispose](): void {
    rmSync(this.#folder, { recursive: true });
  }
}
