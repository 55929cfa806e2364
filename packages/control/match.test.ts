import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { HidRule, Manifest, UsbRule } from "./manifest.ts";
import { asksFirst, rankDrivers } from "./match.ts";

const stick = {
  bus: "usb" as const,
  vendor: 0x0781,
  product: 0x5583,
  serial: "4C53",
  deviceClass: 0,
  interfaceClass: 8,
  interfaceSubclass: 6,
  interfaceProtocol: 0x50,
};

function driver(name: string, ...rules: UsbRule[]): Manifest {
  return {
    name,
    version: "1.0.0",
    sdk: "^0.1.0",
    class: "block",
    match: rules.map((usb) => ({ usb })),
    grants: ["usb"],
    placement: "isolated",
    latency: "wake",
    sandbox: "standard",
    stateVersion: 0,
    stateOutlives: "driver",
    limits: { memoryMb: 256, hangMs: 1500, cancelMs: 1000, probeMs: 15_000 },
  };
}

const bot = driver("usb-storage", { interface: { class: 8, subclass: 6, protocol: 0x50 } });
const uas = driver("usb-uas", { interface: { class: 8, subclass: 6, protocol: 0x62 } });
const vendor = driver("sandisk", { vendor: 0x0781 });
const product = driver("extreme", { vendor: 0x0781, product: 0x5583 });
const mine = driver("mine", { vendor: 0x0781, product: 0x5583, serial: "4C53" });

test("the more a rule says about a device, the earlier its driver comes", () => {
  const ranked = rankDrivers(stick, [uas, bot, vendor, product, mine]);
  assert.deepEqual(
    ranked.map(({ driver, score }) => [driver, score > 0]),
    [
      ["mine", true],
      ["extreme", true],
      ["sandisk", true],
      ["usb-storage", true],
      ["usb-uas", false],
    ],
  );
});

const pad = {
  bus: "hid" as const,
  bustype: 5,
  vendor: 0x054c,
  product: 0x0ce6,
  serial: "00:00:5e:00:53:31",
  usages: [0x0001_0005, 0xff00_0001],
};
const hidDriver = (name: string, ...rules: HidRule[]): Manifest => ({
  ...driver(name),
  match: rules.map((hid) => ({ hid })),
  grants: ["hidraw"],
});
const anyPad = hidDriver("any-pad", { usagePage: 1, usage: 4 }, { usagePage: 1, usage: 5 });

test("a HID device's rules rank as USB's do: the more is said, the earlier; a usage is one of its collections'", () => {
  const ranked = rankDrivers(pad, [
    hidDriver("keyboard", { usagePage: 1, usage: 6 }),
    hidDriver("bluetooth", { bus: 5 }),
    hidDriver("page", { usagePage: 0xff00 }),
    anyPad,
    hidDriver("sony", { vendor: 0x054c }),
    hidDriver("mine", { vendor: 0x054c, product: 0x0ce6, serial: "00:00:5e:00:53:31" }),
  ]);
  assert.deepEqual(
    ranked.map(({ driver, score }) => [driver, score]),
    [
      ["mine", 112],
      ["sony", 16],
      ["any-pad", 6],
      ["page", 2],
      ["bluetooth", 1],
      ["keyboard", 0],
    ],
  );
  assert.deepEqual(ranked.at(-1)!.missed, ["usage: the device has 0x0005, the driver wants 0x0006"]);
});

test("a usage counts with its own page alone", () => {
  const [ranked] = rankDrivers(pad, [hidDriver("other", { usagePage: 0xff00, usage: 5 })]);
  assert.deepEqual(
    [ranked!.score, ranked!.missed],
    [0, ["usage: the device has 0x0001, the driver wants 0x0005"]],
  );
});

test("a rule is for the devices of its bus", () => {
  const both = { ...anyPad, match: [...anyPad.match, ...bot.match], grants: ["usb", "hidraw"] } as Manifest;
  const scores = (device: typeof pad | typeof stick) =>
    rankDrivers(device, [anyPad, bot, both]).map(({ driver, score }) => `${driver} ${score}`);
  assert.deepEqual(scores(pad), ["any-pad 6", "any-pad 6", "usb-storage 0"]);
  assert.deepEqual(scores(stick), ["usb-storage 14", "any-pad 14", "any-pad 0"]);
  assert.deepEqual(rankDrivers(pad, [bot])[0]!.missed, ["the device is on bus hid, the driver wants usb"]);
});

test("what fits and what does not is said in the device's own numbers", () => {
  const [first, second] = rankDrivers(stick, [uas, bot]);
  assert.deepEqual(first!.matched, [
    "interface.protocol: 0x50",
    "interface.subclass: 0x06",
    "interface.class: 0x08",
  ]);
  assert.deepEqual(first!.missed, []);
  assert.deepEqual(second!.missed, ["interface.protocol: the device has 0x50, the driver wants 0x62"]);
});

test("the best of a driver's rules counts", () => {
  const both = driver("both", { vendor: 1 }, { interface: { class: 8 } }, { vendor: 0x0781 });
  assert.deepEqual(rankDrivers(stick, [both])[0]!.matched, ["vendor: 0x0781"]);
});

test("a driver that is chosen by the class of an interface alone asks first; one whose best rule says more knows", () => {
  const whole = driver("whole", { interface: { class: 8 } });
  assert.deepEqual(
    [whole, bot, vendor, driver("both", { interface: { class: 8 } }, { vendor: 0x0781 })].map((manifest) =>
      asksFirst(stick, manifest),
    ),
    [true, false, false, false],
  );
  assert.equal(asksFirst(pad, anyPad), false);
});

test("among equals the earlier in the list wins", () => {
  const twin = { ...bot, name: "another" };
  assert.equal(rankDrivers(stick, [bot, twin])[0]!.driver, "usb-storage");
  assert.equal(rankDrivers(stick, [twin, bot])[0]!.driver, "another");
});

test("a driver for another sdk never matches and says so", () => {
  const [ranked] = rankDrivers(stick, [{ ...bot, sdk: "^0.2.0" }]);
  assert.deepEqual([ranked!.score, ranked!.missed], [0, ["sdk: this is 0.1.0, the driver wants ^0.2.0"]]);
});

test("a serial number that the device lacks is a miss", () => {
  assert.deepEqual(rankDrivers({ ...stick, serial: null }, [mine])[0]!.missed, [
    'serial: the device has none, the driver wants "4C53"',
  ]);
});

test("a driver scores if and only if one of its rules has no miss", () => {
  const small = fc.integer({ min: 0, max: 2 });
  const rule = fc
    .record({ vendor: small, deviceClass: small }, { requiredKeys: [] })
    .filter((usb) => Object.keys(usb).length > 0);
  fc.assert(
    fc.property(
      fc.array(rule, { minLength: 1, maxLength: 4 }),
      small,
      small,
      (rules, vendorId, deviceClass) => {
        const device = { ...stick, vendor: vendorId, deviceClass };
        const fits = rules.some(
          (usb) => (usb.vendor ?? vendorId) === vendorId && (usb.deviceClass ?? deviceClass) === deviceClass,
        );
        const [ranked] = rankDrivers(device, [driver("d", ...rules)]);
        assert.deepEqual([ranked!.score > 0, ranked!.missed.length === 0], [fits, fits]);
      },
    ),
  );
});
