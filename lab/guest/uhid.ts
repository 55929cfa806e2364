// Runs in: lab guest, a program of its own: `node uhid.ts KIND UNIQ`. Owns: one HID device that the kernel takes for a real one (linux/uhid.h;
// Documentation/hid/uhid.rst), until it ends. Knows nothing of ring3.
//
// Reads from its standard input, a line each: "send HEX", an input report. Writes "ready" once the kernel has made the device, "open" and "close" when it
// is listened to and when not, "output HEX", "set feature ID HEX" and "get feature ID" for what it is asked.
import { constants, openSync, readSync, writeSync } from "node:fs";
import { createInterface } from "node:readline";

const LOOK_MS = 5; // a read that blocked in Node's thread pool would keep the program from ending

const UHID_START = 2;
const UHID_OPEN = 4;
const UHID_CLOSE = 5;
const UHID_OUTPUT = 6;
const UHID_GET_REPORT = 9;
const UHID_GET_REPORT_REPLY = 10;
const UHID_CREATE2 = 11;
const UHID_INPUT2 = 12;
const UHID_SET_REPORT = 13;
const UHID_SET_REPORT_REPLY = 14;
const DATA_MAX = 4096; // UHID_DATA_MAX, and HID_MAX_DESCRIPTOR_SIZE
const EVENT_BYTES = 4 + 128 + 64 + 64 + 2 + 2 + 4 * 4 + DATA_MAX; // struct uhid_event: its largest member is create2
const BUS_BLUETOOTH = 5; // linux/input.h
const EAGAIN = "EAGAIN";

interface Kind {
  readonly name: string;
  readonly vendor: number;
  readonly product: number;
  readonly descriptor: readonly number[];
  /** By their ids: what it answers, the id first where it has one. */
  readonly features: Readonly<Record<number, readonly number[]>>;
}

const kinds: Readonly<Record<string, Kind>> = {
  // Two sticks and eight buttons in report 1, two motors in output report 2, a byte to be read and written in feature report 3.
  gamepad: {
    name: "Lab Gamepad",
    vendor: 0x1209,
    product: 0x0101,
    descriptor: [
      ...[0x05, 0x01, 0x09, 0x05, 0xa1, 0x01, 0x85, 0x01],
      ...[
        0x09, 0x30, 0x09, 0x31, 0x09, 0x32, 0x09, 0x35, 0x15, 0x00, 0x26, 0xff, 0x00, 0x75, 0x08, 0x95, 0x04,
      ],
      ...[0x81, 0x02, 0x05, 0x09, 0x19, 0x01, 0x29, 0x08, 0x25, 0x01, 0x75, 0x01, 0x95, 0x08, 0x81, 0x02],
      ...[0x06, 0x00, 0xff, 0x85, 0x02, 0x09, 0x01, 0x26, 0xff, 0x00, 0x75, 0x08, 0x95, 0x02, 0x91, 0x02],
      ...[0x85, 0x03, 0x09, 0x02, 0x95, 0x01, 0xb1, 0x02, 0xc0],
    ],
    features: { 3: [3, 0x5a] },
  },
  // A boot keyboard's reports, without ids: HID 1.11 appendix E.6.
  keyboard: {
    name: "Lab Keyboard",
    vendor: 0x1209,
    product: 0x0102,
    descriptor: [
      ...[0x05, 0x01, 0x09, 0x06, 0xa1, 0x01],
      ...[0x05, 0x07, 0x19, 0xe0, 0x29, 0xe7, 0x15, 0x00, 0x25, 0x01, 0x75, 0x01, 0x95, 0x08, 0x81, 0x02],
      ...[0x95, 0x01, 0x75, 0x08, 0x81, 0x01],
      ...[0x95, 0x05, 0x75, 0x01, 0x05, 0x08, 0x19, 0x01, 0x29, 0x05, 0x91, 0x02, 0x95, 0x01, 0x75, 0x03],
      ...[0x91, 0x01, 0x95, 0x06, 0x75, 0x08, 0x15, 0x00, 0x25, 0x65, 0x05, 0x07, 0x19, 0x00, 0x29, 0x65],
      ...[0x81, 0x00, 0xc0],
    ],
    features: {},
  },
  // Three buttons and two axes, without ids: HID 1.11 appendix E.10.
  mouse: {
    name: "Lab Mouse",
    vendor: 0x1209,
    product: 0x0103,
    descriptor: [
      ...[0x05, 0x01, 0x09, 0x02, 0xa1, 0x01, 0x09, 0x01, 0xa1, 0x00],
      ...[0x05, 0x09, 0x19, 0x01, 0x29, 0x03, 0x15, 0x00, 0x25, 0x01, 0x95, 0x03, 0x75, 0x01, 0x81, 0x02],
      ...[0x95, 0x01, 0x75, 0x05, 0x81, 0x01],
      ...[0x05, 0x01, 0x09, 0x30, 0x09, 0x31, 0x15, 0x81, 0x25, 0x7f, 0x75, 0x08, 0x95, 0x02, 0x81, 0x06],
      ...[0xc0, 0xc0],
    ],
    features: {},
  },
};

const [kindName = "", uniq = ""] = process.argv.slice(2);
const kind = kinds[kindName];
if (kind === undefined) throw new Error(`uhid: "${kindName}" is none of ${Object.keys(kinds).join(", ")}`);
const features = new Map(Object.entries(kind.features).map(([id, data]) => [Number(id), Buffer.from(data)]));
const fd = openSync("/dev/uhid", constants.O_RDWR | constants.O_NONBLOCK);
const say = (line: string): void => void process.stdout.write(`${line}\n`);

function event(type: number, fill: (bytes: Buffer) => void): void {
  const bytes = Buffer.alloc(EVENT_BYTES);
  bytes.writeUInt32LE(type, 0);
  fill(bytes);
  writeSync(fd, bytes);
}

function create({ name, vendor, product, descriptor }: Kind): void {
  event(UHID_CREATE2, (bytes) => {
    bytes.write(name, 4);
    bytes.write("00:00:5e:00:53:01", 4 + 128); // phys: an adapter's address, of those for documentation (RFC 7042)
    bytes.write(uniq, 4 + 128 + 64);
    const at = 4 + 128 + 64 + 64;
    bytes.writeUInt16LE(descriptor.length, at);
    bytes.writeUInt16LE(BUS_BLUETOOTH, at + 2);
    bytes.writeUInt32LE(vendor, at + 4);
    bytes.writeUInt32LE(product, at + 8);
    bytes.writeUInt32LE(0x0110, at + 12); // version
    bytes.set(descriptor, at + 20);
  });
}

function input(report: Buffer): void {
  event(UHID_INPUT2, (bytes) => {
    bytes.writeUInt16LE(report.length, 4);
    bytes.set(report, 6);
  });
}

/** struct uhid_get_report_req: id, rnum, rtype. */
function getReport(id: number, number: number): void {
  const answer = features.get(number);
  event(UHID_GET_REPORT_REPLY, (bytes) => {
    bytes.writeUInt32LE(id, 4);
    bytes.writeUInt16LE(answer === undefined ? 5 : 0, 8); // EIO
    bytes.writeUInt16LE(answer?.length ?? 0, 10);
    if (answer !== undefined) bytes.set(answer, 12);
  });
}

/** struct uhid_set_report_req: id, rnum, rtype, size, data. */
function setReport(id: number, number: number, data: Buffer): void {
  features.set(number, Buffer.from(data));
  event(UHID_SET_REPORT_REPLY, (bytes) => {
    bytes.writeUInt32LE(id, 4);
    bytes.writeUInt16LE(0, 8);
  });
}

function heard(bytes: Buffer): void {
  const type = bytes.readUInt32LE(0);
  if (type === UHID_START) say("ready");
  else if (type === UHID_OPEN) say("open");
  else if (type === UHID_CLOSE) say("close");
  else if (type === UHID_OUTPUT) {
    const size = bytes.readUInt16LE(4 + DATA_MAX);
    say(`output ${bytes.subarray(4, 4 + size).toString("hex")}`);
  } else if (type === UHID_GET_REPORT) {
    say(`get feature ${bytes[8]}`);
    getReport(bytes.readUInt32LE(4), bytes[8]!);
  } else if (type === UHID_SET_REPORT) {
    const size = bytes.readUInt16LE(10);
    const data = bytes.subarray(12, 12 + size);
    say(`set feature ${bytes[8]} ${data.toString("hex")}`);
    setReport(bytes.readUInt32LE(4), bytes[8]!, data);
  }
}

function look(): void {
  const bytes = Buffer.alloc(EVENT_BYTES);
  try {
    for (;;) {
      bytes.fill(0);
      readSync(fd, bytes);
      heard(bytes);
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== EAGAIN) throw error;
  }
}

create(kind);
setInterval(look, LOOK_MS);
createInterface(process.stdin)
  .on("line", (line) => {
    const [, hex] = /^send ((?:[0-9a-f]{2})+)$/.exec(line) ?? [];
    if (hex === undefined) throw new Error(`uhid: "${line}" is no "send HEX"`);
    input(Buffer.from(hex, "hex"));
  })
  .on("close", () => process.exit(0));
