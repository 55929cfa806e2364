import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { type Holder, holdersOf, parseMounts, parseSwaps } from "./in-use.ts";
import type { Opener } from "./openers.ts";
import { stick, sysfs, type Tree } from "./sysfs.fixture.ts";

// proc(5): the layout, with optional fields and an escaped space.
const ROOT = "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n";
const STICK = "99 22 8:17 / /media/my\\040stick rw shared:5 master:1 - vfat /dev/sdb1 rw\n";
const BTRFS = "99 22 0:44 /@ /data rw - btrfs /dev/sdb2 rw\n";
const SWAPS = "Filename\tType\tSize\tUsed\tPriority\n";

interface Facts {
  mountinfo?: string;
  swaps?: string;
  openers?: Opener[];
  busy?: string[];
  tree?: Tree;
}

function holders(
  context: TestContext,
  { mountinfo = ROOT, swaps = SWAPS, openers = [], busy = [], tree = stick() }: Facts,
): Holder[] {
  return holdersOf(sysfs(context, tree), "usb-1-4.2:1.0", {
    mountinfo: () => mountinfo,
    swaps: () => swaps,
    openers: (nodes) => openers.filter(({ node }) => nodes.includes(node)),
    busy: (node) => busy.includes(node),
  });
}

test("a stick that nobody uses has no holders", (context) => {
  assert.deepEqual(holders(context, {}), []);
});

test("a mounted partition names its mount point", (context) => {
  assert.deepEqual(holders(context, { mountinfo: ROOT + STICK }), [
    { node: "/dev/sdb1", how: "mounted", where: "/media/my stick" },
  ]);
});

test("a file system with a number of its own is found by its source", (context) => {
  assert.deepEqual(holders(context, { mountinfo: ROOT + BTRFS }), [
    { node: "/dev/sdb2", how: "mounted", where: "/data" },
  ]);
});

test("a swap partition is found", (context) => {
  assert.deepEqual(holders(context, { swaps: `${SWAPS}/dev/sdb2  partition\t1048572\t0\t-2\n` }), [
    { node: "/dev/sdb2", how: "swap", where: "/proc/swaps" },
  ]);
});

test("what is built on a partition is named", (context) => {
  assert.deepEqual(holders(context, { tree: stick({ "DISK/sdb1/holders/dm-0": "" }) }), [
    { node: "/dev/sdb1", how: "holder", where: "/dev/dm-0" },
  ]);
});

test("a disk that another namespace has mounted is busy", (context) => {
  assert.deepEqual(holders(context, { busy: ["/dev/sdb"] }), [
    { node: "/dev/sdb", how: "busy", where: "fuser -v /dev/sdb" },
  ]);
});

test("a disk that a program has open, not for itself alone, names the program", (context) => {
  const openers = [
    { node: "/dev/sdb2", pid: 77, name: "dd" },
    { node: "/dev/sda", pid: 78, name: "cat" },
  ];
  assert.deepEqual(holders(context, { openers }), [
    { node: "/dev/sdb2", how: "open", where: "process 77, dd" },
  ]);
});

test("a disk that is busy because it is mounted is told once", (context) => {
  assert.equal(holders(context, { mountinfo: ROOT + STICK, busy: ["/dev/sdb"] }).length, 1);
});

test("links in sysfs that lead to other devices are not followed", (context) => {
  const tree = stick({
    "DEVICE/1-4.2:1.0/elsewhere": "->../../../..",
    "devices/pci0000:00/x/block/sda/dev": "8:0",
  });
  assert.deepEqual(holders(context, { tree, busy: ["/dev/sda"] }), []);
});

test("an interface that is not there has no holders", (context) => {
  const nobody = { mountinfo: () => "", swaps: () => "", openers: () => [], busy: () => true };
  assert.deepEqual(holdersOf(sysfs(context), "usb-9-9:1.0", nobody), []);
});

test("lines that are no mounts are skipped", () => {
  assert.deepEqual(parseMounts("\n22 1 8:1 /\nnonsense\n"), []);
});

test("this machine's own mounts and swaps can be read", async () => {
  const { systemSources } = await import("./in-use.ts");
  assert(parseMounts(systemSources.mountinfo()).some(({ where }) => where === "/"));
  assert(Array.isArray(parseSwaps(systemSources.swaps())));
});
