// Runs in: node --test. Owns: a mapping file that the test plays, and a pad that it is about.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { MappingState } from "@ring3/control/client-edge";
import { type MappingRecord, recordName } from "@ring3/control/legacy";
import type { Named } from "@ring3/control/selector";
import { manualClock } from "@ring3/core/clock";
import { DeviceError } from "@ring3/core/errors";
import { createLog } from "@ring3/core/log";
import type { Device } from "./device.ts";
import { Mappings } from "./mappings.ts";
import type { Found } from "./watched-file.ts";

const file = "/etc/ring3/mapping.yaml";
const text = (...profiles: string[]) =>
  `devices:\n  - for: { class: gamepad }\n    profiles: { ${profiles.map((name) => `${name}: {}`).join(", ")} }\n`;

const played = (className: string, serial: string | null = "A7"): Device =>
  ({
    id: "usb-1-4:1.0",
    bus: { name: "A pad", identity: { vendor: "054c", product: "09cc", serial } },
    driver: { manifest: { class: className } },
    units: [{ index: 0, properties: {}, operations: [] }],
  }) as unknown as Device;
const unit = "usb-1-4:1.0#0";

function setUp(device = played("gamepad"), named = false) {
  const log: string[] = [];
  const notes: MappingRecord[] = [];
  const told: unknown[] = [];
  let there: Found;
  const manager = {
    devices: [device],
    log: createLog("test", ({ level, message }) => void log.push(`${level}: ${message}`), manualClock()),
    named: ({ id, bus: { identity } }: Device): Named => ({
      ...{ id, alias: null, serial: identity.serial },
      usb: `${identity.vendor}:${identity.product}`,
    }),
    resolve: () => device,
  };
  const mappings: Mappings = new Mappings({
    file,
    named,
    look: () => mappings.found(there),
    manager,
    legacy: { note: (_, __, record) => void notes.push(record as MappingRecord), hold() {}, drop() {} },
  });
  mappings.watch({
    mapping: (text) => told.push(text),
    profile: (_, unit, profile) => told.push([unit, profile]),
  });
  const handlers = mappings.handlers(
    () => {},
    () => {},
  );
  const none = undefined as never;
  return {
    mappings,
    log,
    notes,
    told,
    device,
    write: (found: Found) => {
      there = found;
    },
    state: () => handlers.mapping({}, [], none) as MappingState,
    use: (profile: string) => handlers.useProfile({ device: device.id, profile }, [], none),
  };
}

test("what is accepted is told to reflectors and kept; what is the same is told once; no file maps nothing", () => {
  const { state, write, told, notes } = setUp();
  assert.deepEqual([state().running, told], ["", []]);
  write(text("desktop"));
  assert.equal(state().units[0]!.profile, "desktop");
  state();
  write(undefined);
  assert.equal(state().units[0]!.profile, null);
  assert.deepEqual(told, [text("desktop"), ""]);
  assert.deepEqual(
    notes.map(({ text }) => text),
    told,
  );
});

test("what is refused is said once with its place and kept for who asks; what ran goes on, and is no news when it is back", () => {
  const { state, write, told, log } = setUp();
  write(text("desktop"));
  state();
  log.length = 0;
  write("devices: 7\n");
  for (const { refused, running } of [state(), state()])
    assert.deepEqual([refused!.problems[0]!.line, running], [1, text("desktop")]);
  assert.deepEqual(log, [
    `error: the mapping is refused, and stays as it was: ${file}:1:10: devices: expected a list, found 7`,
  ]);
  write(new Error("EACCES: permission denied"));
  assert.equal(state().refused!.message, `${file}: EACCES: permission denied`);
  write("#".repeat(262_145));
  assert.match(state().refused!.message, /expected at most 262144 characters, and text, found 262145/);
  write(`#${"\u0001".repeat(200_000)}`); // six characters each where the keeper has it
  assert.match(state().refused!.message, /and text, found 200001/);
  write(text("desktop"));
  assert.equal(state().refused, null);
  assert.deepEqual(told, [text("desktop")]);
});

test("a file that somebody has named and that is not there is said", () => {
  const { state, log } = setUp(undefined, true);
  state();
  state();
  assert.deepEqual(log, [`warn: the mapping file ${file} is not there yet: nothing is mapped`]);
});

test("a profile is made active at the unit's reflector; it stays as long as the mapping has it, and comes back with it", () => {
  const { state, use, write, told } = setUp();
  write(text("desktop", "game"));
  assert.deepEqual(use("game"), { units: [unit] });
  assert.deepEqual(told.at(-1), [unit, "game"]);
  const active = () => state().units[0]!.profile;
  assert.equal(active(), "game");
  write(text("desktop"));
  assert.equal(active(), "desktop");
  write(text("desktop", "game"));
  assert.equal(active(), "game");
});

test("a profile that there is not, a device without a mapping, one without buttons: refused with what there is", () => {
  const pad = setUp();
  assert.throws(() => pad.use("game"), {
    kind: "invalid",
    message: new RegExp(`nothing in ${file} is for it`),
  });
  pad.write(text("desktop", "game"));
  assert.throws(() => pad.use("gane"), {
    message: /none of that name \(did you mean "game"\?\); there are desktop, game/,
  });
  const disk = setUp(played("block"));
  assert.throws(() => disk.use("game"), { message: /no game controller, keyboard or mouse/ });
  assert.deepEqual(disk.state().units, []);
});

test("the next manager goes on with it, refused file or not, and knows the profile of that device, not of another in its place", () => {
  const first = setUp();
  first.write(text("desktop", "game"));
  first.state();
  first.mappings.told(first.device, unit, "game");
  const record = first.notes.at(-1)!;
  const left = [{ name: recordName("mapping", "file"), record, held: [] }];
  const next = setUp();
  next.mappings.inherit(left);
  next.write("devices: 7\n");
  const { running, refused, units } = next.state();
  assert.deepEqual([running, refused === null, units[0]!.profile], [text("desktop", "game"), false, "game"]);
  assert.equal(next.mappings.profileOf(played("gamepad"), unit), "game");
  assert.equal(next.mappings.profileOf(played("gamepad", "B8"), unit), null);
});

test("of devices that come and go the latest 256 profiles are kept", () => {
  const { mappings, device } = setUp();
  for (let at = 0; at < 300; at++) mappings.told(device, `usb-1-4:1.0#${at}`, "game");
  mappings.told(device, "usb-1-4:1.0#50", "game");
  const kept = Array.from({ length: 300 }, (_, at) => mappings.profileOf(device, `usb-1-4:1.0#${at}`)).filter(
    (profile) => profile !== null,
  );
  assert.equal(kept.length, 256);
});

test("only who may administer ring3 sees it", () => {
  const { mappings } = setUp();
  const refuse = () => {
    throw new DeviceError("denied", "only root and the user of ring3 may");
  };
  const handlers = mappings.handlers(refuse, refuse);
  assert.throws(() => handlers.mapping({}, [], undefined as never), { kind: "denied" });
  assert.throws(() => handlers.useProfile({ device: "x", profile: "y" }, [], undefined as never), {
    kind: "denied",
  });
});
