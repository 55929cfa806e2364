// Runs in: manager. Owns: nothing. Which processes have a device node open, by the kernel's list of everybody's descriptors (proc(5)).
import { readdirSync, readFileSync, readlinkSync, type Stats, statSync } from "node:fs";
import { join } from "node:path";
import { printable } from "@ring3/core/log";

export interface Opener {
  readonly node: string;
  readonly pid: number;
  /** What the program calls itself. */
  readonly name: string;
}

const PROC = "/proc";
/** They look at every new disk for a moment; a device that only they have open is in nobody's use. */
const LOOKS_ONLY = /udev/;

/** Sees other users' processes only as root. A descriptor of a node by another name below /dev counts as well. */
export function openersOf(nodes: readonly string[]): Opener[] {
  const wanted = nodes.flatMap((node) => {
    const stats = attempt(() => statSync(node));
    return stats === undefined ? [] : [{ node, key: keyOf(stats) }];
  });
  if (wanted.length === 0) return [];
  return entries(PROC)
    .filter((entry) => /^\d+$/.test(entry) && Number(entry) !== process.pid)
    .flatMap((entry) => {
      const keys = new Set(
        entries(join(PROC, entry, "fd")).map((fd) => keyBehind(join(PROC, entry, "fd", fd))),
      );
      const open = wanted.filter(({ key }) => keys.has(key));
      if (open.length === 0) return [];
      const name = attempt(() => readFileSync(join(PROC, entry, "comm"), "utf8").trim()) ?? "";
      return LOOKS_ONLY.test(name)
        ? []
        : open.map(({ node }) => ({ node, pid: Number(entry), name: printable(name) }));
    });
}

/** Only below /dev: the file system of any other file may not answer. */
function keyBehind(link: string): string | undefined {
  const path = attempt(() => readlinkSync(link));
  if (path === undefined || !path.startsWith("/dev/")) return undefined;
  const stats = attempt(() => statSync(link));
  return stats === undefined ? undefined : keyOf(stats);
}

/** A block and a character device of one number are two. */
const keyOf = (stats: Stats) => `${stats.isBlockDevice() ? "block" : "character"} ${stats.rdev}`;

const entries = (folder: string) => attempt(() => readdirSync(folder)) ?? [];

/** Processes end, and devices go, while one looks. */
function attempt<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch {
    return undefined;
  }
}
