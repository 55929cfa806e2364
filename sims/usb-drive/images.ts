// Runs in: the usb-drive sim. Owns: nothing; which image files a drive has, and making those that may be made.
import { closeSync, openSync, rmSync, statSync, truncateSync, writeSync } from "node:fs";
import { Image } from "./disk.ts";
import { makeFatImage } from "./fat.ts";
import type { DriveOptions } from "./options.ts";
import type { LogicalUnit } from "./scsi/unit.ts";

const FAT_DEMO_BYTES = 64 * 1048576;

/** LUNs beyond the given files have one of their own beside the first. */
export function imagePath(options: DriveOptions, lun: number): string {
  return options.images[lun] ?? `${options.images[0]}.${lun}`;
}

/** One for each LUN; all or an Error that says which and why. */
export function openImages(options: DriveOptions): Image[] {
  const images: Image[] = [];
  try {
    for (let lun = 0; lun < options.luns; lun++) images.push(openImage(options, lun, images[0]?.sizeBytes));
  } catch (error) {
    for (const image of images) void image.close();
    throw error;
  }
  return images;
}

export async function closeImages(units: readonly LogicalUnit[]): Promise<void> {
  await Promise.all(units.map((unit) => unit.image?.close()));
}

/** What comes back after `other-disk`: another serial, half the capacity, and nothing on it. */
export function otherDisk(options: DriveOptions, sizeBytes: number): DriveOptions {
  const { sectorBytes, serial } = options;
  const other = serial.endsWith("FFFF") ? "0000" : "FFFF";
  const sectors = Math.max(1, Math.floor(sizeBytes / sectorBytes / 2));
  const path = `${options.images[0]}.other`;
  rmSync(path, { force: true });
  return {
    ...options,
    images: [path],
    serial: serial.slice(0, -4) + other,
    createBytes: sectors * sectorBytes,
    fatDemo: false,
    readOnly: false,
  };
}

function openImage(options: DriveOptions, lun: number, firstBytes: number | undefined): Image {
  const path = imagePath(options, lun);
  const ours = lun >= options.images.length;
  const createBytes = ours ? firstBytes : options.createBytes;
  const missing = (statSync(path, { throwIfNoEntry: false })?.size ?? 0) === 0;
  if (missing && lun === 0 && options.fatDemo) writeFatDemo(path, createBytes ?? FAT_DEMO_BYTES, options);
  else if (missing && createBytes !== undefined) makeSparse(path, createBytes);
  return Image.open(path, options);
}

function makeSparse(path: string, bytes: number): void {
  try {
    closeSync(openSync(path, "a", 0o600));
    truncateSync(path, bytes);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new Error(`image ${path}: cannot be made: ${code}`, { cause: error });
  }
}

function writeFatDemo(path: string, sizeBytes: number, { sectorBytes }: DriveOptions): void {
  const text = (lines: string[]) => Buffer.from(`${lines.join("\r\n")}\r\n`);
  const image = makeFatImage({
    sizeBytes,
    sectorBytes,
    label: "RING3 DEMO",
    files: [
      {
        name: "README.TXT",
        bytes: text([
          "This drive does not exist: ring3's usb-drive simulation answers for it over USB/IP.",
          "The driver that reads it is a sandboxed process. Kill it while you copy: nothing is lost.",
        ]),
      },
      { name: "A file with a long name.txt", bytes: text(["Long names need several directory entries."]) },
      {
        name: "numbers.bin",
        bytes: Uint8Array.from({ length: 1048576 }, (_, i) => (i * 31 + (i >> 8)) & 0xff),
      },
    ],
  });
  makeSparse(path, sizeBytes);
  const fd = openSync(path, "r+");
  try {
    for (const { offset, bytes } of image) writeSync(fd, bytes, 0, bytes.length, offset);
  } finally {
    closeSync(fd);
  }
}
