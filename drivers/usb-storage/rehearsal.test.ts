// Runs in: tests.
import assert from "node:assert/strict";
import { test } from "node:test";
import { block, defineDriver } from "@ring3/sdk";
import { rehearse } from "@ring3/sdk/test/rehearse";
import driver from "./driver.ts";
import { rehearsal } from "./rehearsal.ts";

test("a rehearsal's later starts ask a stick what a driver asks after a death, and its requests are served", async () => {
  const starts: string[] = [];
  const noting = (): ReturnType<typeof rehearsal.device> => {
    const { control, transfer } = rehearsal.device();
    return {
      control(setup, data) {
        if (setup.request === 0xff) starts.push(""); // mass storage reset, BOT §3.1
        return control(setup, data);
      },
      transfer(endpoint, data) {
        if (endpoint === 0x02 && data.length === 31)
          starts.push(`${starts.pop() ?? ""} ${data[15]!.toString(16)}`);
        return transfer(endpoint, data);
      },
    };
  };
  await rehearse(defineDriver(block, { ...driver, rehearsal: { ...rehearsal, device: noting } }));
  const [first, ...later] = starts;
  assert.match(first!, / 28 2a 35$/);
  // REQUEST SENSE, READ CAPACITY, READ, WRITE, SYNCHRONIZE CACHE
  for (const start of later) assert.equal(start, " 3 25 28 2a 35");
});
