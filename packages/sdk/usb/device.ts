// Runs in: driver host, sdk/test. Owns: one USB device as a driver sees it: WebUSB's shape over a transport.
import type { Clock } from "@ring3/core/clock";
import { DeviceError } from "@ring3/core/errors";
import type { UsbDescriptors } from "@ring3/kernel/usb/descriptors";
import type { UsbTransport } from "@ring3/kernel/usb/transport";
import { type Outcome, ok, outcomeError } from "../outcome.ts";
import type { Wait } from "../wait.ts";
import { abandoned } from "./bounded.ts";
import { configurationOf, type MutableConfiguration, type MutableInterface } from "./configuration.ts";
import { rawUsb } from "./raw.ts";
import type {
  RawPacket,
  RawUsb,
  Setup,
  UsbBytes,
  UsbControlSetup,
  UsbDevice,
  UsbEndpoint,
  UsbInResult,
  UsbIsochronousInResult,
  UsbIsochronousOutResult,
  UsbOutResult,
  UsbStatus,
} from "./types.ts";

export interface UsbDeviceParts {
  readonly transport: UsbTransport;
  readonly clock: Clock;
  readonly descriptors: UsbDescriptors;
  readonly strings: {
    readonly manufacturer?: string | undefined;
    readonly product?: string | undefined;
    readonly serial?: string | undefined;
  };
  /** bConfigurationValue of the active configuration. */
  readonly configurationValue: number;
  /** The matched interface. */
  readonly interfaceNumber: number;
  /** Interfaces that the transport has claimed already. */
  readonly claimed?: readonly number[];
}

// bmRequestType, USB 2.0 table 9-2
const types = { standard: 0x00, class: 0x20, vendor: 0x40 } as const;
const recipients = { device: 0, interface: 1, endpoint: 2, other: 3 } as const;
const DIRECTION_IN = 0x80;

export function createUsbDevice(parts: UsbDeviceParts): UsbDevice {
  return new GrantedUsbDevice(parts);
}

class GrantedUsbDevice implements UsbDevice {
  readonly usbVersionMajor: number;
  readonly usbVersionMinor: number;
  readonly usbVersionSubminor: number;
  readonly deviceClass: number;
  readonly deviceSubclass: number;
  readonly deviceProtocol: number;
  readonly vendorId: number;
  readonly productId: number;
  readonly deviceVersionMajor: number;
  readonly deviceVersionMinor: number;
  readonly deviceVersionSubminor: number;
  readonly manufacturerName: string | undefined;
  readonly productName: string | undefined;
  readonly serialNumber: string | undefined;
  readonly configuration: MutableConfiguration;
  readonly configurations: readonly MutableConfiguration[];
  readonly matched: MutableInterface;
  readonly raw: RawUsb;
  readonly #transport: UsbTransport;
  readonly #clock: Clock;

  constructor(parts: UsbDeviceParts) {
    const { device } = parts.descriptors;
    // Version numbers are binary-coded decimals 0xJJMN: USB 2.0 table 9-8.
    this.usbVersionMajor = device.usbVersion >> 8;
    this.usbVersionMinor = (device.usbVersion >> 4) & 0x0f;
    this.usbVersionSubminor = device.usbVersion & 0x0f;
    this.deviceClass = device.deviceClass;
    this.deviceSubclass = device.deviceSubclass;
    this.deviceProtocol = device.deviceProtocol;
    this.vendorId = device.vendorId;
    this.productId = device.productId;
    this.deviceVersionMajor = device.deviceVersion >> 8;
    this.deviceVersionMinor = (device.deviceVersion >> 4) & 0x0f;
    this.deviceVersionSubminor = device.deviceVersion & 0x0f;
    this.manufacturerName = parts.strings.manufacturer;
    this.productName = parts.strings.product;
    this.serialNumber = parts.strings.serial;
    this.configurations = parts.descriptors.configurations.map(configurationOf);
    this.configuration = found(
      this.configurations.find(({ configurationValue }) => configurationValue === parts.configurationValue),
      `configuration ${parts.configurationValue}`,
    );
    this.matched = this.#interface(parts.interfaceNumber);
    for (const number of parts.claimed ?? []) this.#interface(number).claimed = true;
    this.#transport = parts.transport;
    this.#clock = parts.clock;
    this.raw = rawUsb(parts.transport, parts.clock, (number) => this.#endpoint(number, "in"));
  }

  async claimInterface(interfaceNumber: number, wait?: Wait): Promise<void> {
    const target = this.#interface(interfaceNumber);
    const what = `claim of interface ${interfaceNumber}`;
    ok(await abandoned(this.#clock, what, wait, () => this.#transport.claim(interfaceNumber)), what);
    target.claimed = true;
  }

  async releaseInterface(interfaceNumber: number, wait?: Wait): Promise<void> {
    const target = this.#interface(interfaceNumber);
    const what = `release of interface ${interfaceNumber}`;
    ok(await abandoned(this.#clock, what, wait, () => this.#transport.release(interfaceNumber)), what);
    target.claimed = false;
  }

  async selectAlternateInterface(interfaceNumber: number, setting: number, wait?: Wait): Promise<void> {
    const target = this.#interface(interfaceNumber);
    const what = `alternate setting ${setting} of interface ${interfaceNumber}`;
    const alternate = found(
      target.alternates.find(({ alternateSetting }) => alternateSetting === setting),
      what,
    );
    const select = () => this.#transport.setInterface(interfaceNumber, setting);
    ok(await abandoned(this.#clock, what, wait, select), what);
    target.alternate = alternate;
  }

  async controlTransferIn(setup: UsbControlSetup, length: number, wait?: Wait): Promise<UsbInResult> {
    const into = new Uint8Array(length);
    return inResult(
      await this.raw.controlIn(rawSetup(setup, DIRECTION_IN), into, wait),
      into,
      "control transfer",
    );
  }

  async controlTransferOut(setup: UsbControlSetup, data?: UsbBytes, wait?: Wait): Promise<UsbOutResult> {
    return outResult(await this.raw.controlOut(rawSetup(setup, 0), bytesOf(data), wait), "control transfer");
  }

  /** Bulk or interrupt, as the endpoint is. */
  async transferIn(endpointNumber: number, length: number, wait?: Wait): Promise<UsbInResult> {
    const into = new Uint8Array(length);
    const transfer =
      this.#endpoint(endpointNumber, "in").type === "interrupt" ? this.raw.interruptIn : this.raw.bulkIn;
    return inResult(
      await transfer(endpointNumber, into, wait),
      into,
      `transfer from endpoint ${endpointNumber}`,
    );
  }

  async transferOut(endpointNumber: number, data: UsbBytes, wait?: Wait): Promise<UsbOutResult> {
    const transfer =
      this.#endpoint(endpointNumber, "out").type === "interrupt" ? this.raw.interruptOut : this.raw.bulkOut;
    return outResult(
      await transfer(endpointNumber, bytesOf(data), wait),
      `transfer to endpoint ${endpointNumber}`,
    );
  }

  async isochronousTransferIn(
    endpointNumber: number,
    packetLengths: readonly number[],
    wait?: Wait,
  ): Promise<UsbIsochronousInResult> {
    const into = new Uint8Array(total(packetLengths));
    const outcome = await this.raw.isochronousIn(endpointNumber, into, Uint32Array.from(packetLengths), wait);
    ok(outcome, "isochronous transfer");
    let offset = 0;
    const packets = outcome.packets.map((packet, index) => {
      const result = { status: packetStatus(packet), data: new DataView(into.buffer, offset, packet.bytes) };
      offset += packetLengths[index]!;
      return result;
    });
    return { data: new DataView(into.buffer), packets };
  }

  async isochronousTransferOut(
    endpointNumber: number,
    data: UsbBytes,
    packetLengths: readonly number[],
    wait?: Wait,
  ): Promise<UsbIsochronousOutResult> {
    const lengths = Uint32Array.from(packetLengths);
    const outcome = await this.raw.isochronousOut(endpointNumber, bytesOf(data), lengths, wait);
    ok(outcome, "isochronous transfer");
    return {
      packets: outcome.packets.map((packet) => ({
        status: packetStatus(packet),
        bytesWritten: packet.bytes,
      })),
    };
  }

  async clearHalt(direction: "in" | "out", endpointNumber: number, wait?: Wait): Promise<void> {
    ok(await this.raw.clearHalt(direction, endpointNumber, wait), `clear halt of endpoint ${endpointNumber}`);
  }

  async reset(wait?: Wait): Promise<void> {
    ok(await this.raw.reset(wait), "reset");
    for (const each of this.configuration.interfaces)
      each.alternate =
        each.alternates.find(({ alternateSetting }) => alternateSetting === 0) ?? each.alternate;
  }

  #interface(number: number): MutableInterface {
    return found(
      this.configuration.interfaces.find(({ interfaceNumber }) => interfaceNumber === number),
      `interface ${number}`,
    );
  }

  #endpoint(number: number, direction: "in" | "out"): UsbEndpoint {
    const endpoints = this.configuration.interfaces.flatMap(({ alternate }) => alternate.endpoints);
    return found(
      endpoints.find((each) => each.endpointNumber === number && each.direction === direction),
      `endpoint ${number} ${direction}`,
    );
  }
}

function found<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new DeviceError("invalid", `${what}: the device has none`);
  return value;
}

function rawSetup(setup: UsbControlSetup, direction: number): Setup {
  const { request, value, index } = setup;
  return {
    requestType: direction | types[setup.requestType] | recipients[setup.recipient],
    request,
    value,
    index,
  };
}

function statusOf(outcome: Outcome, what: string): UsbStatus {
  switch (outcome.status) {
    case "ok":
    case "stall":
      return outcome.status;
    case "overflow":
      return "babble";
    case "gone":
    case "cancelled":
    case "timeout":
    case "error":
      throw outcomeError(outcome, what)!;
  }
}

function packetStatus(packet: RawPacket): UsbStatus {
  if (packet.status === "ok") return "ok";
  return packet.status === "overflow" ? "babble" : "stall"; // all that WebUSB can say of a lost packet
}

function inResult(outcome: Outcome, into: Uint8Array<ArrayBuffer>, what: string): UsbInResult {
  return { status: statusOf(outcome, what), data: new DataView(into.buffer, 0, outcome.bytes) };
}

function outResult(outcome: Outcome, what: string): UsbOutResult {
  return { status: statusOf(outcome, what), bytesWritten: outcome.bytes };
}

function bytesOf(data: UsbBytes | undefined): Uint8Array {
  if (data === undefined) return new Uint8Array(0);
  return ArrayBuffer.isView(data)
    ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    : new Uint8Array(data);
}

const total = (lengths: readonly number[]): number => lengths.reduce((sum, length) => sum + length, 0);
