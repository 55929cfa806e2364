// Runs in: lab, outside the guest. Owns: the folder of stripped sources in the cache. In the guest TypeScript is stripped by nobody: the
// WebAssembly that does it is slow in emulation, and V8 patches its code from other threads, which QEMU's translator does not
// survive each time: about one process in fifteen died by SIGSEGV at an address that never was code.
import { createHash } from "node:crypto";
import { existsSync, globSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { stripTypeScriptTypes } from "node:module";
import { join } from "node:path";

const sources = "{lab,bench,packages,drivers,sims,examples}/**/*.ts";

/** Each source of the checkout without its types, named by the SHA-256 of the source, so that none is ever stale. */
export function stripSources(root: string, cache: string): string {
  const folder = join(cache, "stripped");
  mkdirSync(folder, { recursive: true });
  const files = globSync(sources, { cwd: root, exclude: ["**/node_modules/**"] }).filter(
    (file) => !file.endsWith(".d.ts"),
  );
  for (const file of files) {
    const source = readFileSync(join(root, file), "utf8");
    const target = join(folder, createHash("sha256").update(source).digest("hex"));
    if (existsSync(target)) continue;
    writeFileSync(`${target}.${process.pid}`, stripTypeScriptTypes(source));
    renameSync(`${target}.${process.pid}`, target);
  }
  return folder;
}
