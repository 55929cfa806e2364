import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { DocumentError } from "./document.ts";
import { schemas } from "./generate-schema.ts";
import { parseManifest, satisfies, sdkVersion } from "./manifest.ts";

const usbStorage = {
  name: "usb-storage",
  version: "0.1.0",
  sdk: "^0.1.0",
  class: "block",
  match: [{ usb: { interface: { class: "0x08", subclass: 6, protocol: "0x50" } } }],
  grants: ["usb"],
};

function complaint(manifest: object | string): string {
  const text = typeof manifest === "string" ? manifest : JSON.stringify(manifest, null, 2);
  try {
    parseManifest(text, "driver.json");
  } catch (error) {
    assert.ok(error instanceof DocumentError);
    return error.message;
  }
  return "accepted";
}

test("a whole manifest is read, numbers in either form, defaults filled in", () => {
  assert.deepEqual(parseManifest(JSON.stringify(usbStorage, null, "\t"), "driver.json"), {
    ...usbStorage,
    match: [{ usb: { interface: { class: 8, subclass: 6, protocol: 80 } } }],
    placement: "isolated",
    latency: "wake",
    sandbox: "standard",
    stateVersion: 0,
    stateOutlives: "driver",
    limits: { memoryMb: 256, hangMs: 1500, cancelMs: 1000, probeMs: 15_000 },
  });
});

for (const placement of ["isolated", "inline", "pooled:disks", "pooled:a-1"])
  test(`a placement of ${placement} is read`, () =>
    assert.equal(
      parseManifest(JSON.stringify({ ...usbStorage, placement }), "driver.json").placement,
      placement,
    ));

test("a strict driver in a pool is read", () =>
  assert.equal(complaint({ ...usbStorage, sandbox: "strict", placement: "pooled:disks" }), "accepted"));

test("a driver of two buses has rules for both, and both their surfaces", () => {
  const both = {
    ...usbStorage,
    match: [{ usb: { interface: { class: 3 } } }, { hid: { bus: "0x0005", usagePage: 1, usage: "0x0005" } }],
    grants: ["usb", "hidraw"],
    requests: { hidraw: ["HIDIOCSFEATURE"] },
  };
  const { match, grants } = parseManifest(JSON.stringify(both), "driver.json");
  assert.deepEqual(match[1], { hid: { bus: 5, usagePage: 1, usage: 5 } });
  assert.deepEqual(grants, ["usb", "hidraw"]);
});

const wrong: [name: string, manifest: object | string, expected: string][] = [
  ["no text", "", "driver.json:1:1: expected an object, found nothing"],
  ["a list", "[1]", "driver.json:1:1: expected an object, found a list"],
  [
    "an unfinished object",
    '{\n "name":',
    "driver.json:2:9: expected YAML or JSON, found Flow map must end with a }",
  ],
  [
    "a field given twice",
    '{"name":"a",\n "name":"b"}',
    "driver.json:2:2: expected each field once, found a field twice",
  ],
  [
    "no name",
    { ...usbStorage, name: undefined },
    'driver.json:1:1: name: expected a field "name", found none',
  ],
  [
    "a misspelt field",
    { ...usbStorage, grnats: [] },
    'driver.json:20:3: grnats: expected one of the fields $schema, name, version, sdk, class, match, grants, requests, placement, latency, sandbox, stateVersion, stateOutlives, limits, found "grnats" (did you mean "grants"?)',
  ],
  [
    "a surface that no bus of its rules has",
    { ...usbStorage, grants: ["usb", "i2c"] },
    'driver.json:19:5: grants.1: expected "usb" or "hidraw", found "i2c"',
  ],
  [
    "a surface of a bus that no rule names",
    { ...usbStorage, grants: ["usb", "hidraw"] },
    "driver.json:17:13: grants: expected the surface of each bus that its rules name, and no other, found a list",
  ],
  [
    "a rule of a bus whose surface it is not granted",
    { ...usbStorage, match: [...usbStorage.match, { hid: { vendor: 1 } }] },
    "driver.json:22:13: grants: expected the surface of each bus that its rules name, and no other, found a list",
  ],
  [
    "a rule of two buses at once",
    { ...usbStorage, match: [{ usb: { vendor: 1 }, hid: { vendor: 1 } }] },
    "driver.json:7:5: match.0: expected exactly one of the fields usb, hid, found an object",
  ],
  [
    "a rule of no bus",
    { ...usbStorage, match: [{}] },
    "driver.json:7:5: match.0: expected exactly one of the fields usb, hid, found an object",
  ],
  [
    "a usage without its page",
    { ...usbStorage, match: [{ hid: { usage: 5 } }], grants: ["hidraw"] },
    "driver.json:8:14: match.0.hid: expected usagePage beside usage, found an object",
  ],
  [
    "a rule for every HID device",
    { ...usbStorage, match: [{ hid: {} }], grants: ["hidraw"] },
    "driver.json:8:14: match.0.hid: expected at least one field: an empty rule would match every device, found an object",
  ],
  [
    "a filter with an ioctl that its surface does not have",
    { ...usbStorage, requests: { usb: ["USBDEVFS_SUBMITURB", "USBDEVFS_DROP_PRIVILEGES"] } },
    'driver.json:23:7: requests.usb.1: expected "USBDEVFS_SUBMITURB" or "USBDEVFS_DISCARDURB" or "USBDEVFS_REAPURBNDELAY" or "USBDEVFS_GET_CAPABILITIES" or "USBDEVFS_CLEAR_HALT" or "USBDEVFS_SETINTERFACE" or "USBDEVFS_CLAIMINTERFACE" or "USBDEVFS_RELEASEINTERFACE" or "USBDEVFS_RESET" or "USBDEVFS_GETDRIVER", found "USBDEVFS_DROP_PRIVILEGES"',
  ],
  [
    "a latency class that there is not",
    { ...usbStorage, latency: "none" },
    'driver.json:20:14: latency: expected "wake" or "poll", found "none"',
  ],
  [
    "a tier that there is not",
    { ...usbStorage, sandbox: "none" },
    'driver.json:20:14: sandbox: expected "standard" or "strict", found "none"',
  ],
  ...["kernel", "pooled", "pooled:", "pooled:Disks", "Inline"].map((placement): (typeof wrong)[number] => [
    `a placement of ${placement}`,
    { ...usbStorage, placement },
    `driver.json:20:16: placement: expected "isolated", "inline" or "pooled:NAME", with a name of small letters, digits and dashes, found "${placement}"`,
  ]),
  [
    "inline beside the tier that a reflector has not",
    { ...usbStorage, sandbox: "strict", placement: "inline" },
    `driver.json:21:16: placement: expected "isolated" or "pooled:NAME" beside sandbox "strict": a reflector runs with V8's compiler, found "inline"`,
  ],
  [
    "a rule for everything",
    { ...usbStorage, match: [{ usb: {} }] },
    "driver.json:8:14: match.0.usb: expected at least one field: an empty rule would match every device, found an object",
  ],
  ["no rule", { ...usbStorage, match: [] }, "driver.json:6:12: match: expected at least one rule, found 0"],
  [
    "an id that does not fit",
    { ...usbStorage, match: [{ usb: { vendor: 70_000 } }] },
    'driver.json:9:19: match.0.usb.vendor: expected a number from 0 to 65535, or a string such as "0x046d", found 70000',
  ],
  [
    "hexadecimal digits without 0x",
    { ...usbStorage, match: [{ usb: { vendor: "046d" } }] },
    'driver.json:9:19: match.0.usb.vendor: expected a number from 0 to 65535, or a string such as "0x046d", found "046d"',
  ],
  [
    "a product of no vendor",
    { ...usbStorage, match: [{ usb: { product: 1 } }] },
    "driver.json:8:14: match.0.usb: expected vendor beside product, found an object",
  ],
  [
    "a name that is a path",
    { ...usbStorage, name: "../../etc" },
    'driver.json:2:11: name: expected a name of small letters, digits and dashes, such as "usb-storage", found "../../etc"',
  ],
  [
    "a limit that is a text",
    { ...usbStorage, limits: { memoryMb: "lots" } },
    'driver.json:21:17: limits.memoryMb: expected an integer from 32 to 4096, found "lots"',
  ],
];

for (const [name, manifest, expected] of wrong) {
  test(`${name} is refused with file, line, expected and found`, () =>
    assert.equal(complaint(manifest), expected));
}

test("several mistakes are all named, at most ten", () => {
  const many = Array.from({ length: 30 }, (_, n) => ({ usb: { [`wrong${n}`]: n } }));
  assert.equal(complaint({ ...usbStorage, match: many }).split("\n").length, 10);
});

test("no text makes the reader fail in another way than DocumentError", () => {
  fc.assert(fc.property(fc.oneof(fc.string(), fc.json()), (text) => void complaint(text)));
});

test("a manifest beyond the length limit is refused unread", () => {
  assert.match(complaint(`# ${"x".repeat(2_000_000)}`), /expected at most 1048576 characters/);
});

const ranges: [version: string, range: string, fits: boolean][] = [
  ["0.1.0", "^0.1.0", true],
  ["0.1.9", "^0.1.2", true],
  ["0.1.1", "^0.1.2", false],
  ["0.2.0", "^0.1.0", false],
  ["1.9.0", "^1.2.3", true],
  ["1.2.2", "^1.2.3", false],
  ["2.0.0", "^1.2.3", false],
  ["0.0.3", "^0.0.3", true],
  ["0.0.4", "^0.0.3", false],
  ["0.1.0", "0.1.0", true],
  ["0.1.1", "0.1.0", false],
];

for (const [version, range, fits] of ranges) {
  test(`sdk ${version} against ${range}: ${fits}`, () => assert.equal(satisfies(version, range), fits));
}

for (const { path, text } of schemas)
  test(`${basename(path.pathname)} is what the schema generates`, () => {
    assert.deepEqual(
      JSON.parse(readFileSync(path, "utf8")),
      JSON.parse(text()),
      "run node packages/control/generate-schema.ts",
    );
  });

test("the sdk version that manifests are held against is the sdk's", () => {
  const { version } = JSON.parse(readFileSync(new URL("../sdk/package.json", import.meta.url), "utf8"));
  assert.equal(sdkVersion, version);
});
