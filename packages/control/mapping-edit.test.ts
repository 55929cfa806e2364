// Runs in: node --test. Owns: mapping files that are changed, and what else is in them.
import assert from "node:assert/strict";
import { test } from "node:test";
import { actionOf, bind, checkControl, type Edited, profilesAsWritten, unbind } from "./mapping-edit.ts";

const device = { id: "usb-1-4:1.0", alias: null, usb: "054c:09cc", serial: "A7", class: "gamepad" };
const devices = [device];
const place = { device, devices, profile: undefined };
const bound = (
  text: string,
  control: string,
  action: unknown,
  at: Parameters<typeof bind>[2] = place,
): Edited => bind(text, "pad.yaml", at, control, action);

const file = `# mine
devices:
  # the couch's
  - for: { class: gamepad }
    profiles:
      desktop:
        # at first
        buttons:
          south: KEY_ENTER # go
          start + select: { profile: game } # over
        axes:
          leftStick: { to: mouse } # slow
      game:
        buttons:
          select+start: { profile: desktop }
`;

test("a button that is bound anew: that one changes, and every comment stays", () => {
  const edited = bound(file, "south", "KEY_SPACE");
  assert.equal(edited.text, file.replace("KEY_ENTER", "KEY_SPACE"));
  assert.deepEqual(
    [edited.for, edited.profile, edited.before, edited.made],
    [{ class: "gamepad" }, "desktop", "KEY_ENTER", []],
  );
});

test("a chord is the same in any order; a new button comes behind the others; a list and more are written in one line", () => {
  assert.equal(
    bound(file, "select+start", ["KEY_LEFTALT", "KEY_TAB"]).text,
    file.replace("{ profile: game }", "[ KEY_LEFTALT, KEY_TAB ]"),
  );
  assert.match(
    bound(file, "west", { press: "south", turbo: 12 }, { device, devices, profile: "game" }).text,
    /select\+start: \{ profile: desktop \}\n {10}west: \{ press: south, turbo: 12 \}\n$/,
  );
});

test("no file, an empty one, one without devices: there is an entry afterwards, by alias or by ids", () => {
  const entry =
    "devices:\n  - for: { usb: 054c:09cc }\n    profiles:\n      main:\n        buttons:\n          south: KEY_A\n";
  for (const text of ["", "devices: []\n"]) assert.equal(bound(text, "south", "KEY_A").text, entry);
  const commented = bound("# later\n", "south", "KEY_A");
  assert.match(commented.text, /^# later\n/);
  assert.deepEqual(commented.made, ["entry"]);
  const named = { device: { ...device, alias: "couch" }, devices, profile: "game" };
  assert.match(bound("", "south", "KEY_A", named).text, /for: \{ alias: couch \}\n {4}profiles:\n {6}game:/);
  const other = { ...device, class: "input", usb: "046d:c52b" };
  const both = bound(file, "KEY_A", "KEY_B", { device: other, devices: [other], profile: undefined }).text;
  assert.ok(both.startsWith(file));
  assert.match(both, /for: \{ usb: 046d:c52b \}/);
});

test("a profile that there was not is made", () => {
  const edited = bound(file, "south", "KEY_A", { device, devices, profile: "film" });
  assert.deepEqual([edited.made, edited.profile], [["profile"], "film"]);
  assert.ok(edited.text.startsWith(file));
  assert.match(edited.text, / {6}film:\n {8}buttons:\n {10}south: KEY_A\n$/);
});

test("one that is removed is gone, and nothing else; one that is not there is said", () => {
  const { text, before } = unbind(file, "pad.yaml", place, "start+select");
  assert.deepEqual(before, { profile: "game" });
  assert.equal(text, file.replace("          start + select: { profile: game } # over\n", ""));
  for (const [control, at] of [
    ["west", place],
    ["south", { device, devices, profile: "film" }],
    ["KEY_A", { device: { ...device, class: "input" }, devices, profile: undefined }],
  ] as const)
    assert.throws(() => unbind(file, "pad.yaml", at, control), /nothing is bound to it/);
});

test("what would make the file wrong is refused without a line of a file that there is not; so is a file that is wrong already, with it", () => {
  const buttons = "devices.0.profiles.desktop.buttons";
  for (const [control, action, message] of [
    [
      "south",
      { layer: "media" },
      `south: ${buttons}.south.layer: expected a profile with layers, found "media"`,
    ],
    [
      "south",
      { press: "KEY_A", within: "50ms" },
      `south: ${buttons}.south: expected a chord beside within, found "south"`,
    ],
  ] as const)
    assert.throws(() => bound(file, control, action), { message });
  assert.throws(() => bound("devices: 7\n", "south", "KEY_A"), /pad\.yaml:1:10: devices: expected a list/);
});

test("an action that is wrong wherever it stands is refused by itself, with what is wrong in it; so is what is no chord", () => {
  for (const [words, message] of [
    [
      ["{ press: KEY_A, turbo: 99 }"],
      "action { press: KEY_A, turbo: 99 }: turbo: expected a number from 1 to 50, found 99",
    ],
    [["[KEY_A, KEY_A]"], 'action [KEY_A, KEY_A]: 1: expected each once, found "KEY_A"'],
    [["KEY_A", "KEY_A"], 'action KEY_A KEY_A: 1: expected each once, found "KEY_A"'],
    [
      ["{}"],
      "action {}: expected exactly one of the fields press, sequence, macro, layer, profile, found an object",
    ],
    [["{ press: "], "action { press: : expected YAML, as it stands in the file"],
  ] as const)
    assert.throws(() => actionOf(words), { message });
  assert.throws(
    () => actionOf(["{ press: KEY_ENTR }"]),
    /press: expected .* \(did you mean "KEY_ENTER"\?\)$/,
  );
  assert.throws(() => checkControl("south + south", "gamepad"), {
    message: "control south + south: expected each button once, found south twice",
  });
  const seven = "south+east+north+west+select+start+mode";
  assert.throws(() => checkControl(seven, "gamepad"), /expected at most 6 joined by \+, found 7$/);
  assert.match(bound(file, "north  +east", "KEY_A").text, / north\+east: KEY_A/);
});

test("an entry that is an alias is left to its writer", () => {
  const shared = `devices:
  - for: { alias: one }
    profiles: &same { main: { buttons: { south: KEY_A } } }
  - for: { class: gamepad }
    profiles: *same
`;
  assert.throws(
    () => bound(shared, "south", "KEY_B"),
    /devices\.1\.profiles is an alias \(\*same\).*edit pad\.yaml by hand/,
  );
});

const entry = (...lines: string[]) =>
  `devices:\n  - for: { class: gamepad }\n    profiles:\n${lines.map((line) => `      ${line}\n`).join("")}`;
const removed = (text: string, control: string) => unbind(text, "pad.yaml", place, control).text;

test("what an alias elsewhere stands for is neither replaced nor removed; an alias is", () => {
  const aliased = entry("main:", "  buttons:", "    south: { press: &key KEY_A }", "    east: *key");
  for (const edit of [() => bound(aliased, "south", "KEY_B"), () => removed(aliased, "south")])
    assert.throws(edit, {
      message:
        "an alias (*key) elsewhere stands for what is written at devices.0.profiles.main.buttons.south: edit pad.yaml by hand",
    });
  assert.equal(bound(aliased, "east", "KEY_B").text, aliased.replace("*key", "KEY_B"));
  assert.equal(removed(aliased, "east"), aliased.replace("          east: *key\n", ""));
  const unused = aliased.replace("*key", "KEY_C");
  assert.equal(bound(unused, "south", "KEY_B").text, unused.replace("{ press: &key KEY_A }", "KEY_B"));
  const twice = entry("main: &main", "  buttons: { south: KEY_A }", "other: *main");
  assert.throws(() => bound(twice, "south", "KEY_B"), /profiles\.main stands elsewhere too \(\*main\)/);
  const merged = `%YAML 1.1\n---\n${entry("main: { <<: { buttons: { south: KEY_A, east: KEY_C } } }")}`;
  for (const edit of [() => bound(merged, "south", "KEY_B"), () => removed(merged, "south")])
    assert.throws(edit, /cannot be changed without changing more: edit pad\.yaml by hand$/);
});

for (const [what, control, action, before, after] of [
  [
    "in brackets",
    "south",
    "KEY_B",
    "{buttons:  {south: KEY_A,east: KEY_C} } # x",
    "{buttons:  {south: KEY_B,east: KEY_C} } # x",
  ],
  [
    "new in brackets",
    "west",
    "KEY_B",
    "{ buttons: { south: KEY_A } }",
    "{ buttons: { south: KEY_A, west: KEY_B } }",
  ],
  [
    "new behind a comma",
    "west",
    "KEY_B",
    "{buttons: {south: KEY_A,}}",
    "{buttons: {south: KEY_A, west: KEY_B,}}",
  ],
  ["the first in brackets", "west", "KEY_B", "{ buttons: {} } # x", "{ buttons: { west: KEY_B } } # x"],
  [
    "the first of a profile in brackets",
    "west",
    "KEY_B",
    "{ axes: {} }",
    "{ axes: {}, buttons: { west: KEY_B } }",
  ],
  [
    "the first beside a comment",
    "west",
    "KEY_B",
    "{ buttons: { # x\n        } }",
    "{ buttons: { west: KEY_B # x\n        } }",
  ],
  ["the first of all", "west", "KEY_B", "{} # x", "# x\n        buttons:\n          west: KEY_B"],
  [
    "the first of one in the way of JSON",
    "west",
    "KEY_B",
    '{"axes":{}}',
    '{"axes":{}, buttons: { west: KEY_B }}',
  ],
  ["in the way of JSON", "south", "KEY_B", '{"buttons":{"south":"KEY_A"}}', '{"buttons":{"south":KEY_B}}'],
  [
    "gone from the front",
    "south",
    undefined,
    "{ buttons: { south: KEY_A, east: KEY_C } }",
    "{ buttons: { east: KEY_C } }",
  ],
  [
    "gone from the end",
    "east",
    undefined,
    "{ buttons: { south: KEY_A, east: KEY_C } }",
    "{ buttons: { south: KEY_A } }",
  ],
  ["gone, alone", "south", undefined, "{ buttons: {south: KEY_A} }", "{ buttons: {} }"],
  [
    "gone from lines in brackets",
    "east",
    undefined,
    "{ buttons: {\n          south: KEY_A, # x\n          # y\n          east: KEY_C # z\n        } }",
    "{ buttons: {\n          south: KEY_A, # x\n        } }",
  ],
  [
    "with comments in brackets",
    "south",
    "KEY_B",
    "{ buttons: {south: [ KEY_A # x\n         ], east: KEY_C }}",
    "{ buttons: { # x\n                        south: KEY_B, east: KEY_C }}",
  ],
  [
    "a key with a mark of its own, and its comment",
    "select+start",
    "KEY_B",
    "\n        buttons:\n          ? start+select # x\n          : KEY_A # y",
    "\n        buttons:\n          ? start+select # x\n          : KEY_B # y",
  ],
  [
    "comments in an action of several lines stand above it",
    "south",
    "KEY_B",
    "\n        buttons:\n          south: # x\n            press: KEY_A # y\n            turbo: 5 # z\n          east: KEY_C",
    "\n        buttons:\n          # x\n          # y\n          south: KEY_B # z\n          east: KEY_C",
  ],
  [
    "gone with a comment farther in, and with one above, but not with one above an empty line",
    "east",
    undefined,
    "\n        buttons:\n          south: KEY_A\n          # x\n\n          # y\n          east: KEY_C # z\n            # z\n          # w",
    "\n        buttons:\n          south: KEY_A\n          # x\n\n          # w",
  ],
] as const)
  test(`one place is another, the rest stays to the byte: ${what}`, () => {
    const text = entry(`main: ${before}`);
    const edited = action === undefined ? removed(text, control) : bound(text, control, action).text;
    assert.equal(edited, entry(`main: ${after}`));
  });

test("a file of Windows', one with a byte order mark, one without an end of its last line, one with steps of four: what is new is as the rest", () => {
  const windows = "devices: [] # none\r\n# end\r\n";
  const lines =
    "devices: # none\r\n  - for: { usb: 054c:09cc }\r\n    profiles:\r\n      main:\r\n        buttons:\r\n          south: KEY_A\r\n# end\r\n";
  assert.equal(bound(windows, "south", "KEY_A").text, lines);
  assert.equal(
    bound("\ufeffdevices: []", "south", "KEY_A").text,
    `\ufeff${bound("", "south", "KEY_A").text}`,
  );
  assert.equal(bound("# later", "south", "KEY_A").text, `# later\n${bound("", "south", "KEY_A").text}`);
  const four = "devices:\n    - for: { class: gamepad }\n      profiles:\n          main: {}";
  assert.equal(
    bound(four, "south", "KEY_A").text,
    `${four.replace(" {}", "")}\n              buttons:\n                  south: KEY_A\n`,
  );
});

test("names that there are not are told with the nearest; each class has its own", () => {
  checkControl("select+start", "gamepad");
  checkControl("KEY_A + BTN_SIDE", "input");
  assert.throws(() => checkControl("soth", "gamepad"), /no control "soth" \(did you mean "south"\?\)/);
  assert.throws(() => checkControl("KEY_A", "gamepad"), /no control "KEY_A"/);
  assert.throws(() => checkControl("south", "input"), /no control "south".* KEY_A/);
  assert.throws(() => actionOf(["enter"]), /no action "enter" \(did you mean "KEY_ENTER"\?\)/);
  assert.throws(() => actionOf(["{ press: "]), /expected YAML/);
  assert.deepEqual(actionOf(["KEY_LEFTALT", "KEY_TAB"]), ["KEY_LEFTALT", "KEY_TAB"]);
  assert.deepEqual(actionOf(["nothing"]), "nothing");
  assert.deepEqual(actionOf(["{ layer: media, toggle: true }"]), { layer: "media", toggle: true });
});

test("what is written of a device is what stands there", () => {
  assert.deepEqual(Object.keys(profilesAsWritten(file, "pad.yaml", device)!), ["desktop", "game"]);
  assert.equal(profilesAsWritten(file, "pad.yaml", { ...device, class: "input" }), undefined);
});

test("where another device is the same, a new entry is for this one: by its serial number, or by where it is", () => {
  const twin = { ...device, id: "usb-1-5:1.0", serial: "B8" };
  const written = (...others: (typeof device)[]) => {
    const edited = bound("", "south", "KEY_A", { device, devices: [device, ...others], profile: undefined });
    return edited.for;
  };
  assert.deepEqual(written({ ...device, id: "usb-1-4:1.3" }, { ...twin, usb: "0000:0000" }), {
    usb: device.usb,
  });
  assert.deepEqual(written(twin), { serial: "A7" });
  assert.deepEqual(written({ ...twin, serial: "A7" }), { device: "usb-1-4" });
});
