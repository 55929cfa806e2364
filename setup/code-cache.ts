// Runs in: make setup, Node. Owns: build/host-code*.cache and the drivers' driver.cache: what V8 makes of a host's code and of a driver's while
// they start and rehearse, so that a host that starts need not make it again. It holds for the flags under which it was made.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";
import { DRIVER_CACHE, DRIVER_CODE } from "../packages/control/driver-files.ts";
import { hostEdge } from "../packages/control/host-edge.ts";
import { parseManifest } from "../packages/control/manifest.ts";
import { callingPeer } from "../packages/control/peer.ts";
import { codeFiles } from "../packages/host/code.ts";
import { FrameSocket, socketPair } from "../packages/kernel/socket/frame-socket.ts";

/** Resolves once both caches are in place. Rejects where a host does not rehearse. */
export async function compileHostCode(out: string): Promise<void> {
  await using recorder = await bundled("record-host.ts", out);
  await Promise.all([false, true].map((jitless) => record(recorder.file, out, jitless)));
}

/** Of ring3's own drivers: their code runs here without a jail. */
export async function compileDriverCode(out: string, folders: readonly string[]): Promise<void> {
  await using recorder = await bundled("record-driver.ts", out);
  await Promise.all(
    folders.map(async (folder) => {
      const manifest = parseManifest(readFileSync(join(folder, "driver.json"), "utf8"), folder);
      const cache = join(folder, DRIVER_CACHE);
      const fresh = `${cache}.${process.pid}.tmp`;
      const files = [join(folder, DRIVER_CODE), fresh];
      const child = spawn(
        process.execPath,
        [...flags(manifest.sandbox), recorder.file, manifest.name, ...files],
        {
          stdio: ["ignore", "inherit", "inherit"],
        },
      );
      const [status] = await once(child, "exit");
      if (status !== 0) throw new Error(`${cache}: the driver's rehearsal ended with ${status}`);
      renameSync(fresh, cache);
    }),
  );
}

const flags = (tier: "standard" | "strict") => (tier === "strict" ? ["--jitless"] : []);

/** A program of this folder as one file, until it is disposed of. */
async function bundled(entry: string, out: string): Promise<{ file: string } & AsyncDisposable> {
  const file = join(out, `${entry}-${process.pid}.cjs`);
  const entryPoints = [join(import.meta.dirname, entry)];
  await build({
    entryPoints,
    outfile: file,
    bundle: true,
    platform: "node",
    format: "cjs",
    target: "node26",
    logOverride: { "empty-import-meta": "silent" }, // as in bundle.ts
  });
  return { file, [Symbol.asyncDispose]: async () => rmSync(file) };
}

async function record(recorder: string, out: string, jitless: boolean): Promise<void> {
  const { code, cache } = codeFiles(out, jitless);
  const fresh = `${cache}.${process.pid}.tmp`;
  const [ours, theirs] = socketPair();
  const child = spawn(process.execPath, [...flags(jitless ? "strict" : "standard"), recorder, code, fresh], {
    stdio: ["ignore", "inherit", "inherit", theirs.fd],
  });
  theirs.close();
  const exited = once(child, "exit");
  const broken = Promise.withResolvers<never>();
  const peer = callingPeer(hostEdge, new FrameSocket(ours), {
    log() {},
    failed: ({ message }) => broken.reject(new Error(message)),
    disconnected() {},
    changed() {},
  });
  await Promise.race([peer.call("rehearse", {}), broken.promise]);
  peer.close(); // it ends, and leaves the cache
  const [status] = await exited;
  if (status !== 0) throw new Error(`${cache}: the host that rehearses for it ended with ${status}`);
  renameSync(fresh, cache);
}
