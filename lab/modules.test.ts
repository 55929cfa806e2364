// Runs in: node --test, unit stage.
import assert from "node:assert/strict";
import { test } from "node:test";
import { inLoadOrder } from "./modules.ts";

const modulesDep = `kernel/net/9p/9pnet_virtio.ko.xz: kernel/net/9p/9pnet.ko.xz kernel/fs/netfs/netfs.ko.xz
kernel/net/9p/9pnet.ko.xz: kernel/fs/netfs/netfs.ko.xz
kernel/fs/netfs/netfs.ko.xz:
kernel/fs/9p/9p.ko.xz: kernel/net/9p/9pnet.ko.xz kernel/fs/netfs/netfs.ko.xz
kernel/drivers/usb/host/vhci-hcd.ko:
`;

test("two modules with shared needs are listed once each, needs first", () => {
  assert.deepEqual(inLoadOrder(modulesDep, ["9p", "9pnet_virtio"]), [
    "kernel/fs/netfs/netfs.ko.xz",
    "kernel/net/9p/9pnet.ko.xz",
    "kernel/fs/9p/9p.ko.xz",
    "kernel/net/9p/9pnet_virtio.ko.xz",
  ]);
});

test("a file name with dashes is found by its name with underscores", () => {
  assert.deepEqual(inLoadOrder(modulesDep, ["vhci_hcd"]), ["kernel/drivers/usb/host/vhci-hcd.ko"]);
});

test("an unknown module is named in the error", () => {
  assert.throws(() => inLoadOrder(modulesDep, ["overlay"]), /no module overlay/);
});
