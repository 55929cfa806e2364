// Runs in: make setup, Node. Owns: build/*.cjs, build/drivers/ and build/probe/drivers/. One CommonJS file a process and a driver: it starts
// about eight times faster than the modules one by one, and a jailed process can load it without a path.

import { createHash } from "node:crypto";
import { globSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { type BuildOptions, build } from "esbuild";
import { TAG_BYTES } from "../packages/host/code.ts";
import { compileDriverCode, compileHostCode } from "./code-cache.ts";

const root = resolve(import.meta.dirname, "..");
const out = join(root, "build");

const common: BuildOptions = {
  absWorkingDir: root,
  bundle: true,
  platform: "node",
  target: "node26",
  format: "cjs",
  sourcemap: "linked",
  legalComments: "none",
  logLevel: "warning",
  write: false,
  logOverride: { "empty-import-meta": "silent" }, // kernel/native.ts asks which of the two worlds it is in
};

/** A running ring3 may be reading the old file: it is replaced, never rewritten. */
function replace(path: string, contents: Uint8Array): void {
  const fresh = `${path}.${process.pid}.tmp`;
  writeFileSync(fresh, contents);
  renameSync(fresh, path);
}

async function bundle(entry: string, outfile: string, options: BuildOptions = {}): Promise<void> {
  const { outputFiles } = await build({ ...common, ...options, entryPoints: [entry], outfile });
  for (const file of outputFiles!) replace(file.path, file.contents);
}

/** A host's code names itself at its end, so that what V8 has made of another is never taken for its own. */
async function bundleHostCode(): Promise<void> {
  const file = join(out, "host-code.cjs");
  const entryPoints = [join(root, "packages/host/main.ts")];
  const { outputFiles } = await build({ ...common, sourcemap: false, entryPoints, outfile: file });
  const code = outputFiles![0]!.text;
  const tag = createHash("sha256").update(code).digest("hex").slice(0, TAG_BYTES);
  replace(file, Buffer.from(`${code}//${tag}`));
}

const bundleDriver = (from: string, to: string, entry = join(from, "driver.ts")): Promise<void> =>
  bundle(entry, join(to, "driver.cjs"), { external: ["@ring3/sdk"] });

/** A driver's folder becomes another with its manifest and its bundle: a driver path like any other has such folders. */
async function installDriver(from: string, to: string, entry?: string): Promise<void> {
  mkdirSync(to, { recursive: true });
  await bundleDriver(from, to, entry);
  replace(join(to, "driver.json"), readFileSync(join(from, "driver.json")));
}

async function all(work: Promise<void>[]): Promise<void> {
  const results = await Promise.allSettled(work);
  const failed = results.filter(({ status }) => status === "rejected") as PromiseRejectedResult[];
  for (const { reason } of failed) if (!reason.errors) console.error(reason); // esbuild prints its own
  if (failed.length > 0) process.exitCode = 1;
}

const named = process.argv.slice(2);
if (named.length > 0) {
  // Drivers outside the repository, bundled where they are.
  await all(named.map((folder) => bundleDriver(resolve(folder), resolve(folder))));
} else {
  // The command line runs unbuilt: its start time matters to nobody.
  const processes = globSync("packages/*/main.ts", { cwd: root })
    .map((path) => basename(dirname(path)))
    .filter((name) => name !== "cli" && name !== "host");
  const drivers = globSync("drivers/*/driver.json", { cwd: root }).map((path) => basename(dirname(path)));
  mkdirSync(join(out, "drivers"), { recursive: true });
  for (const name of readdirSync(join(out, "drivers"))) {
    if (!drivers.includes(name)) rmSync(join(out, "drivers", name), { recursive: true });
  }
  await all([
    ...processes.map((name) => bundle(join(root, "packages", name, "main.ts"), join(out, `${name}.cjs`))),
    bundle(join(root, "packages/host/start.ts"), join(out, "host.cjs")),
    bundle(join(root, "packages/console/server/main.ts"), join(out, "console-server.cjs")),
    bundleHostCode().then(() => compileHostCode(out)),
    Promise.all(
      drivers.map((name) => installDriver(join(root, "drivers", name), join(out, "drivers", name))),
    ).then(() =>
      compileDriverCode(
        out,
        drivers.map((name) => join(out, "drivers", name)),
      ),
    ),
    installDriver(join(root, "bench/memory-disk"), join(out, "bench/drivers/memory-disk")), // for `ring3 bench` alone
    installDriver(join(root, "packages/host/escape"), join(out, "probe/drivers/escape")), // for `ring3 probe` alone
    installDriver(
      join(root, "packages/host/torture"),
      join(out, "probe/drivers/torture"), // for `ring3 torture` alone
      join(root, "setup/tortured-driver.ts"),
    ),
  ]);
  console.log(`processes: ${processes.join(", ")}, host; drivers: ${drivers.join(", ") || "none"}`);
}
