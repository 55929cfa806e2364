// Runs in: tests. Owns: real jails around the real node, as a user of their own when root runs the tests. Needs bubblewrap and the addon.
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, closeSync, mkdtempSync, openSync, realpathSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { childrenOf } from "../process/pidfd.ts";
import { bwrapArguments, type JailFile, parseJailStatus } from "./bwrap.ts";
import { findBwrap, inside, runtimeFiles, stageRuntime, unreadable } from "./files.ts";
import { architectureOf } from "./seccomp.ts";
import { stageZeroFilter } from "./stage-zero.ts";

export const user =
  process.getuid!() === 0 ? { uid: 61000, gid: 61000 } : { uid: process.getuid!(), gid: process.getgid!() };

export interface Ending {
  code: number | null;
  signal: string | null;
  /** As bubblewrap reports it. */
  exitCode: number | undefined;
}

export interface Jailed {
  outer: ChildProcess;
  init: number;
  driver: number;
  /** Lines of standard output, once there are so many or no more will come. */
  said(lines: number): Promise<string[]>;
  ended: Promise<Ending>;
  complaints(): string;
}

/** What a jail is to run instead of the script, what it is to see, and an argument of bubblewrap's to leave out. */
export interface Change {
  command?: string[];
  files?: JailFile[];
  drop?: string;
}

export interface JailBed {
  /** A directory that the jail's user can read. The test removes it. */
  directory: string;
  /** Runs a script in a jail; returns once it has said its first line. Descriptor 3 inside is a socket. */
  jailed(script: string, change?: Change): Promise<Jailed>;
}

export async function prepareJails(): Promise<JailBed> {
  const directory = mkdtempSync(join(realpathSync(tmpdir()), "ring3-jail-"));
  chmodSync(directory, 0o755);
  const host = join(directory, "host.cjs");
  writeFileSync(host, "");
  const filter = join(directory, "filter");
  writeFileSync(filter, stageZeroFilter(architectureOf(process.arch)));
  const addon = join(import.meta.dirname, "../../../build/kernel.node");
  const all = await runtimeFiles({ node: process.execPath, host, code: [], addon });
  const staged = stageRuntime(unreadable(all, user), join(directory, "runtime"));
  const files = all.map((file) => staged.find(({ target }) => target === file.target) ?? file);
  const bwrap = findBwrap();

  const jailed = async (script: string, change: Change = {}): Promise<Jailed> => {
    writeFileSync(host, script);
    const args = bwrapArguments({
      files: change.files ?? files,
      command: change.command ?? [inside.node, inside.host],
      environment: { LANG: "C.UTF-8" },
      seccompFd: 4,
      statusFd: 5,
    }).filter((word) => word !== change.drop);
    const program = openSync(filter, "r");
    const outer = spawn(bwrap, args, {
      ...user,
      cwd: "/",
      env: { PATH: "/usr/bin", SECRET: "of the parent" },
      stdio: ["ignore", "pipe", "pipe", "pipe", program, "pipe"],
    });
    closeSync(program);
    const text = { out: "", err: "", status: "" };
    const [, stdout, stderr, , , status] = outer.stdio as unknown as NodeJS.ReadableStream[];
    stdout!.on("data", (data) => {
      text.out += data;
    });
    stderr!.on("data", (data) => {
      text.err += data;
    });
    status!.on("data", (data) => {
      text.status += data;
    });
    const ended = once(outer, "close").then(([code, signal]): Ending => {
      return { code, signal, exitCode: parseJailStatus(text.status).exitCode };
    });
    const said = async (lines: number): Promise<string[]> => {
      let more = true;
      const end = ended.then(() => {
        more = false;
      });
      while (more && text.out.split("\n").length <= lines) await Promise.race([once(stdout!, "data"), end]);
      return text.out.split("\n").slice(0, -1);
    };
    await said(1);
    // It may have spoken, and died, before bubblewrap's word of it has been read.
    let { init } = parseJailStatus(text.status);
    for (let over = false; init === undefined && !over; init = parseJailStatus(text.status).init)
      over = await Promise.race([once(status!, "data").then(() => false), ended.then(() => true)]);
    assert.ok(init !== undefined, `no jail: ${text.err}`);
    return { outer, init, driver: childrenOf(init)[0] ?? 0, said, ended, complaints: () => text.err };
  };
  return { directory, jailed };
}
