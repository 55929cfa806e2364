// Runs in: the usb-drive sim. Owns: nothing; the command line, checked.
import { parseArgs } from "node:util";
import { type Fault, parseFault } from "./faults.ts";
import { type Speed, speedCodes } from "./usbip.ts";

/** A mistake of whoever typed: exit code 2 on the command line, an answer on stdin. */
export class UsageError extends Error {}

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

export interface ProcessOptions {
  readonly listen: string;
  readonly port: string;
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
  listen: { type: "string" },
  port: { type: "string" },
  fault: { type: "string", multiple: true },
  help: { type: "boolean" },
} as const;

export const usage = `usb-drive --listen SOCKETPATH --image FILE [--image FILE]…
  [--sector 512|4096] [--luns N] [--read-only] [--write-cache] [--removable] [--serial S] [--vendor V] [--product P]
  [--port NAME] [--speed high|super] [--create SIZE] [--fat-demo] [--fault SPEC]…`;

const MAX_LUNS = 16; // bCBWLUN has four bits, BOT §5.1
const MAX_PORT_BYTES = 31; // a busid with its terminating zero, usbip_protocol.rst

/** `undefined`: help was asked for. */
export function parseProcess(argv: readonly string[]): ProcessOptions | undefined {
  const values = parse(argv, processFlags);
  if (values.help) return undefined;
  if (values.listen === undefined)
    throw new UsageError("--listen: expected the path of a socket, found none");
  const port = values.port ?? "1-1";
  if (!/^[A-Za-z0-9._-]+$/.test(port) || port.length > MAX_PORT_BYTES)
    throw new UsageError(
      `--port: expected at most ${MAX_PORT_BYTES} letters, digits, ".", "-" or "_", found ${JSON.stringify(port)}`,
    );
  const faults = (values.fault ?? []).map((spec) => {
    const fault = parseFault(spec);
    if (typeof fault === "string") throw new UsageError(`--fault: ${fault}`);
    return fault;
  });
  if (values.image === undefined) throw new UsageError("--image: expected a file, found none");
  return { listen: values.listen, port, faults, drive: driveOf(values, values.image[0]!) };
}

/** `plug` takes the options of a drive; without any, the drive that was there comes back. */
export function parsePlug(argv: readonly string[], before: DriveOptions): DriveOptions {
  if (argv.length === 0) return before;
  return driveOf({ image: [...before.images], ...parse(argv, driveFlags) }, before.images[0]!);
}

function parse<T extends typeof driveFlags>(argv: readonly string[], options: T) {
  try {
    return parseArgs({ args: [...argv], options, allowPositionals: false, strict: true }).values;
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

function driveOf(values: ReturnType<typeof parse<typeof driveFlags>>, first: string): DriveOptions {
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
    speed: oneOf("speed", values.speed ?? "high", Object.keys(speedCodes) as Speed[]),
    createBytes: values.create === undefined ? undefined : sizeOf(values.create),
    fatDemo: values["fat-demo"] ?? false,
  };
}

function oneOf<T extends string>(option: string, value: string, allowed: readonly T[]): T {
  const found = allowed.find((each) => each === value);
  if (found === undefined)
    throw new UsageError(`--${option}: expected ${allowed.join(" or ")}, found ${JSON.stringify(value)}`);
  return found;
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
