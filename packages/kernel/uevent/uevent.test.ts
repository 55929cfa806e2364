// Runs in: tests. Owns: messages made up by hand; the lab's guest makes real ones.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseUevent, watchUevents } from "./uevent.ts";

// Written down from a Linux 6.18 kernel when a device was announced anew through its `uevent` file.
const captured =
  "change@/devices/virtual/mem/null\0ACTION=change\0DEVPATH=/devices/virtual/mem/null\0SUBSYSTEM=mem\0SYNTH_UUID=0\0" +
  "MAJOR=1\0MINOR=3\0DEVNAME=null\0DEVMODE=0666\0SEQNUM=816\0";
const bytes = (text: string) => new TextEncoder().encode(text);

test("a message of the kernel has action, path, subsystem and all properties", () => {
  const event = parseUevent(bytes(captured))!;
  assert.equal(event.action, "change");
  assert.equal(event.devpath, "/devices/virtual/mem/null");
  assert.equal(event.subsystem, "mem");
  assert.equal(event.properties.get("SEQNUM"), "816");
  assert.equal(event.properties.size, 9);
});

test("a value may be empty and hold equals signs", () => {
  const event = parseUevent(bytes(`${captured}EMPTY=\0MODALIAS=usb:v1=2\0`))!;
  assert.equal(event.properties.get("EMPTY"), "");
  assert.equal(event.properties.get("MODALIAS"), "usb:v1=2");
});

const hostile: Record<string, string | Uint8Array> = {
  nothing: "",
  "a single NUL": "\0",
  "a message cut short": captured.slice(0, -1),
  "a line without a key": captured.replace("MAJOR=", "="),
  "a line without a value": captured.replace("MAJOR=1", "MAJOR"),
  "a key twice": `${captured}ACTION=remove\0`,
  "a header that names another action": captured.replace("change@", "add@"),
  "a header that names another path": captured.replace("@/devices", "@/other"),
  "no subsystem": captured.replace("SUBSYSTEM=", "SYSTEM="),
  "a path that climbs": captured.replaceAll("/virtual/", "/../"),
  "a path without a slash": captured.replaceAll("/devices", "devices"),
  "an action in capitals": captured.replaceAll("change", "CHANGE"),
  "udev's own format": `libudev\0${captured}`,
  "bytes that are not UTF-8": Buffer.concat([bytes(captured), Buffer.from([0x41, 0x3d, 0xff, 0])]),
  "a message beyond any kernel's size": `${captured}X=${"x".repeat(8192)}\0`,
};
for (const [what, message] of Object.entries(hostile))
  test(`${what} is no uevent`, () => {
    assert.equal(parseUevent(typeof message === "string" ? bytes(message) : message), undefined);
  });

test("any bytes give an event or undefined, and an event's path stays below /sys", () => {
  const line = fc.string({ unit: fc.constantFrom("A", "=", "/", ".", "@", "\0", "a") });
  const message = fc.oneof(
    fc.uint8Array({ maxLength: 300 }),
    fc.array(line).map((lines) => bytes(`${lines.join("\0")}\0`)),
    fc
      .tuple(fc.nat(captured.length), line)
      .map(([at, text]) => bytes(captured.slice(0, at) + text + captured.slice(at))),
  );
  fc.assert(
    fc.property(message, (input) => {
      const path = parseUevent(input)?.devpath ?? "/";
      assert.ok(path.startsWith("/") && !path.split("/").includes(".."));
    }),
  );
});

test("a watch opens its socket and closes it", () => {
  const watched = watchUevents(
    () => {},
    () => {},
  );
  watched.ref(false);
  watched.close();
  watched.close();
});
