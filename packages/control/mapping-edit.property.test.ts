// Runs in: node --test. Owns: nothing. Of whatever mapping file, and whatever is changed in it: what is not changed stays byte for byte.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parse } from "yaml";
import { bind, type Place, unbind } from "./mapping-edit.ts";
import { anyFile, piecesOf, type WrittenFile } from "./mapping-file.fixture.ts";

const device = { id: "usb-1-4:1.0", alias: null, usb: "054c:09cc", serial: null, class: "gamepad" };
const place = (profile: string): Place => ({ device, devices: [device], profile });
const action = fc.constantFrom<unknown>("KEY_Z", ["KEY_Y", "KEY_Z"], { press: "KEY_Z", turbo: 9 });

/** What the file says of a profile's buttons. */
type Said = { devices: { profiles: Record<string, { buttons: Record<string, unknown> }> }[] };
const said = (text: string): Said => parse(text) as Said;

/** The text before and behind one binding. */
function around(file: WrittenFile, profile: number, at: number): [before: string, after: string] {
  const earlier = file.profiles.slice(0, profile).reduce((sum, { bindings }) => sum + bindings.length + 2, 0);
  const pieces = piecesOf(file);
  const own = earlier + 2 + at;
  return [pieces.slice(0, own).join(""), pieces.slice(own + 1).join("")];
}
const textOf = (file: WrittenFile) => piecesOf(file).join("");

const anyPlace = anyFile.chain((file) =>
  fc.record({
    file: fc.constant(file),
    profile: fc.nat(file.profiles.length - 1),
    at: fc.nat(5),
  }),
);

test("a binding that is removed takes its lines with it, and the comments directly above; nothing else changes", () => {
  fc.assert(
    fc.property(anyPlace, ({ file, profile, at }) => {
      const { bindings, name } = file.profiles[profile]!;
      const index = at % bindings.length;
      const binding = bindings[index]!;
      const [before, after] = around(file, profile, index);
      const whole = textOf(file);
      const { text } = unbind(whole, "f", place(name), binding.control);
      const wanted = said(whole);
      delete wanted.devices[0]!.profiles[name]!.buttons[binding.control];
      assert.deepEqual(said(text), wanted);
      const blank = /(\r?\n)\1$/.test(binding.text) ? file.eol : "";
      const empty = bindings.length === 1 ? before.replace(/buttons:(?!.*buttons:)/s, "buttons: {}") : before;
      assert.equal(text, empty + blank + after);
    }),
    { numRuns: 150 },
  );
});

test("one that is bound anew changes in its own lines, and keeps all comments", () => {
  fc.assert(
    fc.property(anyPlace, action, ({ file, profile, at }, action) => {
      const { bindings, name } = file.profiles[profile]!;
      const index = at % bindings.length;
      const binding = bindings[index]!;
      const [before, after] = around(file, profile, index);
      const whole = textOf(file);
      const { text, before: was } = bind(whole, "f", place(name), binding.control, action);
      assert.deepEqual(was, binding.action);
      const wanted = said(whole);
      wanted.devices[0]!.profiles[name]!.buttons[binding.control] = action;
      assert.deepEqual(said(text), wanted);
      assert.ok(text.startsWith(before) && text.endsWith(after));
      const own = text.slice(before.length, text.length - after.length);
      for (const comment of binding.comments)
        assert.equal(own.split(comment).length, binding.text.split(comment).length, own);
      assert.ok(own.endsWith(file.eol) && !own.replaceAll(file.eol, "").includes("\n"));
    }),
    { numRuns: 150 },
  );
});

test("a new binding, profile or entry is lines more, and nothing else changes", () => {
  const other = { ...device, id: "usb-1-5:1.0", class: "input" };
  fc.assert(
    fc.property(
      anyPlace,
      fc.constantFrom("binding", "profile", "entry"),
      action,
      ({ file, profile }, what, action) => {
        const { name } = file.profiles[profile]!;
        const whole = textOf(file);
        const wanted = said(whole);
        const control = what === "entry" ? "KEY_Q" : "west";
        const at =
          what === "entry"
            ? { device: other, devices: [other], profile: "p" }
            : place(what === "profile" ? "p" : name);
        const { text } = bind(whole, "f", at, control, action);
        const { profiles } = wanted.devices[0]!;
        if (what === "binding") profiles[name]!.buttons.west = action;
        if (what === "profile") profiles.p = { buttons: { west: action } };
        if (what === "entry")
          wanted.devices.push({
            for: { usb: other.usb },
            profiles: { p: { buttons: { KEY_Q: action } } },
          } as Said["devices"][0]);
        assert.deepEqual(said(text), wanted);
        const more = text.length - whole.length;
        let same = 0;
        while (same < whole.length && text[same] === whole[same]) same++;
        assert.equal(text.slice(same + more), whole.slice(same));
        assert.ok(
          !text
            .slice(same, same + more)
            .replaceAll(file.eol, "")
            .includes("\n"),
        );
      },
    ),
    { numRuns: 150 },
  );
});
