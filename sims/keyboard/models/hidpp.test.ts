// Runs in: tests. Owns: nothing; the mouse's reports and its HID++ answers against bytes worked out by hand from the documents.
import assert from "node:assert/strict";
import { test } from "node:test";
import { EPIPE, Host } from "../../input/test/host.ts";
import { hidppMouse } from "./hidpp.ts";

const HIDPP_IN = 0x82;
const SOFTWARE = 0xa; // of who asks; it comes back

/** Asks function `call` of the feature at `index`; the answer behind its head, zeroes at its end left out. */
async function ask(
  host: Host<ReturnType<typeof hidppMouse.vocabulary.fresh>>,
  index: number,
  call: number,
  args = "",
) {
  const head = `ff${index.toString(16).padStart(2, "0")}${call.toString(16)}${SOFTWARE.toString(16)}`;
  assert.equal((await host.control(0x21, 9, 0x0210, 1, `10${head}${args.padEnd(6, "0")}`)).errno, 0);
  const [report, ...more] = await host.drain(HIDPP_IN);
  assert.deepEqual([report?.length, more], [40, []]);
  return report!.startsWith(`11${head}`)
    ? report!.slice(8).replace(/(00)+$/, "")
    : report!.replace(/(00)+$/, "");
}

test("the mouse: buttons of 16 bits, 16 bits each way, two wheels", async () => {
  const host = new Host(hidppMouse);
  const steps: [string, string][] = [
    ["button right down", "0200 0000 0000 00 00"],
    ["move -2 300", "0200 feff 2c01 00 00"],
    ["wheel 1", "0200 0000 0000 01 00"],
    ["pan -1", "0200 0000 0000 00 ff"],
    ["release all", "0000 0000 0000 00 00"],
  ];
  for (const [step, report] of steps) {
    host.play(step);
    assert.equal(await host.in(), report.replaceAll(" ", ""), step);
  }
});

test("root: the protocol is 4.2 and the ping comes back; features are where it says, 0 is nowhere", async () => {
  const host = new Host(hidppMouse);
  assert.equal(await ask(host, 0, 1, "00005a"), "04025a");
  const at: Record<string, string> = {
    "0001": "01",
    "0005": "02",
    "1004": "03",
    "2201": "04",
    "1b04": "05",
    "2121": "",
  };
  for (const [id, index] of Object.entries(at)) assert.equal(await ask(host, 0, 0, id), index, id);
});

test("feature set: five beside the root, each with its id", async () => {
  const host = new Host(hidppMouse);
  assert.equal(await ask(host, 1, 0), "05");
  const ids: string[] = [];
  for (let index = 0; index <= 5; index++) ids.push(await ask(host, 1, 1, `0${index}`));
  assert.deepEqual(ids, ["", "0001", "0005", "1004", "2201", "1b04"]);
  assert.equal(await ask(host, 1, 1, "06"), "11ffff01" + "1a03", "out of range");
});

test("its name in pieces of sixteen, and that it is a mouse", async () => {
  const host = new Host(hidppMouse);
  assert.equal(await ask(host, 2, 0), "20");
  const pieces = [await ask(host, 2, 1, "00"), await ask(host, 2, 1, "10")];
  assert.equal(Buffer.from(pieces.join(""), "hex").toString(), "G703 Wired/Wireless Gaming Mouse");
  assert.equal(await ask(host, 2, 2), "03");
});

test("battery: asked, and told when it changes", async () => {
  const host = new Host(hidppMouse);
  assert.equal(await ask(host, 3, 0), "0f03");
  assert.equal(await ask(host, 3, 1), "5004", "80 percent, good, discharging");
  host.play("battery 10 charging");
  const event = (hex: string) => `11ff0300${hex}`.padEnd(40, "0");
  assert.deepEqual(await host.drain(HIDPP_IN), [event("0a010101")]);
  host.play("battery 100 charging");
  assert.deepEqual(await host.drain(HIDPP_IN), [event("64080301")]);
  host.play("move 1 1");
  assert.deepEqual(await host.drain(HIDPP_IN), []);
  assert.equal(await ask(host, 3, 1), "64080301");
});

test("resolution: from 100 to 12000 in steps of 50; what is between them is refused", async () => {
  const host = new Host(hidppMouse);
  assert.equal(await ask(host, 4, 0), "01");
  assert.equal(await ask(host, 4, 1), "000064e0322ee0");
  assert.equal(await ask(host, 4, 2), "0003200320");
  assert.equal(await ask(host, 4, 3, "000640"), "000640");
  assert.equal(await ask(host, 4, 2), "0006400320");
  assert.equal(await ask(host, 4, 3, "000641"), "11ffff04" + "3a03");
  assert.equal(await ask(host, 4, 2, "01"), "11ffff04" + "2a03", "there is no second sensor");
  assert.deepEqual(host.observed, [{ observed: "dpi", dpi: 1600 }]);
});

test("a button that is diverted is told over HID++ and not by the mouse", async () => {
  const host = new Host(hidppMouse);
  assert.equal(await ask(host, 5, 0), "05");
  assert.equal(await ask(host, 5, 1, "03"), "0053003c31000101");
  assert.equal(await ask(host, 5, 2, "0053"), "0053000053");
  assert.equal(await ask(host, 5, 3, "005303"), "005303");
  assert.equal(await ask(host, 5, 2, "0053"), "0053010053");
  host.play("button side down", "button left down");
  const event = (hex: string) => `11ff0500${hex}`.padEnd(40, "0");
  assert.deepEqual(await host.drain(HIDPP_IN), [event("0053")]);
  assert.deepEqual(await host.drain(), ["0100000000000000"]);
  host.play("button side up");
  assert.deepEqual(await host.drain(HIDPP_IN), [event("")]);
  await ask(host, 5, 3, "005302");
  host.play("button side down");
  assert.deepEqual(await host.drain(), ["0900000000000000"]);
  assert.equal(await ask(host, 5, 2, "0099"), "11ffff05" + "2a03");
  assert.deepEqual(host.observed, [
    { observed: "divert", control: 0x53, on: true },
    { observed: "divert", control: 0x53, on: false },
  ]);
});

test("no such feature, no such function, no such device; a long question is as good as a short one", async () => {
  const host = new Host(hidppMouse);
  assert.equal(await ask(host, 9, 0), "11ffff09" + "0a06");
  assert.equal(await ask(host, 2, 7), "11ffff02" + "7a07");
  assert.equal((await host.control(0x21, 9, 0x0210, 1, "10 01 00 1a 00005a")).errno, 0);
  assert.deepEqual(await host.drain(HIDPP_IN), ["10018f001a0800"]);
  await host.control(0x21, 9, 0x0211, 1, `11 ff 00 1a 00005a ${"00".repeat(13)}`);
  assert.deepEqual(await host.drain(HIDPP_IN), ["11ff001a04025a".padEnd(40, "0")]);
  assert.equal((await host.control(0x21, 9, 0x0212, 1, "12 ff 00 1a 00005a")).errno, EPIPE);
  assert.equal(
    (await host.control(0x21, 9, 0x0210, 0, "10 ff 00 1a 00005a")).errno,
    EPIPE,
    "not of the mouse",
  );
});

test("told to stop in its handshake it answers the first question and no more", async () => {
  const host = new Host(hidppMouse, { faults: ["stop-in-handshake"] });
  assert.equal(await ask(host, 0, 1, "00005a"), "04025a");
  await host.control(0x21, 9, 0x0210, 1, "10 ff 00 0a 000500");
  assert.deepEqual(await host.drain(HIDPP_IN), []);
  host.play("move 1 0");
  assert.equal(await host.in(), "0000010000000000");
});

test("descriptors: a boot mouse, and an interface of 20-byte packets; 67 and 54 bytes of report descriptor", async () => {
  const host = new Host(hidppMouse);
  assert.equal(
    (await host.control(0x80, 6, 0x0100, 0, 18)).hex,
    "1201000200000040" + "6d0487c001170102" + "0301",
  );
  const { hex } = await host.control(0x80, 6, 0x0200, 0, 255);
  assert.deepEqual(
    [hex.length / 2, hex.slice(18, 36), hex.slice(-14)],
    [59, "090400000103010200", "07058203140001"],
  );
  const lengths = await Promise.all([0, 1].map((at) => host.control(0x81, 6, 0x2200, at, 255)));
  assert.deepEqual(
    lengths.map((reply) => reply.hex.length / 2),
    [67, 54],
  );
});
