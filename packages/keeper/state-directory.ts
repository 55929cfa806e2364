// Runs in: keeper. Owns: the lock by which a state directory belongs to one ring3 at a time.

import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { DeviceError } from "@ring3/core/errors";
import { type Descriptor, lockFile } from "@ring3/kernel/fd/descriptor";

/** Others may pass through to a socket that they were given access to, and see nothing else. */
const MODE = 0o711;

/** Makes the directory where it is missing and locks it until this process ends. Throws DeviceError with the next step. */
export function claimStateDirectory(directory: string): Descriptor {
  const lockPath = join(directory, "lock");
  try {
    makeDirectory(directory);
    chmodSync(directory, MODE);
    writeFileSync(lockPath, "", { flag: "a", mode: 0o600 });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const next =
      code === "ENOSPC"
        ? "free some space there"
        : "choose a directory that you may write to with --state-dir DIR";
    throw new DeviceError(
      code === "ENOSPC" ? "no-space" : "denied",
      `state directory ${directory} (${code}): ${next}`,
    );
  }
  const lock = tryLock(lockPath, directory);
  writeFileSync(lockPath, `${process.pid}\n`);
  return lock;
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
