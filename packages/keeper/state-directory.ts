// Runs in: keeper. Owns: the lock by which a state directory belongs to one ring3 at a time.

import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { DeviceError } from "@ring3/core/errors";
import { type Descriptor, lockFile } from "@ring3/kernel/fd/descriptor";

/** Others may pass through to a socket that they were given access to, and see nothing else. */
const MODE = 0o711;
const PASS_THROUGH = 0o111;
const OTHERS_WRITE = 0o022;
/** As /tmp has it: others may put links where we would write (inode(7)). */
const STICKY = 0o1000;

/** Makes the directory where it is missing and locks it until this process ends. Throws DeviceError with the next step. */
export function claimStateDirectory(directory: string): Descriptor {
  const lockPath = join(directory, "lock");
  return inDirectory(directory, () => {
    makeDirectory(directory);
    letThrough(directory);
    writeFileSync(lockPath, "", { flag: "a", mode: 0o600 });
    const lock = tryLock(lockPath, directory);
    writeFileSync(lockPath, `${process.pid}\n`);
    return lock;
  });
}

function inDirectory<T>(directory: string, run: () => T): T {
  try {
    return run();
  } catch (error) {
    if (error instanceof DeviceError) throw error;
    const { code } = error as NodeJS.ErrnoException;
    const full = code === "ENOSPC" || code === "EDQUOT";
    const next = full
      ? "free some space there"
      : "choose a directory that you may write to with --state-dir DIR";
    throw new DeviceError(full ? "no-space" : "denied", `state directory ${directory} (${code}): ${next}`);
  }
}

/** One that was there before keeps who may list it; what is no directory, or everybody's, is left as it is. */
function letThrough(directory: string): void {
  const stats = statSync(directory);
  if (!stats.isDirectory()) throw Object.assign(new Error(), { code: "ENOTDIR" });
  if ((stats.mode & STICKY) !== 0)
    throw new DeviceError(
      "denied",
      `state directory ${directory} is everybody's: choose one below it with --state-dir DIR`,
    );
  const mode = ((stats.mode & 0o777) | PASS_THROUGH) & ~OTHERS_WRITE;
  if (mode !== (stats.mode & 0o777)) chmodSync(directory, mode);
}

/** mkdirSync's own `recursive` never returns where a parent exists and takes no entries, as in /proc. */
function makeDirectory(directory: string): void {
  try {
    mkdirSync(directory, { mode: MODE });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EEXIST") return;
    if (code !== "ENOENT" || existsSync(dirname(directory))) throw error;
    makeDirectory(dirname(directory));
    mkdirSync(directory, { mode: MODE });
  }
}

function tryLock(lockPath: string, directory: string): Descriptor {
  try {
    return lockFile(lockPath);
  } catch (error) {
    if ((error as DeviceError).kind !== "busy" && (error as DeviceError).errno !== 11) throw error; // EAGAIN
    const holder = readFileSync(lockPath, "utf8").trim() || "unknown";
    throw new DeviceError(
      "busy",
      `ring3 already runs in ${directory} (process ${holder}): stop it, or choose another --state-dir DIR`,
    );
  }
}
