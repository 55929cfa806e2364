// Runs in: tests.
import assert from "node:assert/strict";
import { test } from "node:test";
import { nullDevice } from "@ring3/kernel/fd/descriptor";
import { noJail } from "./jail.ts";

test("without a jail every descriptor of an order goes with it, or is closed", () => {
  const descriptors = {
    input: nullDevice(),
    errors: nullDevice(),
    control: nullDevice(),
    status: nullDevice(),
  };
  const jail = noJail({ node: "node", host: "host.cjs", code: [], addon: "kernel.node" });
  const { stdio } = jail.order(descriptors, { memoryMb: 64, cpuPercent: undefined, tier: "standard" });
  const left = Object.values(descriptors).filter((each) => !stdio.includes(each) && each.fd !== -1);
  for (const each of Object.values(descriptors)) each.close();
  assert.deepEqual(left, []);
});
