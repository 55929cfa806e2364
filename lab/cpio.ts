// Runs in: lab, outside the guest. Pure. Writes a cpio archive, the kernel's initramfs format.

export interface Entry {
  name: string; // without a leading slash
  mode: number; // type and permissions, as in stat(2)
  data?: Uint8Array;
}

const MAGIC = "070701"; // "newc", Linux Documentation/driver-api/early-userspace/buffer-format.rst
export const DIRECTORY = 0o040755;
export const FILE = 0o100644;
export const PROGRAM = 0o100755;

const padded = (bytes: Uint8Array): Buffer => Buffer.concat([bytes, Buffer.alloc(-bytes.length & 3)]);

function member({ name, mode, data = new Uint8Array() }: Entry, inode: number): Buffer[] {
  // c_ino, c_mode, c_uid, c_gid, c_nlink, c_mtime, c_filesize, c_maj, c_min, c_rmaj, c_rmin, c_namesize, c_chksum
  const fields = [inode, mode, 0, 0, 1, 0, data.length, 0, 0, 0, 0, Buffer.byteLength(name) + 1, 0];
  const header = MAGIC + fields.map((field) => field.toString(16).padStart(8, "0")).join("");
  return [padded(Buffer.from(`${header}${name}\0`)), padded(data)];
}

export function cpio(entries: readonly Entry[]): Buffer {
  const members = entries.flatMap((entry, index) => member(entry, index + 1));
  return Buffer.concat([...members, ...member({ name: "TRAILER!!!", mode: 0 }, 0)]);
}
