// Runs in: tests.
import assert from "node:assert/strict";
import { test } from "node:test";
import { DeviceError } from "@ring3/core/errors";
import fc from "fast-check";
import { type Marshaled, marshaled, type Typed } from "./message.fixture.ts";
import { decodeMessage, encodeCall, messageBytes } from "./message.ts";
import { recorded } from "./recorded.fixture.ts";

const BUS = "org.freedesktop.DBus";
const LOGIN = "/org/freedesktop/login1";

test("what a real bus says", () => {
  const said = Object.entries(recorded)
    .slice(1)
    .map(([name, bytes]) => {
      assert.equal(messageBytes(bytes), bytes.length);
      const { kind, replySerial, sender, member, errorName, body, descriptorCount } = decodeMessage(bytes);
      return [name, kind, replySerial, sender, `${member}${errorName}`, body, descriptorCount];
    });
  const locked = ["s", "sleep"].concat(["s", "a"], ["s", "b"], ["s", "delay"]);
  const variants = [0, 2, 4, 6].map((at) => ({ signature: locked[at], value: locked[at + 1] }));
  assert.deepEqual(said, [
    ["hello", "return", 1, BUS, "", [":1.7"], 0],
    ["nameAcquired", "signal", 0, BUS, "NameAcquired", [":1.7"], 0],
    ["matched", "return", 2, BUS, "", [], 0],
    ["delay", "return", 3, ":1.5", "", [{ signature: "t", value: 5_000_000n }], 0],
    [
      ...["noOwner", "error", 4, BUS, `${BUS}.Error.NameHasNoOwner`],
      ["Could not get owner of name 'no.such.name': no such name"],
      0,
    ],
    ["methodCalled", "signal", 0, ":1.5", "MethodCalled", ["Inhibit", variants], 0],
    ["lock", "return", 5, ":1.5", "", [0], 1],
    ["prepareForSleep", "signal", 0, ":1.5", "PrepareForSleep", [true], 0],
  ]);
});

const text = fc.string({ unit: "binary", maxLength: 12 }).map((value) => value.replaceAll("\0", ""));
const basic: fc.Arbitrary<Typed> = fc.oneof(
  fc.boolean().map((value): Typed => ["b", value]),
  fc.integer({ min: 0, max: 255 }).map((value): Typed => ["y", value]),
  fc.integer({ min: -0x8000, max: 0x7fff }).map((value): Typed => ["n", value]),
  fc.integer({ min: 0, max: 0xffff }).map((value): Typed => ["q", value]),
  fc.integer().map((value): Typed => ["i", value]),
  fc.nat().map((value): Typed => ["u", value]),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map((value): Typed => ["x", value]),
  fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map((value): Typed => ["t", value]),
  fc.double({ noNaN: true }).map((value): Typed => ["d", value]),
  text.map((value): Typed => ["s", value]),
  fc.constantFrom("", "a{sv}", "(ii)").map((value): Typed => ["g", value]),
);
const { any } = fc.letrec<{ any: Typed }>((tie) => ({
  any: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    basic,
    tie("any").map(([signature, value]): Typed => ["v", { signature, value }]),
    fc
      .tuple(tie("any"), fc.nat(3))
      .map(([[type, value], count]): Typed => [`a${type}`, Array(count).fill(value)]),
    fc
      .tuple(basic, tie("any"))
      .map(([key, value]): Typed => [`a{${key[0]}${value[0]}}`, [[key[1], value[1]]]]),
    fc
      .array(tie("any"), { minLength: 1, maxLength: 3 })
      .map((all): Typed => [`(${all.map(([type]) => type).join("")})`, all.map(([, value]) => value)]),
  ),
}));

test("whatever is marshaled is read as it was, in both byte orders", () => {
  fc.assert(
    fc.property(fc.array(any, { maxLength: 4 }), fc.boolean(), fc.boolean(), (body, little, stranger) => {
      fc.pre(body.map(([type]) => type).join("").length <= 255);
      // A field that no specification has yet.
      const later = stranger && body[0] !== undefined ? [[200, ...body[0]] as const] : [];
      const bytes = marshaled({ little, body, fields: [[3, "s", "Said"], ...later] });
      assert.equal(messageBytes(bytes), bytes.length);
      const message = decodeMessage(bytes);
      assert.deepEqual(
        message.body,
        body.map(([, value]) => value),
      );
      assert.deepEqual([message.member, message.sender], ["Said", ""]);
    }),
  );
});

test("any bytes, and any message with a byte changed, are a message or refused as the protocol's breach", () => {
  const refusedOrTaken = (bytes: Uint8Array) => {
    try {
      decodeMessage(bytes);
    } catch (error) {
      assert.ok(error instanceof DeviceError && error.kind === "protocol", String(error));
    }
  };
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), refusedOrTaken));
  const changed = fc.tuple(fc.constantFrom(...Object.values(recorded)), fc.nat(), fc.nat(255));
  fc.assert(
    fc.property(changed, ([whole, at, byte]) => refusedOrTaken(whole.with(at % whole.length, byte))),
    { numRuns: 2000 },
  );
});

const nested = (depth: number): Typed => {
  let typed: Typed = ["u", 1];
  for (let left = depth; left > 0; left--) typed = ["v", { signature: typed[0], value: typed[1] }];
  return typed;
};

for (const [what, message, reason] of [
  ["no serial", { serial: 0 }, /serial 0/],
  ["type 0", { type: 0 }, /type 0/],
  ["a sender that is no string", { fields: [[7, "u", 1]] }, /header field 7 of type "u"/],
  [
    "two senders",
    {
      fields: [
        [7, "s", ":1.1"],
        [7, "s", ":1.2"],
      ],
    },
    /header field 7/,
  ],
  ["a boolean of 2", { body: [["b", 2]] }, /boolean 2/],
  ["a variant of two", { body: [["v", { signature: "uu", value: 1 }]] }, /ends within|variant of "uu"/],
  ["an empty struct", { body: [["v", { signature: "()", value: [] }]] }, /signature "\(\)"/],
  ["variants without end", { body: [nested(100)] }, /too deep/],
  ["arrays without end", { body: [["v", { signature: `${"a".repeat(100)}u`, value: [] }]] }, /too deep/],
  [
    "a dictionary's entry by itself",
    { body: [["v", { signature: "{su}", value: ["a", 1] }]] },
    /signature "\{su\}"/,
  ],
] as const satisfies readonly (readonly [string, Marshaled, RegExp])[])
  test(`${what} is refused`, () => {
    assert.throws(() => decodeMessage(marshaled(message)), { kind: "protocol", message: reason });
  });

test("a message that is cut, or longer than it says, is refused", () => {
  const { noOwner } = recorded;
  for (let length = 0; length < noOwner.length; length++)
    assert.throws(() => decodeMessage(noOwner.subarray(0, length)), { kind: "protocol" });
  assert.throws(() => decodeMessage(Buffer.concat([noOwner, Buffer.alloc(8)])), { kind: "protocol" });
});

test("a call is what the specification says, byte by byte, and is read as what it was", () => {
  const call = { destination: ":1.5", path: LOGIN, interface: "a.b", member: "Get", strings: ["x", "yz"] };
  assert.deepEqual(
    encodeCall(call, 9),
    marshaled({
      type: 1,
      serial: 9,
      fields: [
        [1, "o", LOGIN],
        [2, "s", "a.b"],
        [3, "s", "Get"],
        [6, "s", ":1.5"],
      ],
      body: [
        ["s", "x"],
        ["s", "yz"],
      ],
    }),
  );
  const { kind, serial, path, body } = decodeMessage(encodeCall({ ...call, strings: [] }, 3));
  assert.deepEqual([kind, serial, path, body], ["call", 3, LOGIN, []]);
});
