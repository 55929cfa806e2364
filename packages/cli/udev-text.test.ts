// Runs in: node --test.
import assert from "node:assert/strict";
import { test } from "node:test";
import { udevText } from "./udev-text.ts";

const none = { user: "ring3", group: "ring3", file: "/etc/udev/rules.d/70-ring3.rules", reload: "udevadm x" };

test("where nothing is lacking, that is said", () => {
  assert.equal(
    udevText({ ...none, lacking: [] }),
    "nothing is lacking: ring3 may open all that the drivers need",
  );
});

test("a rule that several paths need stands there once, below the paths; all but rules is a comment", () => {
  const rule = 'SUBSYSTEM=="input", GROUP="ring3"';
  const lacking = [
    { device: "hid-0005:054c:0ce6", path: "/sys/a/inhibited", rule },
    { device: null, path: "/dev/uinput", rule: 'KERNEL=="uinput"' },
    { device: "hid-0005:054c:0ce6", path: "/sys/b/inhibited", rule },
  ];
  assert.equal(
    udevText({ ...none, lacking }),
    `# For ring3: put this into /etc/udev/rules.d/70-ring3.rules, then: udevadm x
# hid-0005:054c:0ce6: /sys/a/inhibited
# hid-0005:054c:0ce6: /sys/b/inhibited
SUBSYSTEM=="input", GROUP="ring3"
# /dev/uinput
KERNEL=="uinput"`,
  );
});
