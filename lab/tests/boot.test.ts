// Runs in: lab guest, root. Shows that the guest is what the other tests take it for.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, statSync } from "node:fs";
import { test } from "node:test";

const output = (command: string, ...args: string[]): string => {
  const { stdout, stderr, status } = spawnSync(command, args, { encoding: "utf8" });
  assert.equal(status, 0, `${command} ${args.join(" ")}: ${stderr}`);
  return stdout;
};

for (const [module, proof] of Object.entries({
  usbcore: "/dev/bus/usb/001/001",
  nbd: "/dev/nbd0",
  vhci_hcd: "/sys/devices/platform/vhci_hcd.0/attach",
  ublk_drv: "/dev/ublk-control",
  uinput: "/dev/uinput",
  uhid: "/dev/uhid",
  cuse: "/dev/cuse",
})) {
  test(`modprobe ${module} gives ${proof}`, () => {
    output("modprobe", module);
    assert.ok(existsSync(proof));
  });
}

test("the tests run as root, on a writable layer over the host's files", () => {
  assert.equal(process.getuid!(), 0);
  assert.match(readFileSync("/proc/mounts", "utf8"), /^overlay \/ overlay rw,/m);
});

test("the loopback interface is up", () => {
  assert.match(output("busybox", "ip", "address", "show", "lo"), /127\.0\.0\.1/);
});

test("a device node of the host is not seen: /dev is the guest's own", () => {
  assert.equal(existsSync("/dev/vda"), false);
  assert.ok(statSync("/dev/null").isCharacterDevice());
});
