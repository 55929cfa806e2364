import assert from "node:assert/strict";
import { test } from "node:test";
import type { Explanation } from "@ring3/control/explanation";
import type { DeviceStatus, Status } from "@ring3/control/status";
import { explanationText, fit, logText, plain, statusText } from "./text.ts";

const address = "nbd+unix:///usb-ring3-1%3A1.0%230?socket=/run/ring3/block.sock";
const device: DeviceStatus = {
  id: "usb-1-4.2:1.0",
  alias: "backup",
  identity: "0781:5583 4C53",
  name: "SanDisk Extreme with a name that goes on and on and on",
  bus: "usb",
  driver: "usb-storage",
  class: "block",
  placement: "isolated",
  sandbox: "standard",
  state: "running",
  reason: "",
  incarnation: 11,
  restarts: 10,
  hostPid: 4711,
  units: [{ id: "usb-1-4.2:1.0#0", endpoints: [{ kind: "nbd", address }] }],
};
const status: Status = {
  keeperPid: 100,
  manager: { pid: 101, uptimeMs: 65_000 },
  reflectors: [{ class: "block", pid: 102 }],
  devices: [device],
};

test("status shows processes, devices and endpoints within 80 columns, addresses whole", () => {
  assert.deepEqual(statusText(status, "/run/ring3", 80, plain).split("\n"), [
    "ring3 in /run/ring3: keeper 100, manager 101, block reflector 102, up 1 min",
    "",
    "DEVICE                  STATE        DRIVER       START      PID  NAME",
    "usb-1-4.2:1.0 (backup)  running      usb-storage    #11     4711  SanDisk Extre…",
    `  #0 nbd  ${address}`,
  ]);
});

test("a device that does not run shows why, one without a jail says so, control characters are gone", () => {
  const failed: DeviceStatus = {
    ...device,
    state: "quarantined",
    reason: "five failures\x1b[31m in a row",
    sandbox: "none",
    hostPid: null,
    units: [],
    name: "a\x1b]0;b",
  };
  const text = statusText({ ...status, devices: [failed] }, "/run/ring3", 80, plain);
  assert.deepEqual(text.split("\n").slice(3), [
    "usb-1-4.2:1.0 (backup)  quarantined  usb-storage    #11        -  a]0;b",
    "  five failures[31m in a row",
    "  runs WITHOUT a sandbox: its driver can do what the user can do",
  ]);
});

test("no device is said, not shown as an empty table", () => {
  assert.match(statusText({ ...status, devices: [] }, "/run/ring3", 80, plain), /no devices$/);
});

test("colour stands round the state only", () => {
  const text = statusText(status, "/run/ring3", 80, (colour, painted) => `<${colour}>${painted}</>`);
  assert.match(text, / {2}<green>running<\/> {6}/);
});

test("a text is padded or cut to its column", () => {
  assert.deepEqual([fit("abc", 5), fit("abcdef", 5), fit("", 2)], ["abc  ", "abcd…", "  "]);
});

test("a log entry is one line, whatever a driver wrote", () => {
  const line = logText(
    {
      time: 0,
      level: "warn",
      source: "usb-1-4:1.0",
      message: "oh\nno\x07",
      fields: { incarnation: 2, why: "two words", empty: "" },
    },
    plain,
  );
  assert.equal(
    line,
    '1970-01-01 00:00:00.000 warn  usb-1-4:1.0 oh no incarnation=2 why="two words" empty=""',
  );
});

test("an inline driver is said in red to be without isolation, and its reflector is listed by its name", () => {
  const inline: DeviceStatus = { ...device, placement: "inline", sandbox: "none", units: [] };
  const reflectors = [...status.reflectors, { class: "block", pid: 103, driver: "usb-storage" }];
  const paint = (colour: string, text: string) => `<${colour}>${text}`;
  const lines = statusText({ ...status, reflectors, devices: [inline] }, "/run/ring3", 200, paint).split(
    "\n",
  );
  assert.match(lines[0]!, /block reflector 102, usb-storage reflector 103/);
  assert.equal(lines.at(-1), "<red>  runs INLINE: no isolation, its driver's faults are its reflector's");
});

const explanation: Explanation = {
  id: "usb-1-4:1.0",
  identity: "0781:5583",
  name: "SanDisk",
  state: "available",
  reason: "the kernel's driver has it",
  driver: "usb-storage",
  placement: "isolated: in a process of its own",
  processors: "on any processor",
  ranking: [
    { driver: "usb-storage", version: "0.1.0", score: 14, matched: ["interface.class: 0x08"], missed: [] },
    { driver: "generic", version: "1.0.0", score: 2, matched: ["interface.class: 0x08"], missed: [] },
    {
      driver: "usb-uas",
      version: "0.1.0",
      score: 0,
      matched: [],
      missed: ["interface.protocol: the device has 0x50, the driver wants 0x62"],
    },
  ],
  kernelDriver: "usb-storage",
  takeRule: null,
  holders: [{ node: "/dev/sdb1", how: "mounted", where: "/mnt" }],
  jail: { tier: "strict", systemCalls: ["ioctl", "read"], requests: ["USBDEVFS_RESET"] },
  missing: [],
  next: ["umount /mnt", "ring3 start usb-1-4:1.0 --take"],
  steps: [],
  inFlight: [],
};

test("an explanation says why this driver, why not the others, who has it and what to do", () => {
  assert.deepEqual(explanationText(explanation, 80, plain).split("\n"), [
    "usb-1-4:1.0  SanDisk  0781:5583",
    "is available: the kernel's driver has it",
    "",
    "Driver",
    "  usb-storage 0.1.0 (score 14): interface.class: 0x08",
    "",
    "Why not the others",
    "  generic 1.0.0: matches, with score 2 only",
    "  usb-uas 0.1.0: interface.protocol: the device has 0x50, the driver wants 0x62",
    "",
    "What the driver may ask of the kernel",
    "  2 system calls (tier strict): ioctl, read",
    "  ioctl requests (1): USBDEVFS_RESET",
    "",
    "Where it runs",
    "  isolated: in a process of its own",
    "  on any processor",
    "",
    "Who has it",
    "  the kernel's usb-storage has it",
    "  /dev/sdb1: mounted /mnt",
    "",
    "What to do",
    "  umount /mnt",
    "  ring3 start usb-1-4:1.0 --take",
  ]);
});
