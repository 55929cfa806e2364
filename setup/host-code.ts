// Runs in: make setup, Node. Owns: build/host-code*.cache: what V8 makes of a host's code while it starts and rehearses, so that a host that
// starts need not make it again. Of each set of flags under which hosts run, one.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";
import { hostEdge } from "../packages/control/host-edge.ts";
import { callingPeer } from "../packages/control/peer.ts";
import { codeFiles } from "../packages/host/code.ts";
import { FrameSocket, socketPair } from "../packages/kernel/socket/frame-socket.ts";

/** Resolves once both caches are in place. Rejects where a host does not rehearse. */
export async function compileHostCode(out: string): Promise<void> {
  const recorder = join(out, `record-${process.pid}.cjs`);
  const entryPoints = [join(import.meta.dirname, "record-host.ts")];
  await build({
    entryPoints,
    outfile: recorder,
    bundle: true,
    platform: "node",
    format: "cjs",
    target: "node26",
  });
  await Promise.all([false, true].map((jitless) => record(recorder, out, jitless)));
  rmSync(recorder);
}

async function record(recorder: string, out: string, jitless: boolean): Promise<void> {
  const { code, cache } = codeFiles(out, jitless);
  const fresh = `${cache}.${process.pid}.tmp`;
  const [ours, theirs] = socketPair();
  const flags = jitless ? ["--jitless"] : [];
  const child = spawn(process.execPath, [...flags, recorder, code, fresh], {
    stdio: ["ignore", "inherit", "inherit", theirs.fd],
  });
  theirs.close();
  const exited = once(child, "exit");
  const ready = Promise.withResolvers<void>();
  const peer = callingPeer(hostEdge, new FrameSocket(ours), {
    ready: () => ready.resolve(),
    log() {},
    failed: ({ message }) => ready.reject(new Error(message)),
    disconnected() {},
    changed() {},
  });
  peer.signal.addEventListener("abort", () => ready.reject(peer.signal.reason));
  await ready.promise;
  await peer.call("rehearse", {});
  peer.close(); // it ends, and leaves the cache
  const [status] = await exited;
  if (status !== 0) throw new Error(`${cache}: the host that rehearses for it ended with ${status}`);
  renameSync(fresh, cache);
}
