// Runs in: tests. Owns: a C program that prints what this machine's headers say.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { hostRequests } from "../usbfs/constants.ts";
import * as codes from "./codes.ts";
import * as constants from "./constants.ts";

/** What the C compiler makes of each expression. */
function compiled(context: TestContext, expressions: readonly string[]): Record<string, number> {
  const directory = mkdtempSync(join(tmpdir(), "ring3-uinput-"));
  context.after(() => rmSync(directory, { recursive: true }));
  const source = [
    "#include <stddef.h>",
    "#include <stdio.h>",
    "#include <sys/ioctl.h>",
    "#include <linux/uinput.h>",
    "int main(void) {",
    ...expressions.map((expression) => `  printf("%lu\\n", (unsigned long)(${expression}));`),
    "}",
  ].join("\n");
  const program = join(directory, "constants");
  execFileSync("cc", ["-std=c17", "-xc", "-", "-o", program], { input: source });
  const printed = execFileSync(program, { encoding: "utf8" }).trim().split("\n").map(Number);
  return Object.fromEntries(expressions.map((expression, at) => [expression, printed[at]!]));
}

test("every code has the value that the C compiler gives it", (context) => {
  const ours: Record<string, number> = { ...codes };
  assert.deepEqual(compiled(context, Object.keys(ours)), ours);
  const keys = new Set(
    Object.entries(ours).flatMap(([name, code]) => (/^(KEY|BTN)_/.test(name) ? [code] : [])),
  );
  assert.equal(Math.max(...keys), codes.KEY_MAX);
  assert.ok(keys.size > 550, `${keys.size}`);
});

test("every request and every number of uinput's has the value that the C compiler gives it", (context) => {
  const ours = Object.fromEntries(
    Object.entries(constants).filter(
      (entry): entry is [string, number] =>
        /^(UI_|EV_|UINPUT_MAX)/.test(entry[0]) && typeof entry[1] === "number",
    ),
  );
  ours["UI_GET_SYSNAME(64)"] = constants.reflectorRequests.UI_GET_SYSNAME;
  assert.deepEqual(compiled(context, Object.keys(ours)), ours);
  assert.ok("UI_END_FF_ERASE" in ours && "UINPUT_MAX_NAME_SIZE" in ours);
});

test("structures lie as the C compiler lays them", (context) => {
  const { inputEvent, uinputSetup, uinputAbsSetup, ffEffect, ffPeriodic, ffRumble, ffUpload, ffErase } =
    constants;
  const expected = {
    "sizeof(struct input_event)": inputEvent.size,
    "offsetof(struct input_event, time.tv_usec)": inputEvent.offsets.microseconds,
    "offsetof(struct input_event, type)": inputEvent.offsets.type,
    "offsetof(struct input_event, code)": inputEvent.offsets.code,
    "offsetof(struct input_event, value)": inputEvent.offsets.value,
    "sizeof(struct uinput_setup)": uinputSetup.size,
    "offsetof(struct uinput_setup, id.bustype)": uinputSetup.offsets.bustype,
    "offsetof(struct uinput_setup, id.vendor)": uinputSetup.offsets.vendor,
    "offsetof(struct uinput_setup, id.product)": uinputSetup.offsets.product,
    "offsetof(struct uinput_setup, id.version)": uinputSetup.offsets.version,
    "offsetof(struct uinput_setup, name)": uinputSetup.offsets.name,
    "offsetof(struct uinput_setup, ff_effects_max)": uinputSetup.offsets.ffEffectsMax,
    "sizeof(struct uinput_abs_setup)": uinputAbsSetup.size,
    "offsetof(struct uinput_abs_setup, absinfo.value)": uinputAbsSetup.offsets.value,
    "offsetof(struct uinput_abs_setup, absinfo.minimum)": uinputAbsSetup.offsets.minimum,
    "offsetof(struct uinput_abs_setup, absinfo.maximum)": uinputAbsSetup.offsets.maximum,
    "offsetof(struct uinput_abs_setup, absinfo.fuzz)": uinputAbsSetup.offsets.fuzz,
    "offsetof(struct uinput_abs_setup, absinfo.flat)": uinputAbsSetup.offsets.flat,
    "offsetof(struct uinput_abs_setup, absinfo.resolution)": uinputAbsSetup.offsets.resolution,
    "sizeof(struct ff_effect)": ffEffect.size,
    "offsetof(struct ff_effect, id)": ffEffect.offsets.id,
    "offsetof(struct ff_effect, direction)": ffEffect.offsets.direction,
    "offsetof(struct ff_effect, trigger.button)": ffEffect.offsets.triggerButton,
    "offsetof(struct ff_effect, trigger.interval)": ffEffect.offsets.triggerInterval,
    "offsetof(struct ff_effect, replay.length)": ffEffect.offsets.replayLength,
    "offsetof(struct ff_effect, replay.delay)": ffEffect.offsets.replayDelay,
    "offsetof(struct ff_effect, u)": ffEffect.offsets.u,
    "sizeof(struct ff_periodic_effect)": ffPeriodic.size,
    "offsetof(struct ff_periodic_effect, magnitude)": ffPeriodic.offsets.magnitude,
    "offsetof(struct ff_periodic_effect, phase)": ffPeriodic.offsets.phase,
    "offsetof(struct ff_periodic_effect, envelope.attack_length)": ffPeriodic.offsets.attackLength,
    "offsetof(struct ff_periodic_effect, envelope.attack_level)": ffPeriodic.offsets.attackLevel,
    "offsetof(struct ff_periodic_effect, envelope.fade_length)": ffPeriodic.offsets.fadeLength,
    "offsetof(struct ff_periodic_effect, envelope.fade_level)": ffPeriodic.offsets.fadeLevel,
    "offsetof(struct ff_periodic_effect, custom_len)": ffPeriodic.offsets.customLen,
    "offsetof(struct ff_periodic_effect, custom_data)": ffPeriodic.offsets.customData,
    "sizeof(struct ff_rumble_effect)": ffRumble.size,
    "offsetof(struct ff_rumble_effect, weak_magnitude)": ffRumble.offsets.weakMagnitude,
    "sizeof(struct uinput_ff_upload)": ffUpload.size,
    "offsetof(struct uinput_ff_upload, retval)": ffUpload.offsets.retval,
    "offsetof(struct uinput_ff_upload, effect)": ffUpload.offsets.effect,
    "offsetof(struct uinput_ff_upload, old)": ffUpload.offsets.old,
    "sizeof(struct uinput_ff_erase)": ffErase.size,
    "offsetof(struct uinput_ff_erase, effect_id)": ffErase.offsets.effectId,
  };
  assert.deepEqual(compiled(context, Object.keys(expected)), expected);
});

test("the filter cannot take a request of uinput's for one of usbfs's, which has the same type", () => {
  const ours = new Set<number>(Object.values(constants.reflectorRequests));
  assert.equal(ours.size, Object.keys(constants.reflectorRequests).length);
  assert.deepEqual(
    Object.values(hostRequests).filter((request) => ours.has(request)),
    [],
  );
});
