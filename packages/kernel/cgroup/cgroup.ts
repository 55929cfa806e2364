// Runs in: manager. Owns: the part of the cgroup v2 tree below the manager's own group: one group a driver host, with its limits.
// Documentation/admin-guide/cgroup-v2.rst names the files.
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { systemError } from "@ring3/core/errors";

export interface GroupLimits {
  readonly memoryBytes: number;
  /** Of one processor. */
  readonly cpuPercent: number | undefined;
  /** Processes and threads. */
  readonly pids: number;
}

export interface Group {
  /** Whether the kernel has ended a process in it for using too much memory. */
  readonly outOfMemory: boolean;
  /** Once it has no process any more. */
  remove(): void;
}

const CPU_PERIOD_US = 100_000;
const NEEDED = ["memory", "pids"];

export class Cgroups {
  readonly #directory: string;
  /** It is ring3's own, and no service manager's. */
  readonly #made: boolean;

  private constructor(directory: string, made: boolean) {
    this.#directory = directory;
    this.#made = made;
  }

  /**
   * undefined where the tree below this process's group is not ring3's to arrange: no cgroup v2, no controllers in it, no right to write there,
   * or a group that is neither the root (a container, a machine without systemd) nor a service's own. `keeper`: its pid, by which this
   * ring3's groups are known among others'. `successor`: of a manager that has made them; else what ring3s have left that were killed, keeper and all, is
   * removed.
   */
  static own(keeper: string, successor: boolean, proc = "/proc"): Cgroups | undefined {
    const mount = / (\S+) cgroup2 /.exec(readFileSync(join(proc, "self/mounts"), "utf8"))?.[1];
    const path = /^0::(\/.*?)(?:\/supervisor)?$/m.exec(readFileSync(join(proc, "self/cgroup"), "utf8"))?.[1];
    if (mount === undefined || path === undefined) return undefined;
    if (path !== "/" && !path.endsWith(".service")) return undefined;
    const own = join(mount, path);
    try {
      const offered = readFileSync(join(own, "cgroup.controllers"), "utf8").trim().split(" ");
      if (!NEEDED.every((controller) => offered.includes(controller))) return undefined;
      accessSync(join(own, "cgroup.subtree_control"), constants.W_OK);
      // A group with processes of its own may not hand controllers on, unless it is the root: they move into a group beside the hosts'.
      if (path !== "/") moveAll(own, join(own, "supervisor"));
      const directory = path === "/" ? join(own, `ring3-${keeper}`) : own;
      if (directory !== own) {
        if (!successor) removeForsaken(own, keeper, proc);
        hand(own, offered);
        mkdirSync(directory, { recursive: true });
      }
      hand(directory, offered);
      return new Cgroups(directory, directory !== own);
    } catch {
      return undefined;
    }
  }

  /** Moves processes into a group of their own. What they hold already stays counted where it was. */
  enclose(name: string, pids: readonly number[], limits: GroupLimits): Group {
    const group = join(this.#directory, name);
    try {
      mkdirSync(group);
      writeFileSync(join(group, "memory.max"), String(limits.memoryBytes));
      writeFileSync(join(group, "pids.max"), String(limits.pids));
      if (existsSync(join(group, "memory.swap.max"))) writeFileSync(join(group, "memory.swap.max"), "0");
      if (limits.cpuPercent !== undefined && existsSync(join(group, "cpu.max")))
        writeFileSync(
          join(group, "cpu.max"),
          `${(limits.cpuPercent * CPU_PERIOD_US) / 100} ${CPU_PERIOD_US}`,
        );
      for (const pid of pids) writeFileSync(join(group, "cgroup.procs"), String(pid));
    } catch (error) {
      const { errno = 0 } = error as NodeJS.ErrnoException;
      throw systemError(`make a cgroup ${group}`, errno);
    }
    return this.group(name)!;
  }

  /** One that was made before; undefined where there is none. */
  group(name: string): Group | undefined {
    const group = join(this.#directory, name);
    if (!existsSync(group)) return undefined;
    return {
      get outOfMemory() {
        return /^oom_kill [1-9]/m.test(readFileSync(join(group, "memory.events"), "utf8"));
      },
      remove: () => rmdirSync(group),
    };
  }

  /** Once no host lives any more. */
  close(): void {
    if (this.#made) rmdirSync(this.#directory);
  }
}

/** A pid in use may be a keeper's, so its group is left alone; this ring3's own was another's that had the same pid. */
function removeForsaken(root: string, keeper: string, proc: string): void {
  for (const name of readdirSync(root)) {
    const [, pid] = /^ring3-(\d+)$/.exec(name) ?? [];
    if (pid === undefined || (pid !== keeper && existsSync(join(proc, pid)))) continue;
    const group = join(root, name);
    try {
      for (const host of readdirSync(group).filter((each) => each.startsWith("host-")))
        rmdirSync(join(group, host));
      rmdirSync(group);
    } catch {
      // somebody lives in it still, or another ring3 that begins was faster
    }
  }
}

function hand(group: string, offered: readonly string[]): void {
  const wanted = ["memory", "pids", "cpu"].filter((controller) => offered.includes(controller));
  writeFileSync(
    join(group, "cgroup.subtree_control"),
    wanted.map((controller) => `+${controller}`).join(" "),
  );
}

function moveAll(from: string, to: string): void {
  mkdirSync(to, { recursive: true });
  for (const pid of readFileSync(join(from, "cgroup.procs"), "utf8").split("\n").filter(Boolean))
    writeFileSync(join(to, "cgroup.procs"), pid);
}
