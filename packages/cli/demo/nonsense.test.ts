// Runs in: node --test. Owns: a device that answers nonsense, and a manager that tells of it, both played.
import assert from "node:assert/strict";
import { test } from "node:test";
import { feedNonsense } from "./nonsense.ts";

const DEVICE = "usb-work:1.0";

async function fed(kind: string, after: object, messages: readonly [time: number, message: string][]) {
  const said: string[] = [];
  let time = 1000;
  const before = { id: DEVICE, incarnation: 2, state: "running" };
  const statuses = [before, { ...before, ...after }];
  const followed = await feedNonsense({
    manager: {
      ask: (async (method: string) =>
        method === "status"
          ? { devices: [statuses.shift()] }
          : { entries: messages.map(([time, message]) => ({ time, message })) }) as never,
    },
    simulated: { kind, say: async (line) => void said.push(line) },
    device: DEVICE,
    pause: async () => {
      time += 2000;
    },
    now: () => time,
  });
  return { said, followed: followed.map(({ sinceMs, text }) => `+${sinceMs} ${text}`) };
}

test("of a disk: what its driver logged since, and that it is the same one", async () => {
  const { said, followed } = await fed("usb-drive", {}, [
    [999, "before"],
    [1012, "CSW tag 9; trying again"],
  ]);
  assert.deepEqual(said, ["fault wrong-tag"]);
  assert.deepEqual(followed, [
    "+0 The status of its next command carries another command's tag.",
    "+12 CSW tag 9; trying again",
    "+2000 Its driver, start #2, has seen through it and is running.",
  ]);
});

test("of a pad: its reports are cut for a while, and whole again", async () => {
  const { said, followed } = await fed("gamepad", {}, []);
  assert.deepEqual(said, ["fault short-reports", "fault clear"]);
  assert.deepEqual(followed.slice(1), [
    "+2000 Its reports are whole again.",
    "+2000 Its driver, start #2, has seen through it and is running.",
  ]);
});

test("a driver that did not last is not said to have", async () => {
  const { followed } = await fed("gamepad", { incarnation: 3, state: "starting" }, []);
  assert.equal(followed.at(-1), "+2000 Its driver, start #2, did not last: start #3 is starting.");
});

test("a device that has gone meanwhile is told as such", async () => {
  await assert.rejects(fed("gamepad", { id: "usb-other:1.0" }, []), /usb-work:1.0 has gone/);
});
