// Runs in: node --test. Owns: nothing. What holds of every mapping, whatever happens.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Control } from "@ring3/core/controls";
import type { DeviceMapping } from "@ring3/core/mapping";
import fc from "fast-check";
import { gamepadButton } from "../../gamepad/contract.ts";
import {
  anyAxes,
  anyMapping,
  anyScript,
  anyState,
  emptyMapping,
  type Happening,
  keys,
  ownKeys,
} from "./arbitrary.fixture.ts";
import { createMapper, type Mapper } from "./mapper.ts";
import { atRest, control, mapping, on, pad, padState, press } from "./mapping.fixture.ts";
import type { Output } from "./output.ts";
import type { Capabilities } from "./targets.ts";

const capabilities = fc.constantFrom<Capabilities>({ gamepad: pad }, { input: keys });

/** Nothing pressed, nothing moving, nothing to come. */
function assertAtRest({ targets }: Mapper, { gamepad, keyboard, mouse, pen, nextWakeMs }: Output): void {
  const middle = targets.gamepad?.stickMin === 0 && targets.gamepad.stickMax > 0 ? 128 : 0;
  const sticks = { leftX: middle, leftY: middle, rightX: middle, rightY: middle };
  assert.deepEqual(gamepad, targets.gamepad && { ...atRest, ...sticks });
  assert.deepEqual(keyboard, []);
  assert.deepEqual(mouse, { x: 0, y: 0, wheel: 0, horizontalWheel: 0, buttons: [] });
  assert.deepEqual(pen?.buttons ?? [], []);
  assert.equal(nextWakeMs, undefined);
}

const pressable = (mapping: DeviceMapping, profile: string): ReadonlySet<Control> => {
  const { layers, ...base } = mapping.profiles.get(profile)!;
  const actions = [base, ...layers.values()].flatMap(({ bindings }) => bindings.map(({ action }) => action));
  return new Set(
    actions.flatMap((action) => {
      if (action.type === "press") return action.controls;
      return action.type === "macro" ? action.steps.flatMap(({ press }) => press) : [];
    }),
  );
};

/** Every output of a script, with what must hold of each; wakes the mapper in between as it wishes. */
function played(mapper: Mapper, script: readonly Happening[], each: (output: Output) => void): number {
  let nowMs = 0;
  let output = mapper.wake(0);
  const note = (next: Output) => {
    assert.ok(next.nextWakeMs === undefined || next.nextWakeMs > nowMs, `${next.nextWakeMs} at ${nowMs}`);
    each(next);
    output = next;
  };
  for (const [at, { afterMs, happen }] of script.entries()) {
    const dueMs = nowMs + afterMs;
    // Now and then nobody wakes it in time.
    while (at % 3 !== 0 && output.nextWakeMs !== undefined && output.nextWakeMs <= dueMs) {
      nowMs = output.nextWakeMs;
      note(mapper.wake(nowMs));
    }
    nowMs = dueMs;
    note(happen(mapper, nowMs));
  }
  return nowMs;
}

test("nothing else comes out than the mapping and the device can press, and each once", () => {
  fc.assert(
    fc.property(anyMapping, capabilities, anyScript, (mapping, capabilities, script) => {
      const mapper = createMapper(mapping, capabilities);
      const { targets } = mapper;
      const own = capabilities.input === undefined ? [] : ownKeys;
      played(mapper, script, ({ gamepad, keyboard, mouse, pen }) => {
        const allowed = pressable(mapping, mapper.profile);
        const mayPress = (code: number) => allowed.has(code) || own.includes(code);
        assert.ok(
          keyboard.every((code) => targets.keyboard.includes(code) && mayPress(code)),
          `${keyboard}`,
        );
        assert.ok(mouse.buttons.every((code) => targets.mouse.buttons.includes(code) && mayPress(code)));
        assert.ok((pen?.buttons ?? []).every((code) => targets.pen!.buttons.includes(code)));
        assert.equal(new Set([...keyboard, ...mouse.buttons]).size, keyboard.length + mouse.buttons.length);
        assert.equal(gamepad === undefined, targets.gamepad === undefined);
        if (gamepad === undefined) return;
        const { stickMin, stickMax, triggerMax, buttons } = targets.gamepad!;
        assert.equal(gamepad.buttons & ~buttons, 0);
        for (const value of [gamepad.leftX, gamepad.leftY, gamepad.rightX, gamepad.rightY])
          assert.ok(Number.isInteger(value) && value >= stickMin && value <= stickMax, `${value}`);
        for (const value of [gamepad.leftTrigger, gamepad.rightTrigger])
          assert.ok(Number.isInteger(value) && value >= 0 && value <= triggerMax, `${value}`);
        for (const moved of [mouse.x, mouse.y, mouse.wheel, mouse.horizontalWheel])
          assert.ok(Math.abs(moved) <= 0x7fff_ffff && Number.isInteger(moved), `${moved}`);
      });
    }),
    { numRuns: 300 },
  );
});

test("a gamepad's driver cannot type: a pad's mapping without keys has neither keyboard nor mouse", () => {
  fc.assert(
    fc.property(anyScript, (script) => {
      const bindings = [on("south", press("east")), on("east+north", press("hatDown"))];
      const mapper = createMapper(mapping({ first: { bindings }, second: {} }), { gamepad: pad });
      assert.deepEqual(mapper.targets.keyboard, []);
      played(mapper, script, ({ keyboard, mouse }) => assert.deepEqual([keyboard, mouse.buttons], [[], []]));
    }),
  );
});

test("after a reset nothing is pressed, nothing moves and nothing comes", () => {
  fc.assert(
    fc.property(anyMapping, capabilities, anyScript, fc.nat(1000), (mapping, capabilities, script, late) => {
      const mapper = createMapper(mapping, capabilities);
      const nowMs = played(mapper, script, () => {}) + late;
      const output = mapper.reset(nowMs);
      assertAtRest(mapper, output);
      assert.deepEqual(output.sensors?.gyro ?? [0, 0, 0], [0, 0, 0]);
      assertAtRest(mapper, mapper.wake(nowMs + late));
    }),
    { numRuns: 300 },
  );
});

test("once all is let go and time has passed, nothing is pressed; every press has had its release", () => {
  fc.assert(
    fc.property(anyMapping, capabilities, anyScript, (mapping, capabilities, script) => {
      const mapper = createMapper(mapping, capabilities);
      const down = new Set<number>();
      const counts = { presses: 0, releases: 0 };
      const follow = ({ keyboard, mouse }: Output) => {
        const now = new Set([...keyboard, ...mouse.buttons]);
        counts.presses += now.difference(down).size;
        counts.releases += down.difference(now).size;
        down.clear();
        for (const code of now) down.add(code);
      };
      let nowMs = played(mapper, script, follow);
      let output = mapper.state(atRest, nowMs);
      follow(output);
      output = mapper.keys({ pressed: [] }, nowMs);
      follow(output);
      for (let wakes = 0; output.nextWakeMs !== undefined; wakes++) {
        assert.ok(wakes < 500, "it goes on for ever");
        nowMs = output.nextWakeMs;
        output = mapper.wake(nowMs);
        follow(output);
      }
      assertAtRest(mapper, mapper.wake(nowMs));
      assert.equal(counts.presses, counts.releases);
    }),
    { numRuns: 300 },
  );
});

test("the same happenings give the same outputs", () => {
  fc.assert(
    fc.property(anyMapping, capabilities, anyScript, (mapping, capabilities, script) => {
      const [once, again] = [1, 2].map(() => {
        const outputs: Output[] = [];
        played(createMapper(mapping, capabilities), script, (output) => outputs.push(output));
        return outputs;
      });
      assert.deepEqual(once, again);
    }),
  );
});

test("a mapping that says nothing changes nothing", () => {
  fc.assert(
    fc.property(fc.array(anyState), (states) => {
      const mapper = createMapper(emptyMapping, { gamepad: pad });
      for (const state of states) {
        const { gamepad, nextWakeMs } = mapper.state(state, 0);
        assert.deepEqual(gamepad, { ...state, buttons: state.buttons & pad.buttons });
        assert.equal(nextWakeMs, undefined);
      }
    }),
  );
});

test("a way that is bound moves nothing, wherever its stick goes and whichever way round; one that is not moves as if none were", () => {
  const sides = [
    ["leftX", "leftStickLeft", "leftStickRight"],
    ["leftY", "leftStickUp", "leftStickDown"],
    ["rightX", "rightStickLeft", "rightStickRight"],
    ["rightY", "rightStickUp", "rightStickDown"],
  ] as const;
  const names = [...sides.flatMap(([, less, more]) => [less, more]), "leftTrigger", "rightTrigger"];
  fc.assert(
    fc.property(anyAxes, fc.subarray(names), anyState, (axes, bound, state) => {
      const free = { ...state };
      for (const [axis, less, more] of sides)
        if (bound.includes(state[axis] < 128 ? less : more)) free[axis] = 128;
      for (const name of ["leftTrigger", "rightTrigger"] as const)
        if (bound.includes(name)) {
          free[name] = 0;
          free.buttons &= ~gamepadButton(name);
        }
      const bindings = bound.map((name) => on(name, press("KEY_A")));
      const moved = (of: typeof bindings, told: typeof state) => {
        const mapper = createMapper(mapping({ a: { bindings: of, axes } }), { gamepad: pad });
        mapper.state(told, 0);
        const { gamepad, mouse } = mapper.wake(40);
        return { gamepad, mouse };
      };
      assert.deepEqual(moved(bindings, state), moved([], free));
    }),
    { numRuns: 1000 },
  );
});

test("every press comes to something, once: its own key's, or one of a chord that it is a part of", () => {
  const buttons = ["south", "east", "north", "west"] as const;
  const chords = ["south+east", "south+east+north", "north+west"];
  const names = [...buttons, ...chords];
  const codes = names.map((_, at) => control(`KEY_${"ABCDEFG"[at]}`));
  const bindings = names.map((name, at) => on(name, press(`KEY_${"ABCDEFG"[at]}`)));
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.integer({ min: 15, max: 60 }), fc.constantFrom(...buttons)), { maxLength: 40 }),
      (toggles) => {
        const mapper = createMapper(mapping({ a: { bindings } }), { gamepad: pad });
        const held = new Set<(typeof buttons)[number]>();
        let presses = 0;
        let accounted = 0;
        let before: readonly number[] = [];
        const follow = ({ keyboard }: Output) => {
          for (const code of keyboard)
            if (!before.includes(code)) accounted += names[codes.indexOf(code)]!.split("+").length;
          before = keyboard;
        };
        const script = toggles.map(([afterMs, button]) => ({
          afterMs,
          text: button,
          happen: (mapper: Mapper, nowMs: number) => {
            if (!held.delete(button)) {
              held.add(button);
              presses++;
            }
            return mapper.state(padState([...held]), nowMs);
          },
        }));
        const nowMs = played(mapper, script, follow);
        follow(mapper.wake(nowMs + 1000));
        assert.equal(accounted, presses);
      },
    ),
    { numRuns: 500 },
  );
});

test("whatever is pressed, let go, reset, switched and reloaded: what is held acts by the active profile, unless it was held over a switch and not pressed anew", () => {
  const buttons = ["south", "east", "north", "leftStickUp"] as const;
  type Button = (typeof buttons)[number];
  const keysOf: Readonly<Record<string, Partial<Record<Button, string>>>> = {
    first: { south: "KEY_A", east: "KEY_B", leftStickUp: "KEY_C" },
    second: { south: "KEY_D", north: "KEY_E" },
    third: { east: "KEY_F", north: "KEY_G", leftStickUp: "KEY_H" },
  };
  const file = (names: readonly string[]) => {
    const bound = (name: string) =>
      Object.entries(keysOf[name]!).map(([button, key]) => on(button, press(key)));
    return mapping(Object.fromEntries(names.map((name) => [name, { bindings: bound(name) }])));
  };
  const files = [["first", "second"], ["second", "third"], ["third"]];
  const step = fc.oneof(
    { weight: 4, arbitrary: fc.record({ toggle: fc.constantFrom(...buttons) }) },
    fc.record({ driver: fc.constantFrom("down", "up") }),
    fc.record({ use: fc.nat(1) }),
    fc.record({ reload: fc.constantFrom(...files) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      let names = files[0]!;
      let mapper = createMapper(file(names), { gamepad: pad });
      const held = new Set<Button>();
      let heard = new Set<Button>();
      let dead = new Set<Button>(); // held over a switch, as far as anybody could know
      let isUp = true;
      const tell = () => {
        if (!isUp) return mapper.wake(0);
        heard = new Set(held);
        dead = dead.intersection(held);
        const own = [...held].filter((button) => button !== "leftStickUp");
        return mapper.state(padState(own, { leftY: held.has("leftStickUp") ? 0 : 128 }), 0);
      };
      const toggle = (button: Button) => void (held.delete(button) || held.add(button));
      const active = (profile: string, happen: () => void) => {
        if (profile !== mapper.profile) dead = dead.union(heard);
        happen();
      };
      for (const step of steps) {
        if ("toggle" in step) toggle(step.toggle);
        else if ("driver" in step) {
          isUp = step.driver === "up";
          if (!isUp) mapper.reset(0);
        } else if ("use" in step) {
          const profile = names[step.use % names.length]!;
          active(profile, () => mapper.use(profile, 0));
        } else {
          names = step.reload;
          const profile = names.includes(mapper.profile) ? mapper.profile : names[0]!;
          const next = () => createMapper(file(names), { gamepad: pad }, { before: mapper, profile });
          active(profile, () => {
            mapper = next();
          });
        }
        const { keyboard, gamepad } = tell();
        const acting: Button[] = isUp ? [...held].filter((button) => !dead.has(button)) : [];
        const keys: Partial<Record<Button, string>> = keysOf[mapper.profile]!;
        const expected = acting.flatMap((button) => (button in keys ? control(keys[button]!) : []));
        assert.deepEqual(new Set(keyboard), new Set(expected));
        const own = acting.filter((button) => !(button in keys));
        const buttonsOf = own.filter((button) => button !== "leftStickUp");
        assert.deepEqual(gamepad, padState(buttonsOf, { leftY: own.includes("leftStickUp") ? 0 : 128 }));
      }
      held.clear();
      tell();
      assertAtRest(mapper, mapper.reset(0));
      assertAtRest(mapper, mapper.wake(0));
    }),
    { numRuns: 1000 },
  );
});
