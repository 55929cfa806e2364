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
/**
 * They look at every new device for a moment; one that only they have open is in nobody's use. A worker of udev's bears the daemon's name, or since
 * systemd 252 one of its own; eudev's daemon is udevd.
 */
const LOOKS_ONLY: ReadonlySet<string> = new Set(["(udev-worker)", "systemd-udevd", "udevd", "udevadm"]);

/**
 * Sees other users' processes only as root. A descriptor of a node by another name below /dev counts as well. `among`: the processes that are looked
 * at; all, to go through whose descriptors takes long.
 */
export function openersOf(nodes: readonly string[], among = processes()): Opener[] {
  const wanted = nodes.flatMap((node) => {
    const stats = attempt(() => statSync(node));
    return stats === undefined ? [] : [{ node, key: keyOf(stats) }];
  });
  if (wanted.length === 0) return [];
  return among.flatMap((pid) => {
    const folder = join(PROC, `${pid}`);
    const keys = new Set(entries(join(folder, "fd")).map((fd) => keyBehind(join(folder, "fd", fd))));
    const open = wanted.filter(({ key }) => keys.has(key));
    if (open.length === 0) return [];
    const name = attempt(() => readFileSync(join(folder, "comm"), "utf8").trim()) ?? "";
    return LOOKS_ONLY.has(name) ? [] : open.map(({ node }) => ({ node, pid, name: printable(name) }));
  });
}

function processes(): readonly number[] {
  return entries(PROC)
    .filter((entry) => /^\d+$/.test(entry))
    .map(Number)
    .filter((pid) => pid !== process.pid);
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
