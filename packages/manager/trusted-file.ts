// Runs in: manager. Owns: nothing. The text of a file that nobody but root and ring3's own user can have put there: what it says is quoted to others.
import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readlinkSync,
  readSync,
  type Stats,
} from "node:fs";
import { dirname, join, resolve } from "node:path";

/** As many as Linux follows (path_resolution(7)). */
const LINKS_MAX = 40;
const [GROUP_WRITES, OTHERS_WRITE, STICKY] = [0o020, 0o002, 0o1000]; // inode(7)

/** Throws where there is none, where it is longer, and where others could have put it there. */
export function readTrusted(file: string, charactersMax: number): string {
  const place = trustedPlace(file);
  if (!lstatSync(place).isFile()) throw new Error("expected a file"); // first: opening some devices does something
  const fd = openSync(place, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
  try {
    const stat = fstatSync(fd);
    expectTrusted(place, stat);
    if (!stat.isFile()) throw new Error("expected a file");
    return readText(fd, charactersMax);
  } finally {
    closeSync(fd);
  }
}

/** Where the links on its way lead. Nobody else can change that way: each folder, each link and the file are checked. */
function trustedPlace(file: string): string {
  const rest = partsOf(resolve(file));
  let place = "/";
  let links = 0;
  for (let part = rest.shift(); part !== undefined; part = rest.shift()) {
    const next = part === ".." ? dirname(place) : join(place, part);
    const stat = lstatSync(next);
    expectTrusted(next, stat);
    if (!stat.isSymbolicLink()) {
      place = next;
      continue;
    }
    if (++links > LINKS_MAX) throw new Error(`${file}: expected at most ${LINKS_MAX} links`);
    const target = readlinkSync(next);
    rest.unshift(...partsOf(target));
    if (target.startsWith("/")) place = "/";
  }
  return place;
}

const partsOf = (path: string): string[] => path.split("/").filter((part) => part !== "" && part !== ".");

function expectTrusted(path: string, stat: Stats): void {
  if (stat.uid !== 0 && stat.uid !== process.geteuid!())
    throw new Error(`expected ${path} to be root's or ring3's own, found it to be user ${stat.uid}'s`);
  if (stat.isSymbolicLink() || (stat.isDirectory() && (stat.mode & STICKY) !== 0)) return; // only its owner replaces what is in it
  const foreign = stat.gid === process.getegid!() ? OTHERS_WRITE : OTHERS_WRITE | GROUP_WRITES;
  if ((stat.mode & foreign) !== 0) throw new Error(`expected that nobody else can write ${path}`);
}

/** Some files do not say how long they are. */
function readText(fd: number, charactersMax: number): string {
  const bytesMax = charactersMax * 4; // UTF-8
  const bytes = new Uint8Array(bytesMax + 1);
  let length = 0;
  for (let read = -1; read !== 0 && length < bytes.length; length += read)
    read = readSync(fd, bytes, length, bytes.length - length, null);
  if (length > bytesMax) throw new Error(`expected at most ${charactersMax} characters`);
  return new TextDecoder().decode(bytes.subarray(0, length));
}
