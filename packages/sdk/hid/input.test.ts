import assert from "node:assert/strict";
import { test } from "node:test";
import { DeviceError } from "@ring3/core/errors";
import { bootKeyboard, dualSense, mouse, xboxController } from "@ring3/core/hid/descriptors.fixture";
import { HidReport } from "@ring3/core/hid/report";
import { genericDesktop } from "@ring3/core/hid/usages";
import { runWithin } from "../request-context.ts";
import { type Answer, clearHalt, controlOut, interruptIn, interruptOut } from "../test/scripted-usb.ts";
import { opening, setIdle, surroundings } from "./hid.fixture.ts";
import { Pauses } from "./reading.ts";
import type { HidDevice } from "./types.ts";

const input = (answer: Answer, length = 64) => interruptIn(0x84, length, answer);
const turn = () => new Promise(setImmediate);

/** Each report as [id, bytes]. */
function heard(hid: HidDevice): (readonly [number, number[]])[] {
  const reports: (readonly [number, number[]])[] = [];
  hid.addEventListener("inputreport", ({ reportId, bytes }) => reports.push([reportId, [...bytes]]));
  return reports;
}

test("nothing is read before anybody listens; then two transfers are in flight, and one more for each that came", async () => {
  const [first, second] = [Uint8Array.of(1, 10, 11), Uint8Array.of(1, 20)];
  const { open, transport } = surroundings(dualSense, {
    script: [...opening(dualSense), input(first), input(second), input("hang"), input("hang")],
  });
  const hid = await open();
  await turn();
  const reports = heard(hid);
  await turn();
  assert.deepEqual(reports, [
    [1, [10, 11]],
    [1, [20]],
  ]);
  transport.done();
  await hid.close();
  await hid.ended;
});

test("reports without ids are whole, and a transfer is as long as the longest report in whole packets", async () => {
  const keys = surroundings(bootKeyboard, {
    packetSize: 8,
    script: [
      ...opening(bootKeyboard),
      input(Uint8Array.of(2, 0, 4, 0, 0, 0, 0, 0), 8),
      input("hang", 8),
      input("hang", 8),
    ],
  });
  const keyboard = await keys.open();
  const reports = heard(keyboard);
  await turn();
  assert.deepEqual(reports, [[0, [2, 0, 4, 0, 0, 0, 0, 0]]]);
  keys.transport.done();
  await keyboard.close();
  const pad = surroundings(xboxController, {
    packetSize: 12,
    script: [...opening(xboxController), input("hang", 24), input("hang", 24)],
  });
  const hid = await pad.open();
  heard(hid); // 16 bytes with the id
  await turn();
  pad.transport.done();
  await hid.close();
});

test("an event has the time, the device and the data as WebHID has them, and is lent", async () => {
  const { open, clock } = surroundings(dualSense, {
    script: [...opening(dualSense), input(Uint8Array.of(1, 128, 0xff)), input("hang"), input("hang")],
  });
  clock.advance(1234.5);
  const hid = await open();
  const report = new HidReport(hid.layout.input.reports.get(1)!);
  const events: unknown[] = [];
  hid.oninputreport = (event) => {
    report.decode(event.bytes);
    events.push(event, event.timeStamp, event.device === hid, event.data.getUint8(1), event.data.byteLength);
  };
  await turn();
  assert.deepEqual(events.slice(1), [1234.5, true, 0xff, 2]);
  assert.equal((events[0] as { bytes: Uint8Array }).bytes.length, 0);
  assert.deepEqual([report.value(genericDesktop.x), report.value(genericDesktop.y)], [128, 255]);
  hid.oninputreport = null;
  assert.equal(hid.oninputreport, null);
  await hid.close();
});

test("every listener hears a report, until it is removed; empty ones are nothing", async () => {
  const script = [
    ...opening(mouse),
    input(Uint8Array.of(1)),
    input(Uint8Array.of()),
    input(Uint8Array.of(2)),
    input("hang"),
    input("hang"),
  ];
  const { open, transport } = surroundings(mouse, { script });
  const hid = await open();
  const numbers: string[] = [];
  const once = (): void => {
    numbers.push("once");
    hid.removeEventListener("inputreport", once);
  };
  hid.addEventListener("inputreport", once);
  hid.addEventListener("inputreport", ({ bytes }) => numbers.push(`each ${bytes[0]}`));
  await turn();
  assert.deepEqual(numbers, ["once", "each 1", "each 2"]);
  transport.done();
  await hid.close();
});

test("a stall is cleared and reading goes on after a pause, which is a short one again after a report", async () => {
  const script = [
    ...opening(mouse),
    input("stall"),
    input("hang"),
    clearHalt(0x84),
    input(Uint8Array.of(7)),
    input("stall"),
    input("hang"),
    clearHalt(0x84),
    input(Uint8Array.of(8)),
    input("hang"),
    input("hang"),
  ];
  const { open, transport, clock } = surroundings(mouse, { script });
  const hid = await open();
  const reports = heard(hid);
  const lengths = [];
  for (let ms = 0; ms <= 26; ms++) {
    await turn();
    lengths.push(reports.length);
    clock.advance(1);
  }
  assert.deepEqual([lengths.indexOf(1), lengths.indexOf(2)], [13, 26]);
  transport.done();
  await hid.close();
});

test("an endpoint that fails for longer than a second ends the reading with its error", async () => {
  const tries = Array.from({ length: 13 }, () => [input("error"), input("hang")]).flat(); // at 0, 13, 39, 91, 195 … 1027 ms
  const { open, transport, clock } = surroundings(mouse, { script: [...opening(mouse), ...tries] });
  const hid = await open();
  heard(hid);
  const ended = assert.rejects(hid.ended, { kind: "io", message: /input reports/ });
  for (let ms = 0; ms < 1027; ms++) {
    await turn();
    clock.advance(1);
  }
  await ended;
  transport.done();
  await hid.close();
});

test("pauses double up to 104 ms, and begin anew after a report or half a second behind the last", () => {
  const pauses = new Pauses();
  const taken = (nowMs: number[]) => nowMs.map((now) => pauses.next(now));
  assert.deepEqual(taken([0, 13, 39, 91, 195, 999, 1000, 1001]), [13, 26, 52, 104, 104, 104, 104, undefined]);
  pauses.forget();
  assert.deepEqual(taken([1002, 2002, 2003]), [13, 26, undefined]);
  assert.deepEqual(taken([2502, 2503]), [undefined, 13]);
});

test("a device that goes ends the reading quietly", async () => {
  const { open, transport } = surroundings(mouse, {
    script: [...opening(mouse), input(Uint8Array.of(1)), input("gone"), input("gone")],
  });
  const hid = await open();
  const reports = heard(hid);
  await hid.ended;
  assert.deepEqual(reports, [[0, [1]]]);
  transport.done();
});

test("what a listener throws ends the reading with it, and nothing stays in flight", async () => {
  const { open, transport } = surroundings(mouse, {
    script: [...opening(mouse), input(Uint8Array.of(1)), input("hang")],
  });
  const hid = await open();
  hid.addEventListener("inputreport", () => {
    throw new DeviceError("internal", "a mistake");
  });
  await assert.rejects(hid.ended, { message: /a mistake/ });
  transport.done();
  await hid.close();
});

test("closing takes back what is in flight; opened again, the same listeners hear", async () => {
  const script = [
    ...opening(mouse),
    input("hang"),
    input("hang"),
    controlOut(setIdle),
    input(Uint8Array.of(9)),
    input("hang"),
    input("hang"),
  ];
  const { open, transport } = surroundings(mouse, { script });
  const hid = await open();
  const reports = heard(hid);
  await turn();
  await hid.close();
  await hid.close();
  assert.equal(hid.opened, false);
  await hid.ended;
  await hid.open();
  await turn();
  assert.deepEqual([hid.opened, reports], [true, [[0, [9]]]]);
  transport.done();
  await hid[Symbol.asyncDispose]();
});

test("a driver that is removed hears nothing more", async () => {
  const { open, incarnation } = surroundings(mouse, {
    script: [...opening(mouse), input("hang"), input("hang")],
  });
  const hid = await open();
  heard(hid);
  await turn();
  incarnation.stop(new DeviceError("cancelled", "removed"));
  await hid.ended;
});

test("a listener works in no request's time, whoever's request was the first to listen", async () => {
  const script = [
    ...opening(dualSense),
    input(Uint8Array.of(1)),
    input("hang"),
    interruptOut(0x03, Uint8Array.of(2, 5)),
    input("hang"),
  ];
  const { open, transport, clock } = surroundings(dualSense, { out: true, script });
  const hid = await open();
  const answered = Promise.withResolvers<void>();
  const probe = { deadlineMs: clock.now() + 100 };
  runWithin(probe, () =>
    hid.addEventListener("inputreport", () => {
      clock.advance(200);
      answered.resolve(hid.sendReport(2, Uint8Array.of(5)));
    }),
  );
  await answered.promise;
  await turn();
  transport.done();
  await hid.close();
});
