// Runs in: the manager, at its start. Owns: which files a driver host must see, and whether the host's user may read them.
import { execFile } from "node:child_process";
import {
  accessSync,
  chmodSync,
  constants,
  copyFileSync,
  mkdirSync,
  realpathSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
  utimesSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { promisify } from "node:util";
import { DeviceError } from "@ring3/core/errors";
import type { JailFile } from "./bwrap.ts";

/** Where a driver host finds its own files. */
export const inside = { node: "/ring3/node", host: "/ring3/host.cjs", addon: "/ring3/kernel.node" } as const;

/** The parts of a driver host as they lie on this machine. */
export interface RuntimePaths {
  readonly node: string;
  readonly host: string;
  /** What the host loads, each by its own name beside it. */
  readonly code: readonly string[];
  readonly addon: string;
}

/** Bubblewrap's path, or which package to install. */
export function findBwrap(searchPath: string = process.env.PATH ?? "", fallback = "/usr/bin"): string {
  for (const directory of [...searchPath.split(":"), fallback]) {
    if (!directory.startsWith("/")) continue; // never a program out of the current directory
    const path = join(directory, "bwrap");
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // not here
    }
  }
  throw new DeviceError(
    "unsupported",
    "bubblewrap, which jails the drivers, is not installed (apt-get install bubblewrap)",
  );
}

/** The libraries in ldd's answer, at the paths where the loader looks for them, the loader itself included. */
export function parseLdd(text: string, file: string): string[] {
  const paths: string[] = [];
  for (const line of text.split("\n")) {
    const missing = /^\s*(\S+) => not found/.exec(line)?.[1];
    if (missing !== undefined)
      throw new DeviceError(
        "unsupported",
        `${file} needs the shared library ${missing}, which is not installed`,
      );
    const path = /^\s*(?:\S+ => )?(\/.+) \(0x[0-9a-f]+\)$/.exec(line)?.[1];
    if (path !== undefined) paths.push(path);
  }
  return paths;
}

async function librariesOf(file: string): Promise<string[]> {
  try {
    const { stdout } = await promisify(execFile)("ldd", [file], {
      env: { PATH: "/usr/bin:/bin", LC_ALL: "C" },
    });
    return parseLdd(stdout, file);
  } catch (cause) {
    if (cause instanceof DeviceError) throw cause;
    throw new DeviceError("io", `ask ldd for the shared libraries of ${file}`, { cause });
  }
}

/** Everything a driver host must see: node, host and its code, addon, and the shared libraries of both binaries. Sources are free of links. */
export async function runtimeFiles(paths: RuntimePaths): Promise<JailFile[]> {
  const libraries = new Set([...(await librariesOf(paths.node)), ...(await librariesOf(paths.addon))]);
  const parts = (["node", "host", "addon"] as const).map((part) => ({
    source: paths[part],
    target: inside[part],
  }));
  const code = paths.code.map((source) => ({ source, target: join(dirname(inside.host), basename(source)) }));
  return [...parts, ...code, ...[...libraries].map((path) => ({ source: path, target: path }))].map(
    ({ source, target }) => ({
      source: realpathSync(source),
      target,
    }),
  );
}

/** A user without supplementary groups. */
export interface User {
  readonly uid: number;
  readonly gid: number;
}

/** The first directory or file on the way to `path` that keeps `user` out, or undefined when none does. `path` is free of links. */
export function obstacle(path: string, user: User): string | undefined {
  const way = [path];
  for (let at = path; at !== "/"; ) {
    at = dirname(at);
    way.unshift(at);
  }
  return way.find((part) => !permits(statSync(part), user, part === path ? 4 : 1));
}

// Ordinary permission bits, as the kernel applies them (path_resolution(7)); access control lists are not looked at.
function permits(stats: Stats, user: User, bit: number): boolean {
  const shift = stats.uid === user.uid ? 6 : stats.gid === user.gid ? 3 : 0;
  return ((stats.mode >> shift) & bit) !== 0;
}

/** The files that `user` cannot read. */
export function unreadable(files: readonly JailFile[], user: User): JailFile[] {
  return files.filter(({ source }) => obstacle(source, user) !== undefined);
}

/**
 * Copies files into `directory`, world-readable, and returns them with their new sources. A copy that is already there, as large
 * and as old as its original, is kept. The directory must belong to whoever runs ring3, with parents that all may pass.
 */
export function stageRuntime(files: readonly JailFile[], directory: string): JailFile[] {
  mkdirSync(directory, { recursive: true });
  chmodSync(directory, 0o755); // whatever the umask
  return files.map(({ source, target }) => {
    const copy = join(realpathSync(directory), target.slice(1).replaceAll("/", "-"));
    const original = statSync(source);
    if (!sameFile(copy, original)) {
      const half = join(dirname(copy), `.${basename(copy)}.${process.pid}`);
      try {
        copyFileSync(source, half, constants.COPYFILE_FICLONE);
        chmodSync(half, 0o755);
        utimesSync(half, original.atime, original.mtime);
        renameSync(half, copy);
      } finally {
        rmSync(half, { force: true });
      }
    }
    return { source: copy, target };
  });
}

function sameFile(copy: string, original: Stats): boolean {
  const there = statSync(copy, { throwIfNoEntry: false });
  return (
    there !== undefined && there.size === original.size && Math.abs(there.mtimeMs - original.mtimeMs) < 1
  );
}
