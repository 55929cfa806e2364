// Runs in: make simulate and tests. Owns: the simulation's bundle: the very code of ring3, one file, with a mistake in it where that is wanted.
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { build, type Plugin } from "esbuild";
import type { Mutant } from "./mutants.ts";

const root = resolve(import.meta.dirname, "..");

/** Throws where the text that is to be changed is not there once. */
function planted({ file, from, to }: Mutant): Plugin {
  return {
    name: "planted",
    setup({ onLoad, onEnd }) {
      let found = false;
      onLoad({ filter: /\.ts$/ }, ({ path }) => {
        if (path !== join(root, file)) return undefined;
        const source = readFileSync(path, "utf8");
        const parts = source.split(from);
        if (parts.length !== 2)
          throw new Error(`${file}: expected once, found ${parts.length - 1} times: ${from}`);
        found = true;
        return { contents: parts.join(to), loader: "ts" };
      });
      onEnd(() => {
        if (!found) throw new Error(`${file}: the simulation does not use it`);
      });
    },
  };
}

async function bundled(entry: string, external: string[], plugins: Plugin[]): Promise<string> {
  const { outputFiles } = await build({
    absWorkingDir: root,
    entryPoints: [join(import.meta.dirname, entry)],
    bundle: true,
    platform: "node",
    target: "node26",
    format: "cjs",
    sourcemap: external.length === 0 ? "inline" : false,
    external,
    plugins,
    write: false,
    logLevel: "silent", // what goes wrong is thrown
    logOverride: { "empty-import-meta": "silent" }, // kernel/native.ts asks which of the two worlds it is in
  });
  return outputFiles[0]!.text;
}

export interface Bundle {
  readonly code: string;
  readonly driver: string;
}

export async function bundle(mutant?: Mutant): Promise<Bundle> {
  const [code, driver] = await Promise.all([
    bundled("worker.ts", [], mutant === undefined ? [] : [planted(mutant)]),
    bundled("driver/driver.ts", ["@ring3/sdk"], []),
  ]);
  return { code, driver };
}
