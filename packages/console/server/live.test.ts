// Runs in: node --test. Owns: units that the test plays, and pages that look at them.
import assert from "node:assert/strict";
import { test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { unitClasses } from "@ring3/client/classes";
import type { Units } from "@ring3/client/units";
import { manualClock } from "@ring3/core/clock";
import { defineContract, event, operation } from "@ring3/core/contract";
import { DeviceError } from "@ring3/core/errors";
import { i32, struct, u32 } from "@ring3/core/struct";
import type { UnitWord } from "./app.ts";
import { liveUnits } from "./live.ts";

/** With an event of each kind. */
const dial = defineContract({
  name: "dial",
  version: 1,
  operations: {
    aim: operation({ nr: 1, in: struct({ value: u32 }), replay: "always" }),
    home: operation({ nr: 2, replay: "always" }),
  },
  events: {
    position: event({ nr: 1, data: struct({ value: u32 }), overflow: "latest" }),
    turn: event({ nr: 2, data: struct({ by: i32 }), overflow: "add" }),
    click: event({ nr: 3, data: struct({ nr: u32 }), overflow: "drop-and-count" }),
  },
});
const classes = { dial: { contract: dial, recovery: {} } } as unknown as typeof unitClasses;
const LOOK_MS = 33;
const AGAIN_MS = 2000;
const settled = () => new Promise((resolve) => setImmediate(resolve));

/** One opening of a dial. */
class Opening {
  readonly #listeners = new Map<string, (data: unknown) => void>();
  #driver: (there: boolean) => void = () => {};
  closed = 0;
  gone: () => void = () => {};
  readonly session = {
    port: {
      properties: { steps: 7 },
      supports: (name: string) => name === "aim",
      on: (event: string, listener: (data: unknown) => void) => void this.#listeners.set(event, listener),
      onDriver: (listener: (there: boolean) => void) => {
        this.#driver = listener;
      },
      close: async () => void this.closed++,
    },
    end: {
      whenEnded: new Promise<void>((resolve) => {
        this.gone = resolve;
      }),
    },
  };

  tells(event: string, data: unknown): void {
    this.#listeners.get(event)!(data);
  }

  driver(there: boolean): void {
    this.#driver(there);
  }
}

/** `open`: what is waited for before a unit is open. */
function setUp(open: () => Promise<void> = async () => {}) {
  const clock = manualClock();
  const openings: Opening[] = [];
  const classOf: Readonly<Record<string, string>> = { "d#0": "dial", "x#0": "toaster" };
  const units = {
    info: (unit: string) =>
      classOf[unit] === undefined ? undefined : { class: classOf[unit], name: "Dial" },
    async open() {
      const opening = new Opening();
      openings.push(opening);
      await open();
      return opening.session;
    },
  } as unknown as Units;
  const live = liveUnits(units, clock, classes);
  /** A page; `words`: what it was told since it was asked last. */
  const page = (unit = "d#0") => {
    const tab = new AbortController();
    const heard: UnitWord[] = [];
    const over = (async () => {
      for await (const word of live(unit, tab.signal)) heard.push(word);
    })();
    const words = async () => {
      clock.advance(LOOK_MS);
      await settled();
      return heard.splice(0).map(({ event, data }) => `${event} ${JSON.stringify(data)}`);
    };
    /** Resolves once the page is over: it may be between two looks. */
    const end = () => {
      clock.advance(LOOK_MS);
      return over;
    };
    return { words, end, leave: () => tab.abort() };
  };
  return { clock, openings, page };
}

test("the first word is what the unit is, then comes what it tells", async () => {
  const { openings, page } = setUp();
  const one = page();
  assert.deepEqual(await one.words(), [
    'unit {"class":"dial","name":"Dial","properties":{"steps":7},"operations":["aim"],"events":["position","turn","click"]}',
  ]);
  openings[0]!.tells("position", "a");
  assert.deepEqual(await one.words(), ['position "a"']);
});

test("many pages look at a unit that is open once; it is closed behind the last", async () => {
  const { openings, page } = setUp();
  const pages = [page(), page(), page()];
  await settled();
  const [first, second, third] = pages as [(typeof pages)[0], (typeof pages)[0], (typeof pages)[0]];
  first.leave();
  second.leave();
  await Promise.all([first.end(), second.end()]);
  assert.deepEqual([openings.length, openings[0]!.closed], [1, 0]);
  third.leave();
  await third.end();
  assert.deepEqual([openings.length, openings[0]!.closed], [1, 1]);
});

test("who comes after the last page has left has it opened again", async () => {
  const { openings, page } = setUp();
  const one = page();
  await settled();
  one.leave();
  await one.end();
  const other = page();
  assert.equal((await other.words()).length, 1);
  assert.deepEqual([openings.length, openings[1]!.closed], [2, 0]);
});

test("a page that leaves while a unit is being opened does not close it under one that waits for it", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const { openings, page } = setUp(() => promise);
  const [leaves, waits] = [page(), page()];
  leaves.leave();
  resolve();
  await leaves.end();
  await waits.words();
  openings[0]!.tells("position", "a");
  assert.deepEqual((await waits.words()).at(-1), 'position "a"');
  assert.equal(openings[0]!.closed, 0);
});

test("the only page leaves while its unit is being opened: it is closed as soon as it is open", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const { openings, page } = setUp(() => promise);
  const one = page();
  one.leave();
  resolve();
  await one.end();
  assert.deepEqual(await one.words(), []);
  assert.equal(openings[0]!.closed, 1);
});

test("of a state a look shows the latest, of changes their sum, of occurrences the last sixteen", async () => {
  const { openings, page } = setUp();
  const one = page();
  await one.words();
  for (let nr = 1; nr <= 1000; nr++) {
    openings[0]!.tells("click", { nr });
    openings[0]!.tells("turn", { by: 2 });
    openings[0]!.tells("position", { value: nr });
  }
  assert.deepEqual(await one.words(), [
    ...Array.from({ length: 16 }, (_, index) => `click {"nr":${985 + index}}`),
    'turn {"by":2000}',
    'position {"value":1000}',
  ]);
});

test("a page that looks slowly is told less, and slows nobody", async () => {
  const { clock, openings, page } = setUp();
  const one = page();
  await one.words();
  await one.words();
  openings[0]!.tells("position", 1);
  await settled();
  openings[0]!.tells("position", 2);
  openings[0]!.tells("position", 3);
  assert.deepEqual(await one.words(), ["position 1", "position 3"]);
  assert.equal(clock.pending, 1);
});

test("who comes later is told what is so", async () => {
  const { openings, page } = setUp();
  page();
  await settled();
  openings[0]!.driver(true);
  openings[0]!.tells("position", "a");
  openings[0]!.tells("position", "b");
  openings[0]!.tells("click", 50);
  const words = await page().words();
  assert.deepEqual(words.slice(1), ['driver {"there":true}', 'position "b"']);
});

test("who comes when the driver has died is told that alone: nothing that it told is so any more", async () => {
  const { openings, page } = setUp();
  page();
  await settled();
  openings[0]!.tells("position", "a");
  openings[0]!.driver(false);
  assert.deepEqual((await page().words()).slice(1), ['driver {"there":false}']);
});

test("a driver that dies right after it told something is told of behind that", async () => {
  const { openings, page } = setUp();
  const one = page();
  await one.words();
  openings[0]!.driver(true);
  openings[0]!.tells("position", "a");
  openings[0]!.driver(false);
  assert.deepEqual(await one.words(), ['position "a"', 'driver {"there":false}']);
});

test("a unit that goes is told of to all that look at it, and looked at anew: with another medium it is another", async () => {
  const { openings, page, clock } = setUp();
  const pages = [page(), page()];
  for (const { words } of pages) await words();
  openings[0]!.gone();
  await settled();
  for (const { words } of pages) assert.deepEqual(await words(), ["end {}"]);
  clock.advance(AGAIN_MS);
  await settled();
  for (const { words } of pages) assert.match((await words()).join(), /^unit /);
  assert.deepEqual([openings.length, openings[0]!.closed, openings[1]!.closed], [2, 1, 0]);
});

test("who comes at the very moment when a unit goes does not wait for it for ever", async () => {
  const { openings, page } = setUp();
  page();
  await settled();
  openings[0]!.gone();
  assert.deepEqual(await page().words(), ["end {}"]);
});

test("a unit that goes while it is being opened is told of to who waits for it", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const { openings, page } = setUp(() => promise);
  const one = page();
  openings[0]!.gone();
  resolve();
  await settled();
  assert.equal((await one.words()).at(-1), "end {}");
  assert.equal(openings[0]!.closed, 1);
});

test("a page that leaves while its unit is away is over, and asks for it no more", async () => {
  const { openings, page, clock } = setUp();
  const one = page();
  await one.words();
  openings[0]!.gone();
  await settled();
  await one.words();
  one.leave();
  await one.end();
  clock.advance(AGAIN_MS);
  assert.deepEqual([openings.length, clock.pending], [1, 0]);
});

for (const [what, unit] of [
  ["that is not there", "n#0"],
  ["of a class that nobody knows", "x#0"],
] as const)
  test(`a unit ${what} cannot be looked at`, async () => {
    const { openings, page } = setUp();
    assert.match((await page(unit).words()).join(), /^trouble .*there is no such unit, or none of a class/);
    assert.equal(openings.length, 0);
  });

test("one that may not be opened is asked for again until it may be; why not is said once", async () => {
  let times = 0;
  const { openings, page, clock } = setUp(async () => {
    if (++times <= 3) throw new DeviceError("denied", "not for you");
  });
  const one = page();
  assert.deepEqual(await one.words(), [
    `trouble ${JSON.stringify(new DeviceError("denied", "not for you").message)}`,
  ]);
  for (let again = 0; again < 2; again++) {
    clock.advance(AGAIN_MS);
    assert.deepEqual(await one.words(), []);
  }
  clock.advance(AGAIN_MS);
  await settled();
  assert.match((await one.words()).join(), /^unit /);
  assert.equal(openings.length, 4);
});

test("a page that looks for an hour keeps nothing of what it has seen", async () => {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  const used = () => {
    collect();
    return process.memoryUsage().heapUsed;
  };
  const { openings, page } = setUp();
  const one = page();
  const looks = async (count: number) => {
    for (let value = 0; value < count; value++) {
      openings[0]!.tells("position", value);
      await one.words();
    }
  };
  await settled();
  await looks(1000);
  const before = used();
  await looks(30_000);
  const grown = used() - before;
  assert.ok(grown < 1_000_000, `${grown} bytes more`);
});
