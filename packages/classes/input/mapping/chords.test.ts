// Runs in: node --test. Owns: nothing.
import assert from "node:assert/strict";
import { test } from "node:test";
import { createMapper } from "./mapper.ts";
import {
  control,
  layer,
  macro,
  mapping,
  on,
  pad,
  padState,
  press,
  profile,
  step,
} from "./mapping.fixture.ts";

const chords = () =>
  createMapper(
    mapping({
      a: {
        bindings: [
          on("south+east", press("KEY_A")),
          on("south+east+north", press("KEY_B"), { withinMs: 80 }),
          on("select+start", profile("b")),
          on("west", press("KEY_W")),
          on("west+mode", macro([step("KEY_M", "", 20)], { whileHeld: true })),
        ],
      },
      b: {},
    }),
    { gamepad: pad },
  );
type Button = Parameters<typeof padState>[0][number];

/** What is pressed when, in milliseconds, and what keys and buttons are seen from when on. */
function seen(script: readonly (readonly [atMs: number, ...buttons: Button[]])[], untilMs = 300): string[] {
  const mapper = chords();
  const changes: string[] = [];
  let before = "";
  let output = mapper.wake(0);
  const note = (nowMs: number) => {
    const names = ["KEY_A", "KEY_B", "KEY_W", "KEY_M"].filter((name) =>
      output.keyboard.includes(control(name)),
    );
    const passed = (["south", "east", "north", "west", "select", "start", "mode"] as const).filter(
      (name) => (output.gamepad!.buttons & padState([name]).buttons) !== 0,
    );
    const now = [...names, ...passed].join(" ");
    if (now !== before) changes.push(`${nowMs}: ${now}`.trim());
    before = now;
  };
  const rest = [...script];
  for (;;) {
    const next = rest[0]?.[0] ?? untilMs;
    const wake = output.nextWakeMs ?? untilMs;
    if (Math.min(next, wake) >= untilMs) return changes;
    if (wake <= next) output = mapper.wake(wake);
    else output = mapper.state(padState(rest.shift()!.slice(1) as Button[]), next);
    note(Math.min(wake, next));
  }
}

for (const [name, script, expected] of [
  [
    "a chord that no larger one has begins with its last button, whatever the order",
    [[0, "start"], [10, "start", "select"], [20]],
    [],
  ],
  [
    "a chord that a larger one has waits for that one's time",
    [[0, "south"], [10, "east", "south"], [200]],
    ["80: KEY_A", "200:"],
  ],
  [
    "the larger one begins at once, in any order",
    [[0, "north"], [10, "north", "east"], [30, "north", "east", "south"], [200]],
    ["30: KEY_B", "200:"],
  ],
  [
    "too late is no chord: what was pressed passes, in its order",
    [[0, "south"], [90, "south", "east"], [120, "east"], [250]],
    ["80: south", "120: east", "250:"],
  ],
  ["a tap within the time is seen once it is let go", [[0, "south"], [20]], ["20: south", "30:"]],
  [
    "something else that is pressed ends the wait, and comes behind",
    [[0, "south"], [20, "south", "leftShoulder"], [40]],
    ["20: south", "40:"],
  ],
  [
    "so does something else that is let go: what was held with a press is held when it begins",
    [[0, "leftShoulder"], [10, "leftShoulder", "south"], [20, "south"], [40]],
    ["20: south", "40:"],
  ],
  [
    "a button that is bound alone too does that when its chord does not come",
    [[0, "west"], [100]],
    ["50: KEY_W", "100:"],
  ],
  [
    "a chord ends with the first button that is let go; the others have no effect any more",
    [[0, "south", "east", "north"], [50, "east", "north"], [60, "north"], [70]],
    ["0: KEY_B", "50:"],
  ],
  [
    "a macro of a chord that is let go at once is seen all the same",
    [[0, "west", "mode"], [0]],
    ["0: KEY_M", "0:"],
  ],
] as const)
  test(name, () => assert.deepEqual(seen(script), expected));

test("a chord switches the profile, and its buttons have no effect in the next one", () => {
  const mapper = chords();
  mapper.state(padState(["select"]), 0);
  const { gamepad } = mapper.state(padState(["select", "start"]), 30);
  assert.deepEqual([mapper.profile, gamepad!.buttons], ["b", 0]);
  assert.equal(mapper.state(padState(["select"]), 40).gamepad!.buttons, 0);
});

test("what waits with a chord that switches the profile has no effect in the next one", () => {
  const bindings = [on("south+east", profile("b")), on("south+east+north+west", press("KEY_A"))];
  const mapper = createMapper(mapping({ a: { bindings }, b: {} }), { gamepad: pad });
  mapper.state(padState(["south", "east", "north"]), 0);
  assert.deepEqual([mapper.wake(50).gamepad!.buttons, mapper.profile], [0, "b"]);
});

test("a layer's chord stands for the same chord below", () => {
  const layers = { top: { bindings: [on("east+south", press("KEY_T"))] } };
  const bindings = [on("south+east", press("KEY_A")), on("mode", layer("top"))];
  const mapper = createMapper(mapping({ a: { bindings, layers } }), { gamepad: pad });
  const both = (...more: Button[]) => mapper.state(padState(["south", "east", ...more]), 0).keyboard;
  assert.deepEqual(both(), [control("KEY_A")]);
  mapper.state(padState(["mode"]), 0);
  assert.deepEqual(both("mode"), [control("KEY_T")]);
});

test("a reset forgets what waits", () => {
  const mapper = chords();
  assert.equal(mapper.state(padState(["south"]), 0).nextWakeMs, 80);
  assert.equal(mapper.reset(10).nextWakeMs, undefined);
  assert.equal(mapper.wake(100).gamepad!.buttons, 0);
});
