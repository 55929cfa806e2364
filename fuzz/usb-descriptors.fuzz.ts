// Runs in: fuzzing.
import assert from "node:assert/strict";
import { realDevices } from "../packages/kernel/usb/descriptors.fixture.ts";
import { parseDescriptors } from "../packages/kernel/usb/descriptors.ts";
import type { Target } from "./target.ts";

export default {
  what: "device and configuration descriptors, from a device",
  seeds: Object.values(realDevices),
  run(input) {
    const { device, configurations, bytes } = parseDescriptors(input);
    assert.equal(configurations.length, device.configurationCount);
    assert.equal(bytes.length, input.length);
    return true;
  },
} satisfies Target;
