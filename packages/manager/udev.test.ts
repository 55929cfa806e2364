import assert from "node:assert/strict";
import { test } from "node:test";
import type { Permission } from "./bus.ts";
import type { Device } from "./device.ts";
import { missingPermissions, udevRules } from "./udev.ts";

const permission = (path: string, held: boolean): Permission => ({
  path,
  held,
  rule: (group) => `rule of ${path} for ${group}`,
});
const device = (id: string, driver: object | undefined, ...permissions: Permission[]) =>
  ({ id, driver, bus: { permissions: () => permissions } }) as unknown as Device;

test("a rule is printed for what is not held, of devices that a driver is there for", () => {
  const devices = [
    device("held", {}, permission("/dev/hidraw0", true)),
    device("lacks", {}, permission("/dev/hidraw1", false), permission("/sys/inhibited", false)),
    device("nobody's", undefined, permission("/dev/hidraw2", false)),
  ];
  const rules = udevRules(devices, [permission("/dev/uinput", false)], "service", "ring3");
  assert.deepEqual(rules, {
    user: "service",
    group: "ring3",
    file: "/etc/udev/rules.d/70-ring3.rules",
    reload: "udevadm control --reload && udevadm trigger --settle",
    lacking: [
      { device: "lacks", path: "/dev/hidraw1", rule: "rule of /dev/hidraw1 for ring3" },
      { device: "lacks", path: "/sys/inhibited", rule: "rule of /sys/inhibited for ring3" },
      { device: null, path: "/dev/uinput", rule: "rule of /dev/uinput for ring3" },
    ],
  });
});

test("an explanation names the path, the rule, its file and the verb that prints it", () => {
  const [line, ...more] = missingPermissions(
    [permission("/dev/hidraw1", false), permission("/dev/hidraw0", true)],
    () => "ring3",
  );
  assert.deepEqual(more, []);
  assert.equal(
    line,
    'permission to write /dev/hidraw1: run ring3 as root, or put what "ring3 udev" prints into /etc/udev/rules.d/70-ring3.rules: rule of /dev/hidraw1 for ring3',
  );
});
