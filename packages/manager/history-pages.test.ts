// Runs in: node --test. Owns: what a keeper has of a device's history, and managers that come one after the other.
import assert from "node:assert/strict";
import { test } from "node:test";
import { encodeRecord, legacyVersion } from "@ring3/control/legacy";
import type { Passage } from "@ring3/control/observation";
import { manualClock } from "@ring3/core/clock";
import { createLog } from "@ring3/core/log";
import type { Device } from "./device.ts";
import { busDevice, chosenDriver, FakeHosts, playedDevice, unit } from "./fake-host.fixture.ts";
import { History } from "./history.ts";
import type { InheritedRecord, Legacy } from "./legacy.ts";

const CLOCK_SET_BACK_MS = 3_600_000;

/** What the keeper has, and all that it was ever told. */
class Kept implements Legacy {
  readonly notes = new Map<string, string>();
  told = 0;
  characters = 0;

  note: Legacy["note"] = (kind, name, record) => {
    const text = encodeRecord(kind, record);
    this.notes.set(name, text);
    this.told++;
    this.characters += text.length;
  };
  hold() {}
  drop(name: string) {
    this.notes.delete(name);
  }

  get records(): InheritedRecord[] {
    return [...this.notes].map(([name, note]) => ({ name, note, held: [] }));
  }
}

async function setUp() {
  const time = manualClock();
  /** What somebody sets the machine's clock by. */
  let setBy = CLOCK_SET_BACK_MS;
  const clock = { ...time, wallTime: () => time.wallTime() + setBy };
  const hosts = new FakeHosts();
  const kept = new Kept();
  const logged: string[] = [];
  const manager = () =>
    new History(
      clock,
      kept,
      createLog("test", ({ message }) => logged.push(message), clock),
    );
  const plug = (history: () => History): Device =>
    playedDevice(hosts, clock, {
      changed: (device) => history().changed([device]),
      stepped: (device, step) => history().stepped(device, step),
    });
  let history = manager();
  const device = plug(() => history);
  history.changed([device]);
  device.matched(chosenDriver(), true);
  await hosts.last.runs(unit());
  return {
    time,
    kept,
    logged,
    device,
    another: () => plug(() => history),
    setBack: () => {
      setBy = 0;
    },
    /** The driver dies so, and another comes. */
    async dies(text?: string) {
      hosts.last.fails(text);
      await hosts.last.dies();
      await hosts.last.runs(unit());
      device.progress();
    },
    fails: () => hosts.last.fails(),
    history: () => history,
    /** Another manager, which finds those devices. */
    succeed(devices: readonly Device[], records = kept.records) {
      history = manager();
      history.inherit(records);
      history.settled(devices);
      return history;
    },
  };
}

const told = (passages: readonly Passage[]) =>
  passages.map(({ timeMs, state, incarnation, reason }) => `${timeMs} ${state} ${incarnation} ${reason}`);

test("the next manager tells the same, and says that it is another", async () => {
  const { time, device, dies, history, succeed } = await setUp();
  await dies("the first");
  time.advance(2000);
  await dies("the second");
  time.advance(20);
  const { passages, steps } = history().of(device);
  const next = succeed([device]).of(device);
  assert.deepEqual(next.steps, steps);
  assert.deepEqual(next.passages.slice(0, -1), passages);
  assert.deepEqual(next.passages.at(-1), {
    ...passages.at(-1)!,
    timeMs: CLOCK_SET_BACK_MS + 2020,
    reason: "ring3's manager died, and another took its place",
  });
  assert.deepEqual(
    passages.filter(({ state }) => state === "failed").map(({ reason }) => reason),
    ["exit: the first", "exit: the second"],
  );
});

test("the last steps are known to the next manager, and what comes then is behind them and kept as well", async () => {
  const { device, dies, succeed } = await setUp();
  await dies();
  const steps = (history: History) => history.lastSteps(device).map(({ step }) => step);
  assert.deepEqual(steps(succeed([device])).slice(0, 3), ["failed", "killed", "fenced"]);
  await dies("later");
  const history = succeed([device]);
  assert.equal(history.lastSteps(device)[0]!.detail, "exit: later");
  assert.equal(steps(history).at(-1), "running");
});

test("a driver that has died while there was no manager has failed, and not gone on", async () => {
  const { device, fails, kept, succeed } = await setUp();
  const { records } = kept;
  fails();
  const { state, reason } = succeed([device], records).of(device).passages.at(-1)!;
  assert.deepEqual([state, reason], ["failed", device.life.reason]);
});

test("after a clock was set back all is in its order", async () => {
  const { device, dies, setBack, history, succeed } = await setUp();
  await dies("before");
  setBack();
  await dies("after");
  const before = told(history().of(device).passages);
  assert.deepEqual(told(succeed([device]).of(device).passages).slice(0, -1), before);
  assert.match(before.at(-1)!, /^0 running 3 $/);
});

test("another device in its place begins anew, and so does the same in a later enumeration", async () => {
  const { another, dies, history, kept, succeed } = await setUp();
  for (let times = 0; times < 20; times++) await dies();
  assert.ok(kept.notes.size > 1);
  const { records } = kept;
  const anew = (device: Device) => {
    const { passages, steps } = history().of(device);
    assert.deepEqual([told(passages), steps], [[`${CLOCK_SET_BACK_MS} unmatched 0 `], []]);
    assert.equal(kept.notes.size, 1);
  };
  const other = another();
  history().changed([other]);
  anew(other);
  for (const { name, note } of records) kept.notes.set(name, note!);
  const later = another();
  later.returned(busDevice());
  succeed([later], records);
  anew(later);
});

test("a device that was plugged in again goes on with the next manager too", async () => {
  const { device, history, succeed } = await setUp();
  device.returned(busDevice());
  history().changed([device]);
  const { passages } = history().of(device);
  assert.equal(passages.at(-1)!.incarnation, 0);
  assert.deepEqual(succeed([device]).of(device).passages.slice(0, -1), passages);
});

test("managers that die one after the other fill the pages no faster than one that lives", async () => {
  const { device, kept, succeed } = await setUp();
  for (let times = 0; times < 40; times++) succeed([device]);
  assert.equal(kept.notes.size, 1);
});

test("of a device that is not there any more nothing is kept", async () => {
  const { dies, history, kept, succeed } = await setUp();
  succeed([]);
  assert.equal(kept.notes.size, 0);
  await dies();
  assert.ok(kept.notes.size > 0);
  history().changed([]);
  assert.equal(kept.notes.size, 0);
});

test("of a device that fails for ever the latest is kept, and so much that some fifty starts are", async () => {
  const { device, dies, history, kept, succeed } = await setUp();
  for (let times = 0; times < 400; times++) await dies();
  assert.equal(kept.notes.size, 8);
  const { passages, steps } = succeed([device]).of(device);
  assert.equal(passages.at(-1)!.incarnation, 401);
  assert.equal(steps.at(-1)!.incarnation, 401);
  const starts = new Set(passages.map(({ incarnation }) => incarnation)).size;
  assert.ok(starts > 50 && starts < 100, `${starts} starts`);
  assert.deepEqual(history().of(device).steps, steps);
});

test("a driver's own words make no page longer than one of them more, and a restart costs some kilobytes", async () => {
  const { dies, kept } = await setUp();
  const words = `"${"\u00e9".repeat(3000)}`;
  for (let times = 0; times < 100; times++) await dies(words);
  assert.equal(kept.notes.size, 8);
  for (const note of kept.notes.values()) assert.ok(note.length < 20_000, `${note.length}`);
  kept.told = 0;
  kept.characters = 0;
  for (let times = 0; times < 100; times++) await dies();
  assert.ok(kept.told <= 100 * 12, `${kept.told} notes`);
  assert.ok(kept.characters < 100 * 12 * 10_000, `${kept.characters} characters`);
});

const record = {
  device: "usb-1-4:1.0",
  enumeration: 1,
  page: 1,
  passages: [],
  steps: [],
};
const text = (record: object, version = legacyVersion) => JSON.stringify({ version, record });
for (const [what, note, expected] of [
  ["no text", null, /it has no text/],
  ["half a text", text(record).slice(0, -9), /no JSON/],
  ["another version", text(record, legacyVersion - 1), /version/],
  ["a state that there is not", text({ ...record, passages: [{ state: "flying" }] }), /history.passages.0/],
  ["page 0", text({ ...record, page: 0 }), /history.page/],
  ["a field too many", text({ ...record, more: 1 }), /history.more/],
] as const)
  test(`a page with ${what} is left out and said, and the others stay`, async () => {
    const { device, dies, history, kept, logged, succeed } = await setUp();
    await dies();
    const { passages } = history().of(device);
    kept.notes.set("history/x/1", "");
    const bad = { name: "history/x/1", note, held: [] };
    const next = succeed([device], [bad, ...kept.records.filter(({ name }) => name !== bad.name)]);
    assert.deepEqual(told(next.of(device).passages).slice(0, -1), told(passages));
    assert.equal(kept.notes.has(bad.name), false);
    assert.equal(logged.length, 1);
    assert.match(logged[0]!, expected);
  });
