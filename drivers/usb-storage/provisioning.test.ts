import assert from "node:assert/strict";
import { test } from "node:test";
import { BLOCK_DISCARD, BLOCK_ROTATIONAL } from "@ring3/sdk";
import { hex, inquire, maxLun, probe, SYNC, start, TUR, writeCdb } from "./wire.fixture.ts";

const SPC4 = `00 00 06 02 1f000000 ${"41".repeat(28)}`;

test("WRITE SAME and UNMAP where the device says so, on a disk that spins", async () => {
  const limits = `00b0003c 0000 0000 00000000 00000000 00000000 00000010 ${"00".repeat(12)} 0000000000000000`;
  const rig = await start((wire) => [
    maxLun(hex("00")),
    ...inquire(wire, { inquiry: SPC4 }),
    ...wire.command(TUR),
    ...wire.command("25000000000000000000", { length: 8, in: hex("000003ff00000200") }),
    ...wire.command("9e100000000000000000000000200000", {
      length: 32,
      in: hex(`00000000000003ff 00000200 0000 80 ${"00".repeat(17)}`),
    }),
    ...wire.command("1a003f00c000", {
      length: 192,
      in: hex(`17000000 0812 04${"00".repeat(17)}`),
      residue: 168,
    }),
    ...wire.command("120100004000", { length: 64, in: hex("0000000400b0b1b2"), residue: 56 }),
    ...wire.command("1201b0004000", { length: 64, in: hex(limits) }),
    ...wire.command("1201b1004000", { length: 64, in: hex("00b1003c 1c20"), residue: 58 }),
    ...wire.command("1201b2004000", {
      length: 64,
      in: hex("00b20004 00c40000"),
      residue: 56,
    }),
    ...wire.command("42000000000000001800", {
      out: hex("00160010 00000000 0000000000000008 00000010 00000000"),
    }),
    ...wire.command("42000000000000001800", {
      out: hex("00160010 00000000 0000000000000018 00000004 00000000"),
    }),
    ...wire.command("93080000000000000010000000080000", { out: new Uint8Array(512) }),
    ...wire.command("93000000000000000010000000080000", { out: new Uint8Array(512) }),
    ...wire.command(SYNC),
  ]);
  const told = BLOCK_ROTATIONAL | BLOCK_DISCARD;
  assert.equal(rig.driver.units[0]!.properties.flags & told, told);
  const port = rig.driver.units[0]!;
  await rig.patient(port.request("discard", { lba: 8, count: 20, medium: 1 }));
  await rig.patient(port.request("writeZeroes", { lba: 16, count: 8, fua: 0, unmap: 1, medium: 1 }));
  await rig.patient(port.request("writeZeroes", { lba: 16, count: 8, fua: 1, unmap: 0, medium: 1 }));
  rig.usb.done();
  await rig.driver.remove();
});

test("a device without limits of its own unmaps 16 MiB at a time", async () => {
  const rig = await start((wire) => [
    maxLun(hex("00")),
    ...inquire(wire, { inquiry: SPC4 }),
    ...wire.command(TUR),
    ...wire.command("25000000000000000000", { length: 8, in: hex("0001ffff00000200") }),
    ...wire.command("9e100000000000000000000000200000", {
      length: 32,
      in: hex(`000000000001ffff 00000200 0000 80 ${"00".repeat(17)}`),
    }),
    ...wire.command("1a003f00c000", {
      length: 192,
      in: hex(`17000000 0812 04${"00".repeat(17)}`),
      residue: 168,
    }),
    ...wire.command("120100004000", { length: 64, in: hex("0000000200b2"), residue: 58 }),
    ...wire.command("1201b2004000", { length: 64, in: hex("00b20004 00400000"), residue: 56 }),
    ...wire.command("93080000000000000000000080000000", { out: new Uint8Array(512) }),
    ...wire.command("93080000000000008000000000010000", { out: new Uint8Array(512) }),
  ]);
  await rig.patient(rig.driver.units[0]!.request("discard", { lba: 0, count: 32_769, medium: 1 }));
  rig.usb.done();
  await rig.driver.remove();
});

test("zeroes are written where there is no WRITE SAME", async () => {
  const rig = await start((wire) => [
    ...probe(wire),
    ...wire.command(writeCdb(0, 128), { out: new Uint8Array(65_536) }),
    ...wire.command(writeCdb(128, 2), { out: new Uint8Array(1024) }),
  ]);
  const zeroes = rig.driver.units[0]!.request("writeZeroes", {
    lba: 0,
    count: 130,
    fua: 0,
    unmap: 1,
    medium: 1,
  });
  await rig.patient(zeroes);
  rig.usb.done();
  await rig.driver.remove();
});

test("a vital product data page of 36 bytes and its residue say nothing of other residues", async () => {
  const data = new Uint8Array(512);
  const rig = await start((wire) => [
    maxLun(hex("00")),
    ...inquire(wire, { inquiry: SPC4 }),
    ...wire.command(TUR),
    ...wire.command("25000000000000000000", { length: 8, in: hex("000003ff00000200") }),
    ...wire.command("9e100000000000000000000000200000", {
      length: 32,
      in: hex(`00000000000003ff 00000200 0000 80 ${"00".repeat(17)}`),
    }),
    ...wire.command("1a003f00c000", {
      length: 192,
      in: hex(`17000000 0812 04${"00".repeat(17)}`),
      residue: 168,
    }),
    ...wire.command("120100004000", {
      length: 64,
      in: hex(`00000020 00 ${"b2".repeat(31)}`),
      residue: 28,
    }),
    ...wire.command("1201b2004000", { length: 64, in: hex("00b20004 00c40000"), residue: 56 }),
    ...wire.command(writeCdb(5), { out: data, residue: 512 }),
    ...wire.command(writeCdb(5), { out: data }),
  ]);
  await rig.patient(rig.driver.units[0]!.request("write", { lba: 5, count: 1, fua: 0, medium: 1 }, { data }));
  rig.usb.done();
  await rig.driver.remove();
});
