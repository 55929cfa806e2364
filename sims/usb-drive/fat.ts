// Runs in: the usb-drive sim, and whoever needs a file system to show. Owns: nothing; a pure builder of FAT16 and FAT32 volumes.
// Source: Microsoft FAT specification (fatgen103), sections named below. Little endian. No partition table.

export interface FatFile {
  readonly name: string;
  readonly bytes: Uint8Array;
}

export interface FatOptions {
  readonly sizeBytes: number;
  readonly sectorBytes: number;
  /** At most 11 characters. */
  readonly label: string;
  readonly files: readonly FatFile[];
  readonly volumeId?: number;
}

/** A part of the volume that is not all zeroes. */
export interface Extent {
  readonly offset: number;
  readonly bytes: Uint8Array;
}

interface Layout {
  readonly bits: 16 | 32;
  readonly sectorBytes: number;
  readonly sectors: number;
  readonly clusterSectors: number;
  readonly reservedSectors: number;
  readonly rootSectors: number; // FAT16 alone has a root directory outside the clusters
  readonly fatSectors: number;
  readonly clusters: number;
  readonly dataSector: number;
}

const FATS = 2;
const ENTRY_BYTES = 32;
const MEDIA = 0xf8; // fixed disk
const MIN_FAT16_CLUSTERS = 4085; // "FAT Type Determination": the number of clusters decides, nothing else
const MIN_FAT32_CLUSTERS = 65525;
const ROOT_ENTRIES = 512;
const ATTR_VOLUME_ID = 0x08;
const ATTR_ARCHIVE = 0x20;
const ATTR_LONG_NAME = 0x0f;
const DATE = ((2026 - 1980) << 9) | (1 << 5) | 1; // "Date and Time Formats"; a fixed one keeps the builder pure
const NAME_UNITS = 13; // UTF-16 units in one long-name entry

/** The volume as the extents to write over `sizeBytes` zeroes. Throws RangeError where the files or the size do not fit. */
export function makeFatImage(options: FatOptions): Extent[] {
  const layout = layOut(options.sizeBytes, options.sectorBytes);
  const clusterBytes = layout.clusterSectors * layout.sectorBytes;
  const table: number[] = [(end(layout) & ~0xff) | MEDIA, end(layout)];
  const extents: Extent[] = [];
  const place = (bytes: Uint8Array): number => {
    const first = table.length;
    const count = Math.ceil(bytes.length / clusterBytes);
    if (first + count > layout.clusters + 2)
      throw new RangeError(`files: ${options.sizeBytes} bytes are too few for them`);
    for (let i = 1; i <= count; i++) table.push(i === count ? end(layout) : first + i);
    const offset = layout.dataSector * layout.sectorBytes + (first - 2) * clusterBytes;
    if (count > 0) extents.push({ offset, bytes });
    return count > 0 ? first : 0;
  };

  const rootBytes = directoryBytes(options.files);
  const inClusters = layout.bits === 32;
  if (!inClusters && rootBytes > ROOT_ENTRIES * ENTRY_BYTES)
    throw new RangeError("files: too many for the root directory");
  const root = Buffer.alloc(inClusters ? Math.ceil(rootBytes / clusterBytes) * clusterBytes : rootBytes);
  const rootCluster = inClusters ? place(root) : 0;
  if (!inClusters)
    extents.push({ offset: (layout.dataSector - layout.rootSectors) * layout.sectorBytes, bytes: root });
  fillDirectory(root, options, place);

  for (let copy = 0; copy < FATS; copy++) {
    const sector = layout.reservedSectors + copy * layout.fatSectors;
    extents.push({ offset: sector * layout.sectorBytes, bytes: encodeTable(table, layout) });
  }
  extents.push(...bootSectors(layout, options, rootCluster, table.length));
  return extents;
}

/** The smallest clusters that give FAT16, or FAT32 where even the largest would be too many (32 KiB is the limit of both). */
function layOut(sizeBytes: number, sectorBytes: number): Layout {
  for (const bits of [16, 32] as const) {
    for (let clusterSectors = 1; clusterSectors * sectorBytes <= 32768; clusterSectors *= 2) {
      const layout = layOutAs(bits, sizeBytes, sectorBytes, clusterSectors);
      const fits =
        bits === 16
          ? layout.clusters >= MIN_FAT16_CLUSTERS && layout.clusters < MIN_FAT32_CLUSTERS
          : layout.clusters >= MIN_FAT32_CLUSTERS &&
            layout.clusters < 0x0ffffff5 &&
            sizeBytes / sectorBytes <= 0xffffffff;
      const small = bits === 32 || sizeBytes <= 512 * 1048576; // above, FAT32 wastes less
      if (fits && small) return layout;
    }
  }
  throw new RangeError(`sizeBytes: expected a size that FAT16 or FAT32 can have, found ${sizeBytes}`);
}

function layOutAs(bits: 16 | 32, sizeBytes: number, sectorBytes: number, clusterSectors: number): Layout {
  const sectors = Math.floor(sizeBytes / sectorBytes);
  const reservedSectors = bits === 16 ? 1 : 32;
  const rootSectors = bits === 16 ? (ROOT_ENTRIES * ENTRY_BYTES) / sectorBytes : 0;
  // Each cluster costs its sectors and an entry in each FAT.
  const entryBytes = bits / 8;
  const available = sectors - reservedSectors - rootSectors;
  const upper = Math.max(
    0,
    Math.floor((available * sectorBytes) / (clusterSectors * sectorBytes + FATS * entryBytes)),
  );
  const fatSectors = Math.ceil(((upper + 2) * entryBytes) / sectorBytes);
  const dataSector = reservedSectors + FATS * fatSectors + rootSectors;
  const clusters = Math.max(0, Math.floor((sectors - dataSector) / clusterSectors));
  return {
    bits,
    sectorBytes,
    sectors,
    clusterSectors,
    reservedSectors,
    rootSectors,
    fatSectors,
    clusters,
    dataSector,
  };
}

function end(layout: Layout): number {
  return layout.bits === 16 ? 0xffff : 0x0fffffff;
}

function encodeTable(table: readonly number[], { bits }: Layout): Uint8Array {
  const bytes = Buffer.alloc(table.length * (bits / 8));
  for (const [i, entry] of table.entries()) {
    if (bits === 16) bytes.writeUInt16LE(entry, i * 2);
    else bytes.writeUInt32LE(entry, i * 4);
  }
  return bytes;
}

/** "Boot Sector and BPB Structure", "FSInfo Sector Structure and Backup Boot Sector" */
function bootSectors(layout: Layout, options: FatOptions, rootCluster: number, nextFree: number): Extent[] {
  const fat32 = layout.bits === 32;
  const boot = Buffer.alloc(512);
  boot.set([0xeb, fat32 ? 0x58 : 0x3c, 0x90]);
  boot.write("RING3   ", 3, "latin1");
  boot.writeUInt16LE(layout.sectorBytes, 11);
  boot.writeUInt8(layout.clusterSectors, 13);
  boot.writeUInt16LE(layout.reservedSectors, 14);
  boot.writeUInt8(FATS, 16);
  boot.writeUInt16LE(fat32 ? 0 : ROOT_ENTRIES, 17);
  const small = !fat32 && layout.sectors < 65536;
  boot.writeUInt16LE(small ? layout.sectors : 0, 19);
  boot.writeUInt8(MEDIA, 21);
  boot.writeUInt16LE(fat32 ? 0 : layout.fatSectors, 22);
  boot.writeUInt16LE(63, 24); // a geometry for BIOS int 13h, as everybody writes
  boot.writeUInt16LE(255, 26);
  boot.writeUInt32LE(small ? 0 : layout.sectors, 32);
  if (fat32) {
    boot.writeUInt32LE(layout.fatSectors, 36);
    boot.writeUInt32LE(rootCluster, 44);
    boot.writeUInt16LE(1, 48); // FSInfo
    boot.writeUInt16LE(6, 50); // backup boot sector
  }
  const tail = fat32 ? 64 : 36;
  boot.writeUInt8(0x80, tail); // drive number
  boot.writeUInt8(0x29, tail + 2); // the next three fields are present
  boot.writeUInt32LE(options.volumeId ?? 0x52494e47, tail + 3);
  boot.write(label(options.label), tail + 7, "latin1");
  boot.write(fat32 ? "FAT32   " : "FAT16   ", tail + 18, "latin1");
  boot.writeUInt16LE(0xaa55, 510);
  if (!fat32) return [{ offset: 0, bytes: boot }];
  const info = Buffer.alloc(512);
  info.writeUInt32LE(0x41615252, 0);
  info.writeUInt32LE(0x61417272, 484);
  info.writeUInt32LE(layout.clusters + 2 - nextFree, 488);
  info.writeUInt32LE(nextFree, 492);
  info.writeUInt32LE(0xaa550000, 508);
  const at = (sector: number, bytes: Uint8Array) => ({ offset: sector * layout.sectorBytes, bytes });
  return [at(0, boot), at(1, info), at(6, boot), at(7, info)];
}

function directoryBytes(files: readonly FatFile[]): number {
  const entries = files.map((file, i) => longEntries(file.name, shortName(file.name, i)).length + 1);
  return (1 + entries.reduce((sum, each) => sum + each, 0)) * ENTRY_BYTES;
}

function fillDirectory(root: Buffer, options: FatOptions, place: (bytes: Uint8Array) => number): void {
  root.set(entry(label(options.label), ATTR_VOLUME_ID, 0, 0), 0);
  let at = ENTRY_BYTES;
  for (const [i, file] of options.files.entries()) {
    const short = shortName(file.name, i);
    for (const each of [
      ...longEntries(file.name, short),
      entry(short, ATTR_ARCHIVE, place(file.bytes), file.bytes.length),
    ]) {
      root.set(each, at);
      at += ENTRY_BYTES;
    }
  }
}

/** "FAT Directory Structure" */
function entry(name: string, attributes: number, cluster: number, size: number): Buffer {
  const bytes = Buffer.alloc(ENTRY_BYTES);
  bytes.write(name, 0, 11, "latin1");
  bytes.writeUInt8(attributes, 11);
  bytes.writeUInt16LE(DATE, 16); // created
  bytes.writeUInt16LE(DATE, 18); // accessed
  bytes.writeUInt16LE(cluster >>> 16, 20);
  bytes.writeUInt16LE(DATE, 24); // written
  bytes.writeUInt16LE(cluster & 0xffff, 26);
  bytes.writeUInt32LE(size, 28);
  return bytes;
}

function label(text: string): string {
  const upper = text.toUpperCase();
  if (!/^[A-Z0-9 _-]{1,11}$/.test(upper))
    throw new RangeError(
      `label: expected 1 to 11 letters, digits, spaces, "_" or "-", found ${JSON.stringify(text)}`,
    );
  return upper.padEnd(11);
}

const PLAIN = /^([A-Z0-9_-]{1,8})(?:\.([A-Z0-9_-]{1,3}))?$/;

/** The name as 8+3 padded characters; one that does not fit becomes BASIS~N, N from its place in the directory. */
function shortName(name: string, index: number): string {
  const plain = PLAIN.exec(name);
  if (plain !== null) return plain[1]!.padEnd(8) + (plain[2] ?? "").padEnd(3);
  const dot = name.lastIndexOf(".");
  const clean = (part: string) => part.toUpperCase().replace(/[^A-Z0-9_-]/g, "");
  const tail = `~${index + 1}`;
  const basis = clean(dot > 0 ? name.slice(0, dot) : name).slice(0, 8 - tail.length);
  return (
    (basis + tail).padEnd(8) +
    clean(dot > 0 ? name.slice(dot + 1) : "")
      .slice(0, 3)
      .padEnd(3)
  );
}

/** "FAT Long Directory Entries"; none for a name that is short already. */
function longEntries(name: string, short: string): Buffer[] {
  if (PLAIN.test(name)) return [];
  if (name.length > 255 || /[\\/:*?"<>|\p{Cc}]/u.test(name))
    throw new RangeError(`files: ${JSON.stringify(name)} is no FAT name`);
  const checksum = Buffer.from(short, "latin1").reduce(
    (sum, byte) => (((sum & 1) << 7) + (sum >> 1) + byte) & 0xff,
    0,
  );
  const count = Math.ceil(name.length / NAME_UNITS);
  const units = Buffer.alloc(count * NAME_UNITS * 2, 0xff);
  units.write(name, 0, "utf16le");
  if (name.length < count * NAME_UNITS) units.writeUInt16LE(0, name.length * 2);
  return Array.from({ length: count }, (_, i) => {
    const order = count - i;
    const bytes = Buffer.alloc(ENTRY_BYTES);
    const from = (order - 1) * NAME_UNITS * 2;
    bytes.writeUInt8(i === 0 ? order | 0x40 : order, 0); // the last part comes first and says so
    units.copy(bytes, 1, from, from + 10);
    bytes.writeUInt8(ATTR_LONG_NAME, 11);
    bytes.writeUInt8(checksum, 13);
    units.copy(bytes, 14, from + 10, from + 22);
    units.copy(bytes, 28, from + 22, from + 26);
    return bytes;
  });
}
