// Runs in: CLI. Owns: a mapping file while it is changed: whoever reads it finds the old one or the new one.
import {
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname } from "node:path";
import { sentence } from "@ring3/control/sentence";
import type { DeviceError } from "@ring3/core/errors";

const READABLE_BY_ALL = 0o644;

type Failure = NodeJS.ErrnoException;

/** Empty where there is none. Throws DeviceError. */
export function readMapping(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if ((error as Failure).code === "ENOENT") return "";
    throw sentence(
      "denied",
      `read ${file}: ${(error as Failure).message}; run this as root or as the file's owner`,
    );
  }
}

/** In place of `before`, which it held when it was read. Throws DeviceError. */
export function writeMapping(file: string, before: string, text: string): void {
  try {
    mkdirSync(dirname(file), { recursive: true });
    const place = linkedTo(file);
    if (readMapping(place) !== before)
      throw sentence(
        "busy",
        `write ${file}: somebody has changed it meanwhile; nothing was written, so try again`,
      );
    replace(place, text);
  } catch (error) {
    throw writeFailure(file, error as Failure);
  }
}

/** A link stays one: what it leads to is written. */
function linkedTo(file: string): string {
  try {
    return realpathSync(file);
  } catch {
    return file; // there is none yet
  }
}

function replace(file: string, text: string): void {
  const temporary = `${file}.${process.pid}.new`;
  const { O_WRONLY, O_CREAT, O_EXCL } = constants;
  const fd = openSync(temporary, O_WRONLY | O_CREAT | O_EXCL, READABLE_BY_ALL);
  try {
    keepOwner(fd, file);
    writeFileSync(fd, text);
    fsyncSync(fd);
    renameSync(temporary, file);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  } finally {
    closeSync(fd);
  }
}

function keepOwner(fd: number, file: string): void {
  const before = statSync(file, { throwIfNoEntry: false });
  if (before === undefined) return fchmodSync(fd, READABLE_BY_ALL); // whatever the umask: the manager may be another user
  if (before.uid !== process.geteuid!() || before.gid !== process.getegid!())
    fchownSync(fd, before.uid, before.gid);
  fchmodSync(fd, before.mode & 0o7777);
}

function writeFailure(file: string, error: Failure): DeviceError {
  if (error.name === "DeviceError") return error as DeviceError;
  const help =
    error.code === "EACCES" || error.code === "EPERM" || error.code === "EROFS"
      ? 'run this as root, or name a file that is yours with "mapping: FILE" in ring3.yaml'
      : "nothing was written";
  return sentence("denied", `write ${file}: ${error.message}; ${help}`);
}
