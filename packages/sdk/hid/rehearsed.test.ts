import assert from "node:assert/strict";
import { test } from "node:test";
import { bytes, mouse } from "@ring3/core/hid/descriptors.fixture";
import { defineDriver } from "../define.ts";
import { rehearse } from "../test/rehearse.ts";
import { sample } from "../test/sample-contract.ts";
import { openHid } from "./device.ts";

test("a rehearsal reads the reports that its device has, and ends", async () => {
  let [left, heard] = [30, 0];
  const driver = defineDriver(sample, {
    rehearsal: {
      descriptors: bytes(
        "12 01 00 02 00 00 00 40 09 12 01 00 00 01 00 00 00 01",
        "09 02 22 00 01 01 00 80 32 09 04 00 00 01 03 00 00 00",
        "09 21 11 01 00 01 22 32 00 07 05 81 03 04 00 01",
      ),
      device: () => ({
        control(setup, data) {
          if (setup.request === 6) data.set(mouse);
          return data.length;
        },
        transfer() {
          return left-- > 0 ? 3 : undefined;
        },
      }),
      requests: [{ operation: "add", input: { a: 1, b: 2 }, bytes: 0 }],
    },
    async probe({ usb }, ctx) {
      const hid = ctx.scope.use(await openHid(usb, ctx));
      hid.oninputreport = () => void heard++;
      return {
        properties: { size: 1 },
        add: ({ a, b }) => ({ sum: a + b }),
        read: () => {},
        write: () => {},
      };
    },
  });
  await rehearse(driver);
  assert.equal(heard, 30);
});
