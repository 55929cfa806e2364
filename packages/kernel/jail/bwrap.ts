// Runs in: the manager. Owns: the words in which a jail is asked of bubblewrap 0.8, and what bubblewrap reports about it. Pure.
import { DeviceError } from "@ring3/core/errors";

/** A file of the machine and where it lies inside. Both absolute. */
export interface JailFile {
  readonly source: string;
  readonly target: string;
}

export interface Jail {
  /** Everything the process inside can open, read-only; /dev/null is added. */
  readonly files: readonly JailFile[];
  /** Program and arguments, by their paths inside. */
  readonly command: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly hostname?: string;
  /** Open in the process that becomes bubblewrap: where it reads the filter, and where it writes its status. Neither reaches the inside. */
  readonly seccompFd: number;
  readonly statusFd: number;
}

/** Bubblewrap's arguments. The user id is to be set before bubblewrap is executed: inside, it stays the same and is the only one there is. */
export function bwrapArguments(jail: Jail): string[] {
  if (jail.command.length === 0) throw new DeviceError("invalid", "a jail without a command");
  const environment = Object.entries(jail.environment ?? {});
  for (const { source, target } of jail.files) {
    for (const path of [source, target])
      if (!/^\/[^\0]*$/.test(path) || path.split("/").includes(".."))
        throw new DeviceError("invalid", `path "${path}" of a jail`);
  }
  return [
    // A user namespace makes the others possible without privilege; no further one can be made inside.
    ...["--unshare-user", "--disable-userns"],
    ...["--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"],
    ...["--hostname", jail.hostname ?? "ring3"],
    "--die-with-parent",
    "--new-session", // no controlling terminal to type into
    ...["--cap-drop", "ALL"],
    "--clearenv",
    ...environment.flatMap(([name, value]) => ["--setenv", name, value]),
    ...jail.files.flatMap(({ source, target }) => ["--ro-bind", source, target]),
    ...["--dev-bind", "/dev/null", "/dev/null"], // node opens it when a standard descriptor is missing
    ...["--remount-ro", "/"], // after the mount points were made
    ...["--chdir", "/"],
    ...["--seccomp", String(jail.seccompFd)],
    ...["--json-status-fd", String(jail.statusFd)],
    "--",
    ...jail.command,
  ];
}

/**
 * What bubblewrap has said on its status descriptor so far. `init` is the pid, as seen from outside, of the sandbox's process 1:
 * its end is the end of all inside, so it is the one to kill and to wait for; the command is its only child. `exitCode` comes
 * when the command ended, 128 + n after signal n; a killed bubblewrap leaves none.
 */
export interface JailStatus {
  readonly init: number | undefined;
  readonly exitCode: number | undefined;
}

export function parseJailStatus(text: string): JailStatus {
  let status: JailStatus = { init: undefined, exitCode: undefined };
  for (const line of text.split("\n").slice(0, -1)) {
    const said = parseLine(line);
    status = {
      init: status.init ?? whole(said["child-pid"]),
      exitCode: status.exitCode ?? whole(said["exit-code"]),
    };
  }
  return status;
}

function parseLine(line: string): Record<string, unknown> {
  try {
    return Object(JSON.parse(line));
  } catch (cause) {
    throw new DeviceError("protocol", `status line of bubblewrap: "${line.slice(0, 100)}"`, { cause });
  }
}

const whole = (value: unknown): number | undefined =>
  Number.isSafeInteger(value) ? (value as number) : undefined;
