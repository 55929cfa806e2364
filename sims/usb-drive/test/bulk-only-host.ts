// Runs in: tests. Owns: nothing; Bulk-Only commands as a plain host sends them, BOT §5.
import type { Reply, UsbipClient } from "../../usbip/test/usbip-client.ts";

export const EPIPE = -32;

export interface Status {
  readonly signature: number;
  readonly tag: number;
  readonly residue: number;
  readonly status: number;
}

let nextTag = 0x1000;

export function cbw(
  cdb: readonly number[],
  dataLength: number,
  isIn: boolean,
  lun = 0,
  tag = nextTag++,
): Buffer {
  const bytes = Buffer.alloc(31);
  bytes.write("USBC", 0, "latin1");
  bytes.writeUInt32LE(tag, 4);
  bytes.writeUInt32LE(dataLength, 8);
  bytes[12] = isIn ? 0x80 : 0;
  bytes[13] = lun;
  bytes[14] = cdb.length;
  bytes.set(cdb, 15);
  return bytes;
}

export function parseStatus({ data }: Reply): Status {
  return {
    signature: data.readUInt32LE(0),
    tag: data.readUInt32LE(4),
    residue: data.readUInt32LE(8),
    status: data[12]!,
  };
}

/** The CSW; a stall is cleared and asked again, once (BOT §5.3.2, figure 2). */
export async function readStatus(client: UsbipClient): Promise<Status> {
  const reply = await client.in(13);
  if (reply.status !== EPIPE) return parseStatus(reply);
  await clearHalt(client, 0x81);
  return parseStatus(await client.in(13));
}

export function clearHalt(client: UsbipClient, endpoint: number): Promise<Reply> {
  return client.control(0x02, 0x01, 0, endpoint);
}

export async function resetRecovery(client: UsbipClient): Promise<void> {
  await client.control(0x21, 0xff, 0, 0);
  await clearHalt(client, 0x81);
  await clearHalt(client, 0x02);
}

export interface Done extends Status {
  readonly data: Buffer;
  readonly dataStatus: number;
}

export async function none(client: UsbipClient, cdb: readonly number[], lun = 0): Promise<Done> {
  await client.out(cbw(cdb, 0, false, lun));
  return { ...(await readStatus(client)), data: Buffer.alloc(0), dataStatus: 0 };
}

export async function input(
  client: UsbipClient,
  cdb: readonly number[],
  length: number,
  lun = 0,
): Promise<Done> {
  await client.out(cbw(cdb, length, true, lun));
  const reply = await client.in(length);
  await (reply.status === EPIPE ? clearHalt(client, 0x81) : undefined);
  return { ...(await readStatus(client)), data: reply.data, dataStatus: reply.status };
}

export async function output(
  client: UsbipClient,
  cdb: readonly number[],
  data: Uint8Array,
  lun = 0,
): Promise<Done> {
  await client.out(cbw(cdb, data.length, false, lun));
  const reply = await client.out(data);
  await (reply.status === EPIPE ? clearHalt(client, 0x02) : undefined);
  return { ...(await readStatus(client)), data: Buffer.alloc(0), dataStatus: reply.status };
}

export function read10(lba: number, count: number): number[] {
  return [0x28, 0, ...u32(lba), 0, ...u16(count), 0];
}

export function write10(lba: number, count: number, fua = false): number[] {
  return [0x2a, fua ? 0x08 : 0, ...u32(lba), 0, ...u16(count), 0];
}

export const testUnitReady = [0, 0, 0, 0, 0, 0];
export const requestSense = [3, 0, 0, 0, 18, 0];
export const synchronizeCache = [0x35, 0, 0, 0, 0, 0, 0, 0, 0, 0];

/** Key, ASC and ASCQ in hexadecimal: "06/29/00". */
export async function sense(client: UsbipClient, lun = 0): Promise<string> {
  const { data } = await input(client, requestSense, 18, lun);
  return [data[2]! & 0x0f, data[12]!, data[13]!].map((byte) => byte.toString(16).padStart(2, "0")).join("/");
}

export function u16(value: number): [number, number] {
  return [value >> 8, value & 0xff];
}

export function u32(value: number): [number, number, number, number] {
  return [value >>> 24, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff];
}

/** Bytes that say where they belong. */
export function pattern(length: number, seed: number): Buffer {
  return Buffer.from(Uint8Array.from({ length }, (_, i) => (i * 7 + (i >> 9) * 13 + seed) & 0xff));
}
