import assert from "node:assert/strict";
import { test } from "node:test";
import { defaultConfig, parseConfig } from "./config.ts";
import { accountOf, aliasOf, isOperator, mayOpen, takeRuleFor } from "./rules.ts";

const whole = `# comments are welcome
take:
  - device: usb-1-4:1.0
  - usb: "046D:C52B"
  - serial: "0012"
  - alias: backup
access:
  - { group: disk, class: block, mode: write }
  - { user: alice, alias: backup, mode: read }
aliases:
  backup: { serial: "0012" }
driver_paths: [drivers, /opt/drivers]
uid_range: { first: 300000, count: 16 }
limits: { replug_grace: 1.5s }
mapping: pads/mapping.yaml
`;

const stick = { id: "usb-2-1:1.0", alias: "backup", usb: "0781:5583", serial: "0012", class: "block" };
const other = { id: "usb-1-4:1.0", alias: null, usb: "0781:5583", serial: null, class: "block" };

test("an empty file is a valid configuration", () => {
  assert.deepEqual(parseConfig("", "ring3.yaml"), defaultConfig);
  assert.deepEqual(parseConfig("# nothing yet\n", "ring3.yaml"), defaultConfig);
});

test("a whole file is read, paths resolved beside it, durations in milliseconds", () => {
  const config = parseConfig(whole, "/etc/ring3/ring3.yaml");
  assert.deepEqual(config.driver_paths, ["/etc/ring3/drivers", "/opt/drivers"]);
  assert.equal(config.mapping, "/etc/ring3/pads/mapping.yaml");
  assert.deepEqual(config.take, [
    { device: "usb-1-4:1.0" },
    { usb: "046d:c52b" },
    { serial: "0012" },
    { alias: "backup" },
  ]);
  assert.deepEqual([config.uid_range, config.limits.replug_grace], [{ first: 300000, count: 16 }, 1500]);
});

test("every mistake in a file is named with its place and what would be right", () => {
  const text = `take:
  - usb: 46d:c52b
  - serial: 0012
  - device: usb-1-4
    serial: "x"
  - usb-1-4
aliases:
  9x: { serial: "1" }
  b: { srial: x }
limits: { replug_grace: 10 }
access: [{ user: me, class: block, mode: rw }]
uid_range: { first: 5, count: 1 }
`;
  assert.throws(
    () => parseConfig(text, "ring3.yaml"),
    (error: Error) => {
      assert.deepEqual(error.message.split("\n"), [
        'ring3.yaml:2:10: take.0.usb: expected vendor and product id as "046d:c52b", found "46d:c52b"',
        'ring3.yaml:3:13: take.1.serial: expected string, found 12 (in quotes it is text: "0012")',
        "ring3.yaml:4:5: take.2: expected exactly one of the fields device, usb, serial, alias, found an object",
        'ring3.yaml:6:5: take.3: expected an object, found "usb-1-4"',
        'ring3.yaml:11:42: access.0.mode: expected "read" or "write", found "rw"',
        'ring3.yaml:8:3: aliases.9x: expected an alias of letters, digits, _ and -, found "9x"',
        'ring3.yaml:9:8: aliases.b.srial: expected one of the fields device, usb, serial, found "srial" (did you mean "serial"?)',
        "ring3.yaml:12:21: uid_range.first: expected a user id from 1000 up, found 5",
        'ring3.yaml:10:25: limits.replug_grace: expected a duration such as "500ms", "30s" or "5m", found 10 (in quotes it is text: "10")',
      ]);
      return true;
    },
  );
});

test("how disks are met is read, and a way that there is not is named with its place", () => {
  assert.equal(defaultConfig.endpoints.block, "auto");
  for (const block of ["auto", "ublk", "nbd-device", "nbd"])
    assert.equal(parseConfig(`endpoints: { block: ${block} }\n`, "ring3.yaml").endpoints.block, block);
  assert.throws(() => parseConfig("endpoints: { block: loop }\n", "ring3.yaml"), {
    message:
      'ring3.yaml:1:21: endpoints.block: expected "auto" or "ublk" or "nbd-device" or "nbd", found "loop"',
  });
});

test("a driver's placement is read, and a wrong one named with its place", () => {
  const { placement } = parseConfig("placement:\n  usb-storage: pooled:disks\n  pad: inline\n", "ring3.yaml");
  assert.deepEqual(placement, { "usb-storage": "pooled:disks", pad: "inline" });
  assert.throws(
    () => parseConfig("placement:\n  usb-storage: kernel\n  Pad: inline\n", "ring3.yaml"),
    (error: Error) => {
      assert.deepEqual(error.message.split("\n"), [
        'ring3.yaml:2:16: placement.usb-storage: expected "isolated", "inline" or "pooled:NAME", with a name of small letters, digits and dashes, found "kernel"',
        'ring3.yaml:3:3: placement.Pad: expected a name of small letters, digits and dashes, such as "usb-storage", found "Pad"',
      ]);
      return true;
    },
  );
});

test("tags, tabs, several documents and unresolvable aliases are refused", () => {
  for (const text of ["take: !!js/function x", "take:\n\t- x", "take: []\n---\ntake: []", "take: *nowhere"]) {
    assert.throws(
      () => parseConfig(text, "ring3.yaml"),
      /^DeviceError: ring3\.yaml:\d+:\d+: expected YAML or JSON|ring3\.yaml/,
    );
  }
});

test("a take rule covers what it names: a device with or without interface, ids, serial number, alias", () => {
  const config = parseConfig(whole, "ring3.yaml");
  assert.deepEqual(takeRuleFor(config, other), { device: "usb-1-4:1.0" });
  assert.deepEqual(takeRuleFor(config, stick), { serial: "0012" });
  assert.deepEqual(takeRuleFor(config, { ...other, id: "usb-1-5:1.0", usb: "046d:c52b" }), {
    usb: "046d:c52b",
  });
  assert.equal(takeRuleFor(config, { ...other, id: "usb-1-40:1.0" }), undefined);
  const port = parseConfig("take: [{ device: usb-1-4 }]", "ring3.yaml");
  assert.deepEqual(takeRuleFor(port, { ...other, id: "usb-1-4:1.3" }), { device: "usb-1-4" });
  assert.equal(takeRuleFor(port, { ...other, id: "usb-1-4.2:1.0" }), undefined);
});

test("an alias is found by its rule", () => {
  const config = parseConfig(whole, "ring3.yaml");
  assert.deepEqual([aliasOf(config, stick), aliasOf(config, other)], ["backup", null]);
});

test("root and the manager's user are operators, others may open what a rule says", () => {
  const config = parseConfig(whole, "ring3.yaml");
  const alice = { uid: 1001, user: "alice", gids: [1001], groups: ["alice"] };
  const operator = { uid: 1002, user: "bob", gids: [1002, 6], groups: ["bob", "disk"] };
  const asks = (account: typeof alice, device: typeof stick | typeof other, mode: "read" | "write") =>
    mayOpen(config, account, device, mode);
  assert.deepEqual(
    [0, 500, 1001].map((uid) => isOperator(uid, 500)),
    [true, true, false],
  );
  assert.deepEqual(
    [asks(alice, stick, "read"), asks(alice, stick, "write"), asks(alice, other, "read")],
    [true, false, false],
  );
  assert.deepEqual([asks(operator, other, "write"), asks(operator, stick, "read")], [true, true]);
  assert.equal(mayOpen(defaultConfig, operator, stick, "read"), false);
});

test("an account has its name and its supplementary groups", () => {
  const passwd = "root:x:0:0::/root:/bin/sh\nbob:x:1002:1002::/home/bob:/bin/sh\n";
  const group = "root:x:0:\ndisk:x:6:alice,bob\nbob:x:1002:\naudio:x:29:alice\n";
  assert.deepEqual(accountOf(1002, 1002, passwd, group), {
    uid: 1002,
    user: "bob",
    gids: [1002, 6],
    groups: ["disk", "bob"],
  });
  assert.deepEqual(accountOf(7, 8, passwd, group), { uid: 7, user: null, gids: [8], groups: [] });
});

test("a list as a key is refused, and nothing of it goes to the standard error", async () => {
  const warnings: Error[] = [];
  const heard = (warning: Error) => warnings.push(warning);
  process.on("warning", heard);
  assert.throws(() => parseConfig("? [spares, \u001b]\n: 1\n", "ring3.yaml"), /ring3\.yaml:1:\d+/);
  await new Promise(setImmediate);
  process.off("warning", heard);
  assert.deepEqual(warnings, []);
});
