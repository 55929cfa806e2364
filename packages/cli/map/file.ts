// Runs in: CLI. Owns: a mapping file while it is changed: whoever reads it finds the old one or the new one.
import {
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname } from "node:path";
import { MAPPING_CHARACTERS_MAX } from "@ring3/control/fields";
import { sentence } from "@ring3/control/sentence";
import type { DeviceError } from "@ring3/core/errors";

const READABLE_BY_ALL = 0o644;
/** Who may read and write it. */
const READ_AND_WRITE = 0o666;

type Failure = NodeJS.ErrnoException;

/** Empty where there is none. Throws DeviceError. */
export function readMapping(file: string): string {
  try {
    return readRegular(file);
  } catch (error) {
    if ((error as Failure).code === "ENOENT") return "";
    if ((error as Error).name === "DeviceError") throw error;
    throw sentence(
      "denied",
      `read ${file}: ${(error as Failure).message}; run this as root or as the file's owner`,
    );
  }
}

function readRegular(file: string): string {
  if (!statSync(file).isFile()) throw sentence("invalid", `read ${file}: it is no file`); // first: opening some devices does something
  const fd = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const bytesMax = MAPPING_CHARACTERS_MAX * 4; // UTF-8
    const bytes = new Uint8Array(bytesMax + 1);
    let length = 0;
    for (let read = -1; read !== 0 && length < bytes.length; length += read)
      read = readSync(fd, bytes, length, bytes.length - length, null);
    if (length > bytesMax)
      throw sentence("invalid", `read ${file}: expected at most ${MAPPING_CHARACTERS_MAX} characters`);
    return decoded(file, bytes.subarray(0, length));
  } finally {
    closeSync(fd);
  }
}

/** Whole, byte order mark and all: it is written back. */
function decoded(file: string, bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw sentence("invalid", `read ${file}: it is not UTF-8; write it as such first`, { cause });
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
  const before = lstatSync(file, { throwIfNoEntry: false });
  if (before === undefined) return fchmodSync(fd, READABLE_BY_ALL); // whatever the umask: the manager may be another user
  if (!before.isFile()) throw sentence("busy", `write ${file}: it is no file any more; nothing was written`);
  if (before.uid !== process.geteuid!() || before.gid !== process.getegid!())
    fchownSync(fd, before.uid, before.gid);
  fchmodSync(fd, before.mode & READ_AND_WRITE);
}

function writeFailure(file: string, error: Failure): DeviceError {
  if (error.name === "DeviceError") return error as DeviceError;
  const help =
    error.code === "EACCES" || error.code === "EPERM" || error.code === "EROFS"
      ? 'run this as root; a ring3 that runs as you may have a file of yours: "mapping: FILE" in ring3.yaml'
      : "nothing was written";
  return sentence("denied", `write ${file}: ${error.message}; ${help}`);
}
