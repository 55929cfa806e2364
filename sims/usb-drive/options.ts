// Runs in: the usb-drive sim. Owns: nothing; the command line, checked.
import { oneOf, type Place, parseFlags, placeFlags, placeOf, UsageError } from "../usbip/options.ts";
import { packetBytes, type Speed } from "./descriptors.ts";
import { type Fault, parseFault } from "./faults.ts";

export interface DriveOptions {
  /** One for each LUN that has a file of its own; further LUNs get FILE.1, FILE.2 … */
  readonly images: readonly string[];
  readonly luns: number;
  readonly sectorBytes: 512 | 4096;
  readonly readOnly: boolean;
  readonly writeCache: boolean;
  readonly removable: boolean;
  readonly serial: string;
  readonly vendor: string;
  readonly product: string;
  readonly speed: Speed;
  readonly createBytes: number | undefined;
  readonly fatDemo: boolean;
}

export interface ProcessOptions extends Place {
  readonly faults: readonly Fault[];
  readonly drive: DriveOptions;
}

const driveFlags = {
  image: { type: "string", multiple: true },
  sector: { type: "string" },
  luns: { type: "string" },
  "read-only": { type: "boolean" },
  "write-cache": { type: "boolean" },
  removable: { type: "boolean" },
  serial: { type: "string" },
  vendor: { type: "string" },
  product: { type: "string" },
  speed: { type: "string" },
  create: { type: "string" },
  "fat-demo": { type: "boolean" },
} as const;

const processFlags = {
  ...driveFlags,
  ...placeFlags,
  fault: { type: "string", multiple: true },
} as const;

export const usage = `usb-drive --listen SOCKETPATH --image FILE [--image FILE]…
  [--create SIZE] [--fat-demo] [--sector 512|4096] [--luns N]
  [--read-only] [--write-cache] [--removable] [--speed high|super]
  [--serial S] [--vendor V] [--product P] [--port NAME] [--fault SPEC]…`;

const MAX_LUNS = 16; // bCBWLUN has four bits, BOT §5.1

/** `undefined`: help was asked for. */
export function parseProcess(argv: readonly string[]): ProcessOptions | undefined {
  const values = parseFlags(argv, processFlags);
  if (values.help) return undefined;
  const place = placeOf(values);
  const faults = (values.fault ?? []).map((spec) => {
    const fault = parseFault(spec);
    if (typeof fault === "string") throw new UsageError(`--fault: ${fault}`);
    return fault;
  });
  if (values.image === undefined) throw new UsageError("--image: expected a file, found none");
  return { ...place, faults, drive: driveOf(values, values.image[0]!) };
}

/** `plug` takes the options of a drive; without any, the drive that was there comes back. */
export function parsePlug(argv: readonly string[], before: DriveOptions): DriveOptions {
  if (argv.length === 0) return before;
  return driveOf({ image: [...before.images], ...parseFlags(argv, driveFlags) }, before.images[0]!);
}

function driveOf(values: ReturnType<typeof parseFlags<typeof driveFlags>>, first: string): DriveOptions {
  const images = values.image ?? [];
  const sector = oneOf("sector", values.sector ?? "512", ["512", "4096"]);
  const luns = Number(values.luns ?? Math.max(1, images.length));
  if (!Number.isInteger(luns) || luns < 1 || luns > MAX_LUNS)
    throw new UsageError(
      `--luns: expected a number from 1 to ${MAX_LUNS}, found ${JSON.stringify(values.luns ?? luns)}`,
    );
  if (images.length > luns)
    throw new UsageError(`--image: expected at most one for each of ${luns} LUNs, found ${images.length}`);
  return {
    images,
    luns,
    sectorBytes: sector === "512" ? 512 : 4096,
    readOnly: values["read-only"] ?? false,
    writeCache: values["write-cache"] ?? false,
    removable: values.removable ?? false,
    serial: printableAscii("serial", values.serial ?? serialOf(first), 100),
    vendor: printableAscii("vendor", values.vendor ?? "ring3", 8),
    product: printableAscii("product", values.product ?? "Simulated Drive", 16),
    speed: oneOf("speed", values.speed ?? "high", Object.keys(packetBytes) as Speed[]),
    createBytes: values.create === undefined ? undefined : sizeOf(values.create),
    fatDemo: values["fat-demo"] ?? false,
  };
}

/** What INQUIRY can carry (SPC-4 §4.3.1). */
function printableAscii(option: string, value: string, max: number): string {
  if (!/^[\x20-\x7e]*$/.test(value) || value.length === 0 || value.length > max)
    throw new UsageError(
      `--${option}: expected 1 to ${max} printable ASCII characters, found ${JSON.stringify(value)}`,
    );
  return value;
}

function sizeOf(text: string): number {
  const match = /^(\d{1,15})([KMGTkmgt]?)$/.exec(text);
  const size =
    match === null
      ? Number.NaN
      : Number(match[1]) * 1024 ** ["", "K", "M", "G", "T"].indexOf(match[2]!.toUpperCase());
  if (!Number.isSafeInteger(size) || size === 0)
    throw new UsageError(
      `--create: expected a size such as 64M or 3T (K, M, G, T are powers of 1024), found ${JSON.stringify(text)}`,
    );
  return size;
}

/** At least 12 digits of hexadecimal, upper case (BOT §4.1.1), the same for the same file: FNV-1a twice. */
function serialOf(path: string): string {
  const hash = (seed: number) => {
    let state = seed;
    for (const byte of Buffer.from(path)) state = Math.imul(state ^ byte, 0x01000193) >>> 0;
    return state.toString(16).toUpperCase().padStart(8, "0");
  };
  return hash(0x811c9dc5) + hash(0x01000193);
}
