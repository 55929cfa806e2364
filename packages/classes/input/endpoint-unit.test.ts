// Runs in: node --test. Owns: a pad and a keyboard with mappings, as programs see them that have their nodes open.
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  BTN_EAST,
  BTN_LEFT,
  BTN_SOUTH,
  EV_KEY,
  EV_LED,
  EV_REL,
  KEY_A,
  KEY_B,
  KEY_CAPSLOCK,
  KEY_ENTER,
  KEY_ESC,
  KEY_SPACE,
  LED_CAPSL,
  REL_X,
  REL_Y,
} from "@ring3/kernel/uinput/codes";
import type { Triple } from "@ring3/kernel/uinput/scripted-uinput.fixture";
import { GAMEPAD_RUMBLE, RUMBLE_MAX_MS } from "../gamepad/contract.ts";
import { startGamepad } from "../gamepad/endpoint-uinput.ts";
import { INPUT_KEYS, INPUT_LEDS, INPUT_RELATIVE } from "./contract.ts";
import { startInput } from "./endpoint-uinput.ts";
import { inputUnit, settled } from "./endpoint-unit.fixture.ts";
import {
  atRest,
  axis,
  pad as dualshock,
  keyboard,
  layer,
  macro,
  mapping,
  on,
  padState,
  press,
  profile,
  step,
} from "./mapping/mapping.fixture.ts";

const [OWN, KEYBOARD, MOUSE, PAD] = [0, 3, 4, 5];
const pad = { ...dualshock, features: GAMEPAD_RUMBLE };
const key = (code: number, value: number): Triple => [EV_KEY, code, value];
const typing = mapping({ desktop: { bindings: [on("south", press("KEY_A"))] } });

test("without a mapping a pad is what it is, and has one device", async () => {
  const { port, nodes, unit } = await inputUnit(startGamepad, pad);
  port.emit("state", padState(["south"]));
  port.emit("state", atRest);
  assert.deepEqual(
    nodes
      .kernel(OWN)
      .seen()
      .filter(([type]) => type === EV_KEY),
    [key(BTN_SOUTH, 1), key(BTN_SOUTH, 0)],
  );
  assert.deepEqual([[...nodes.held.keys()], unit.paths], [[OWN], ["/dev/input/event1"]]);
});

test("a mapped button types at a keyboard that has that key and no other; the pad's other buttons stay its own", async () => {
  const { port, nodes } = await inputUnit(startGamepad, pad, typing);
  assert.deepEqual(nodes.description(KEYBOARD).keys, [KEY_A]);
  port.emit("state", atRest);
  nodes.kernel(OWN).seen();
  port.emit("state", padState(["south", "east"]));
  port.emit("state", padState(["east"]));
  assert.deepEqual(nodes.kernel(KEYBOARD).seen(), [key(KEY_A, 1), key(KEY_A, 0)]);
  assert.deepEqual(nodes.kernel(OWN).seen(), [key(BTN_EAST, 1)]);
});

test("a stick moves a mouse by the clock, until it is let go; the mouse has a button, since none is a mouse without", async () => {
  const pointing = mapping({ desktop: { axes: [axis("rightStick", { to: "mouse", speed: 1000 })] } });
  const { port, nodes, clock } = await inputUnit(startGamepad, pad, pointing);
  assert.deepEqual(nodes.description(MOUSE).keys, [BTN_LEFT]);
  assert.deepEqual(nodes.description(MOUSE).relatives, [REL_X, REL_Y]);
  port.emit("state", { ...atRest, rightX: 255 });
  clock.advance(80);
  port.emit("state", atRest);
  const moved = nodes.kernel(MOUSE).seen();
  assert.ok(moved.every(([type, code]) => type === EV_REL && code === REL_X));
  assert.equal(
    moved.reduce((sum, [, , value]) => sum + value, 0),
    80,
  );
  clock.advance(1000);
  assert.deepEqual([nodes.kernel(MOUSE).seen(), clock.pending], [[], 0]);
});

const chord = mapping({
  desktop: { bindings: [on("select+start", press("KEY_ESC")), on("start", press("KEY_ENTER"))] },
});

test("a chord is one key; half a chord is its own button once the chord's time is over", async () => {
  const { port, nodes, clock } = await inputUnit(startGamepad, pad, chord);
  port.emit("state", padState(["select"]));
  clock.advance(20);
  port.emit("state", padState(["select", "start"]));
  assert.deepEqual(nodes.kernel(KEYBOARD).seen(), [key(KEY_ESC, 1)]);
  port.emit("state", atRest);
  assert.deepEqual(nodes.kernel(KEYBOARD).seen(), [key(KEY_ESC, 0)]);
  port.emit("state", padState(["start"]));
  assert.deepEqual(nodes.kernel(KEYBOARD).seen(), []);
  clock.advance(50);
  assert.deepEqual(nodes.kernel(KEYBOARD).seen(), [key(KEY_ENTER, 1)]);
});

const typist = mapping({
  desktop: {
    bindings: [
      on("north", macro([step("KEY_A", "", 100), step("KEY_B", "KEY_A", 100), step("", "KEY_B", 100)])),
    ],
  },
});

test("the driver dies in a macro: all comes up, it does not go on, and what is held still begins none", async () => {
  const { port, nodes, clock } = await inputUnit(startGamepad, pad, typist);
  port.emit("state", padState(["north"]));
  assert.deepEqual(nodes.kernel(KEYBOARD).seen(), [key(KEY_A, 1)]);
  clock.advance(50);
  port.driver(false);
  assert.deepEqual(nodes.kernel(KEYBOARD).seen(), [key(KEY_A, 0)]);
  clock.advance(1000);
  port.driver(true);
  port.emit("state", padState(["north"]));
  clock.advance(1000);
  assert.deepEqual(nodes.kernel(KEYBOARD).seen(), []);
  port.emit("state", atRest);
  port.emit("state", padState(["north"]));
  clock.advance(1000);
  assert.deepEqual(nodes.kernel(KEYBOARD).seen(), [
    key(KEY_A, 1),
    key(KEY_A, 0),
    key(KEY_B, 1),
    key(KEY_B, 0),
  ]);
});

test("another mapping while a key is held: the key comes up, the pad's readers stay, the keyboard is another", async () => {
  const { port, nodes, unit, moved, remap } = await inputUnit(startGamepad, pad, typing);
  port.emit("state", padState(["south"]));
  const [own, before] = [nodes.kernel(OWN), nodes.kernel(KEYBOARD)];
  own.seen();
  assert.deepEqual(before.seen(), [key(KEY_A, 1)]);
  await remap(mapping({ desktop: { bindings: [on("east", press("KEY_B"))] } }));
  assert.deepEqual([before.seen(), before.closed], [[key(KEY_A, 0)], true]);
  assert.deepEqual([nodes.kernel(OWN), own.closed], [own, false]);
  assert.deepEqual(nodes.description(KEYBOARD).keys, [KEY_B]);
  assert.deepEqual(
    own.seen().filter(([type]) => type === EV_KEY),
    [key(BTN_SOUTH, 1)],
  ); // it is held, and a button again
  assert.deepEqual(moved, [unit.paths]);
});

test("another mapping in a macro: it does not go on, not even where the keyboard is the same", async () => {
  const { port, nodes, clock, remap } = await inputUnit(startGamepad, pad, typist);
  port.emit("state", padState(["north"]));
  clock.advance(50);
  nodes.kernel(KEYBOARD).seen();
  await remap(mapping({ desktop: { bindings: [on("east+west", press("KEY_A KEY_B"))] } }));
  clock.advance(1000);
  assert.deepEqual([nodes.kernel(KEYBOARD).seen(), clock.pending], [[key(KEY_A, 0)], 0]);
});

test("a mapping that says the same of this device changes nothing: what is held goes on", async () => {
  const { port, nodes, remap } = await inputUnit(startGamepad, pad, typing);
  port.emit("state", padState(["south"]));
  nodes.kernel(KEYBOARD).seen();
  await remap(mapping({ desktop: { bindings: [on("south", press("KEY_A"))] } }));
  assert.deepEqual(nodes.kernel(KEYBOARD).seen(), []);
  await remap(undefined);
  assert.deepEqual([...nodes.held.keys()], [OWN]);
});

test("a button that is held while its mapping comes begins no macro", async () => {
  const { port, nodes, clock, remap } = await inputUnit(startGamepad, pad);
  port.emit("state", padState(["north"]));
  await remap(typist);
  clock.advance(1000);
  assert.deepEqual(nodes.kernel(KEYBOARD).seen(), []);
});

const two = (more = "KEY_ENTER") =>
  mapping({
    desktop: { bindings: [on("start", profile("game")), on("south", press("KEY_A"))] },
    game: { bindings: [on("start", profile("desktop")), on("south", press(more))] },
  });

test("the profile that is active stays: over a change of the mapping, the driver's death, another port and another reflector", async () => {
  const rig = await inputUnit(startGamepad, pad, two());
  const presses = async (code: number) => {
    rig.nodes.kernel(KEYBOARD).seen();
    rig.port.emit("state", padState(["south"]));
    rig.port.emit("state", atRest);
    assert.deepEqual(rig.nodes.kernel(KEYBOARD).seen(), [key(code, 1), key(code, 0)]);
  };
  rig.port.emit("state", padState(["start"]));
  rig.port.emit("state", atRest);
  assert.deepEqual(rig.profiles, ["game"]);
  await presses(KEY_ENTER);
  rig.port.driver(false);
  rig.port.driver(true);
  await presses(KEY_ENTER);
  await rig.remap(two("KEY_B"));
  await presses(KEY_B);
  rig.unit.lost();
  await settled();
  assert.deepEqual([rig.ports.length, rig.ports[0]!.closed], [2, true]);
  await presses(KEY_B);
  await rig.again();
  await presses(KEY_B);
  rig.unit.use("desktop");
  await presses(KEY_A);
  assert.deepEqual(rig.profiles, ["game"]); // who has asked for it knows
});

test("a button that is held while the driver is down and the profile another, or in a file with another, does nothing", async () => {
  const rig = await inputUnit(startGamepad, pad, two());
  const held = () => {
    rig.port.emit("state", padState(["south"]));
    return rig.nodes.kernel(KEYBOARD).seen();
  };
  assert.deepEqual(held(), [key(KEY_A, 1)]);
  rig.port.driver(false);
  rig.unit.use("game");
  rig.port.driver(true);
  assert.deepEqual(held(), [key(KEY_A, 0)]);
  rig.port.emit("state", atRest);
  assert.deepEqual(held(), [key(KEY_ENTER, 1)]);
  const film = { bindings: [on("south", press("KEY_A")), on("north", press("KEY_ENTER"))] };
  await rig.remap(mapping({ film }));
  assert.deepEqual(held(), [key(KEY_ENTER, 0)]);
  rig.port.emit("state", atRest);
  assert.deepEqual(held(), [key(KEY_A, 1)]);
});

test("another reflector: the devices are the same, what is pressed came up, and a macro's button begins none", async () => {
  const rig = await inputUnit(startGamepad, pad, typist);
  rig.port.emit("state", padState(["north"]));
  const { paths } = rig.unit;
  await rig.again();
  assert.deepEqual(rig.unit.paths, paths);
  assert.ok(
    rig.nodes
      .kernel(KEYBOARD)
      .frames[0]!.some(([type, code, value]) => type === EV_KEY && code === KEY_A && value === 0),
  );
  rig.port.emit("state", padState(["north"]));
  rig.clock.advance(1000);
  assert.ok(
    !rig.nodes
      .kernel(KEYBOARD)
      .frames.flat()
      .some(([, , value]) => value === 1),
  );
});

test("another reflector finds fewer devices wanted: those that nobody wants end", async () => {
  const rig = await inputUnit(startGamepad, pad, typing);
  assert.deepEqual([...rig.nodes.held.keys()], [OWN, KEYBOARD]);
  await rig.unit.close();
  await rig.remap(undefined);
  await rig.again();
  assert.deepEqual([...rig.nodes.held.keys()], [OWN]);
});

test("other properties, another device; the same, and who has it open keeps it", async () => {
  const rig = await inputUnit(startInput, keyboard(["BTN_LEFT"], INPUT_KEYS | INPUT_RELATIVE));
  const before = rig.nodes.kernel(OWN);
  rig.properties = keyboard(["KEY_A"]);
  rig.unit.changed();
  await settled();
  assert.deepEqual([before.closed, rig.nodes.description(OWN).keys, rig.moved.length], [true, [KEY_A], 1]);
  rig.port.emit("keys", { pressed: [KEY_A] });
  assert.deepEqual(rig.nodes.kernel(OWN).seen(), [key(KEY_A, 1)]);
  const after = rig.nodes.kernel(OWN);
  rig.properties = { ...rig.properties, dpi: 800 };
  rig.unit.changed();
  rig.unit.lost();
  await settled();
  assert.deepEqual(
    [after.seen(), after.closed, rig.nodes.kernel(OWN) === after],
    [[key(KEY_A, 0)], false, true],
  );
});

test("a unit that cannot be opened again has its devices at rest, and is opened when it is another", async () => {
  const rig = await inputUnit(startInput, keyboard(["KEY_A"]));
  rig.port.emit("keys", { pressed: [KEY_A] });
  rig.nodes.kernel(OWN).seen();
  const { open } = rig.nodes;
  rig.nodes.open = async () => {
    throw new Error("there is no such unit");
  };
  rig.properties = keyboard(["KEY_A", "KEY_B"]);
  rig.unit.lost();
  await settled();
  assert.match(rig.log.join(), /error: programs do not see it as it is now: there is no such unit/);
  assert.deepEqual(rig.nodes.kernel(OWN).seen(), [key(KEY_A, 0)]);
  rig.nodes.open = open;
  rig.unit.changed();
  await settled();
  rig.port.emit("keys", { pressed: [KEY_B] });
  assert.deepEqual(rig.nodes.kernel(OWN).seen(), [key(KEY_B, 1)]);
});

test("what cannot be made leaves what was there at work, and is tried again later and later until it can", async () => {
  const rig = await inputUnit(startGamepad, pad, typing);
  const { open } = rig.nodes;
  let tries = 0;
  rig.nodes.open = async () => {
    tries++;
    throw new Error("no more devices");
  };
  rig.port.emit("state", padState(["south"]));
  await rig.remap(mapping({ desktop: { axes: [axis("rightStick", { to: "mouse", speed: 1000 })] } }));
  const held = [key(KEY_A, 1), key(KEY_A, 0), key(KEY_A, 1)];
  assert.deepEqual(rig.nodes.kernel(KEYBOARD).seen(), held);
  for (const ms of [1000, 2000, 4000]) {
    const before = tries;
    rig.clock.advance(ms - 1);
    await settled();
    assert.equal(tries, before);
    rig.clock.advance(1);
    await settled();
    assert.equal(tries, before + 1);
  }
  rig.nodes.open = open;
  rig.clock.advance(8000);
  await settled();
  assert.deepEqual([...rig.nodes.held.keys()], [OWN, MOUSE]);
  rig.port.emit("state", { ...atRest, rightX: 255 });
  rig.clock.advance(80);
  assert.notDeepEqual(rig.nodes.kernel(MOUSE).seen(), []);
  await rig.unit.close();
  assert.equal(rig.clock.pending, 0);
});

test("a keyboard that could not be another is made once there is room, with nobody changing anything; closed, nothing is tried", async () => {
  const rig = await inputUnit(startInput, keyboard(["KEY_A"]));
  const { open } = rig.nodes;
  rig.nodes.open = () => Promise.reject(new Error("no more devices"));
  rig.properties = keyboard(["KEY_A", "KEY_B"]);
  rig.unit.changed();
  await settled();
  rig.nodes.open = open;
  rig.clock.advance(1000);
  await settled();
  rig.port.emit("keys", { pressed: [KEY_B] });
  assert.deepEqual(rig.nodes.kernel(OWN).seen(), [key(KEY_B, 1)]);
  rig.nodes.open = () => Promise.reject(new Error("no more devices"));
  rig.properties = keyboard(["KEY_A"]);
  rig.unit.changed();
  await settled();
  await rig.unit.close();
  assert.equal(rig.clock.pending, 0);
});

test("of a keyboard, its own keys come out of itself, others of a made keyboard, what a pad has of a made pad", async () => {
  const bindings = [
    on("KEY_CAPSLOCK", press("KEY_ESC")),
    on("KEY_ESC", press("KEY_SPACE")),
    on("KEY_A", press("south")),
  ];
  const { port, nodes } = await inputUnit(
    startInput,
    keyboard(["KEY_A", "KEY_CAPSLOCK", "KEY_ESC"]),
    mapping({ main: { bindings } }),
  );
  assert.deepEqual(nodes.description(KEYBOARD).keys, [KEY_SPACE]);
  assert.deepEqual(nodes.description(PAD).keys, [BTN_SOUTH]);
  port.emit("keys", { pressed: [KEY_CAPSLOCK] });
  port.emit("keys", { pressed: [KEY_ESC] });
  port.emit("keys", { pressed: [KEY_A] });
  assert.deepEqual(nodes.kernel(OWN).seen(), [key(KEY_ESC, 1), key(KEY_ESC, 0)]);
  assert.deepEqual(nodes.kernel(KEYBOARD).seen(), [key(KEY_SPACE, 1), key(KEY_SPACE, 0)]);
  assert.deepEqual(nodes.kernel(PAD).seen(), [key(BTN_SOUTH, 1)]);
});

test("a mapped mouse moves as it does", async () => {
  const mouse = keyboard(["BTN_LEFT"], INPUT_KEYS | INPUT_RELATIVE);
  const { port, nodes } = await inputUnit(
    startInput,
    mouse,
    mapping({ main: { bindings: [on("BTN_LEFT", layer("fine"))], layers: { fine: {} } } }),
  );
  port.emit("motion", { x: 3, y: -2, wheel: 0, horizontalWheel: 0 });
  assert.deepEqual(nodes.kernel(OWN).seen(), [
    [EV_REL, REL_X, 3],
    [EV_REL, REL_Y, -2],
  ]);
  assert.deepEqual([...nodes.held.keys()], [OWN]);
});

test("LEDs and rumble that programs want are told to the next driver, and by the next reflector", async () => {
  const lit = await inputUnit(startInput, keyboard(["KEY_A"], INPUT_KEYS | INPUT_LEDS));
  lit.nodes.kernel(OWN).tell([EV_LED, LED_CAPSL, 1]);
  const wanted = { name: "leds", input: { mask: 1 << LED_CAPSL } };
  await settled();
  assert.deepEqual(lit.port.told, [wanted]);
  lit.port.driver(true);
  await settled();
  assert.deepEqual(lit.port.told, [wanted, wanted]);
  await lit.again();
  assert.deepEqual(lit.port.told, [wanted]);

  const felt = await inputUnit(startGamepad, pad);
  felt.nodes
    .kernel(OWN)
    .upload({ type: 0x50, id: 0, replayLength: 500 }, { strongMagnitude: 9, weakMagnitude: 8 });
  felt.nodes.kernel(OWN).play(0, 1);
  await settled();
  felt.clock.advance(200);
  await felt.again();
  assert.deepEqual(felt.port.told, [{ name: "rumble", input: { strong: 9, weak: 8, durationMs: 300 } }]);
});

test("a rumble without end ends with the input device that it was asked of, and lasts while that does", async () => {
  const { nodes, port, clock, unit, remap } = await inputUnit(startGamepad, pad);
  const felt = async () => {
    await settled();
    return port.told.splice(0).map(({ input }) => Object.values(input as object).join(" "));
  };
  const plays = async () => {
    nodes.kernel(OWN).upload({ type: 0x50, id: 0 }, { strongMagnitude: 9, weakMagnitude: 8 });
    nodes.kernel(OWN).play(0, 1);
    return felt();
  };
  assert.deepEqual(await plays(), ["9 8 65535"]);
  await remap(mapping({ desktop: { bindings: [on("start", press("KEY_A"))] } })); // a keyboard beside it
  assert.deepEqual(await felt(), ["9 8 65535"]);
  await remap(mapping({ desktop: { bindings: [on("start", press("c"))] } })); // a button that it has not
  assert.equal((await felt()).at(-1), "0 0 0");
  clock.advance(RUMBLE_MAX_MS);
  assert.deepEqual(await felt(), []);
  await plays();
  await unit.close(); // to the next reflector it is what goes on
  assert.deepEqual([await felt(), clock.pending], [[], 0]);
});

test("what is wanted while the driver rests is told as it wakes, also where the mapping became another meanwhile", async () => {
  const { nodes, port, clock, remap } = await inputUnit(startGamepad, pad);
  port.driver(false);
  await remap(typing);
  const effect = { type: 0x50, id: 0, replayLength: 500 };
  nodes.kernel(OWN).upload(effect, { strongMagnitude: 9, weakMagnitude: 8 });
  nodes.kernel(OWN).play(0, 1);
  await settled();
  assert.deepEqual(port.told, []);
  clock.advance(200);
  port.driver(true);
  await settled();
  assert.deepEqual(port.told, [{ name: "rumble", input: { strong: 9, weak: 8, durationMs: 300 } }]);
});

test("two drivers that die by their own fault as they come keep a rumble from the next for a while; two that rest do not", async () => {
  for (const failed of [true, false]) {
    const { nodes, port } = await inputUnit(startGamepad, pad);
    for (const there of [false, true, false, true]) port.driver(there, failed && !there);
    const effect = { type: 0x50, id: 0, replayLength: 500 };
    nodes.kernel(OWN).upload(effect, { strongMagnitude: 9, weakMagnitude: 8 });
    nodes.kernel(OWN).play(0, 1);
    await settled();
    assert.equal(port.told.length, failed ? 0 : 1);
  }
});
