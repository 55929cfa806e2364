import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { UnitInfo } from "@ring3/client";
import type { Contract } from "@ring3/core/contract";
import type { Picture } from "@ring3/core/picture";
import { Ring3 } from "../ring3.ts";
import { HIDE_CURSOR, SHOW_CURSOR } from "../screen.ts";
import { LiveView } from "./live-view.ts";

const HOME = "\x1b[H";
const info = { unit: "usb-pad:1.0#0", name: "Pad\x1b[31m", incarnation: 1 } as UnitInfo;

/** Shows the last number that it was told, 0 where it is released. */
function numberPicture(): Picture<Contract> {
  let shown = 0;
  const number = (data: { number: number }) => {
    shown = data.number;
  };
  const release = () => {
    shown = 0;
  };
  return { take: { number } as Picture<Contract>["take"], release, lines: () => [[`number ${shown}`]] };
}

function terminal() {
  const written: string[] = [];
  const out = { write: (text: string) => written.push(text), isTTY: true, columns: 80, rows: 24 };
  const ring3 = new Ring3({ directory: () => "", json: false, out, err: out, env: { NO_COLOR: "1" } });
  const frames = () => written.filter((text) => text.startsWith(HOME));
  return { ring3, written, frames };
}

test("many changes are few frames, the last of which shows the last; without a change there is none", async () => {
  const { ring3, frames } = terminal();
  using view = new LiveView(ring3, true);
  const told = view.of(info, numberPicture());
  const began = performance.now();
  let number = 0;
  while (frames().length < 3 || performance.now() - began < 300) {
    for (let burst = 0; burst < 50; burst++) told.event("number", { number: ++number });
    await sleep(1);
  }
  await sleep(50);
  const drawn = frames().length;
  assert.ok(drawn <= ((performance.now() - began) * 30) / 1000 + 2, `${drawn} frames`);
  assert.match(frames().at(-1)!, new RegExp(`number ${number}\\b`));
  assert.match(frames().at(-1)!, /^Pad\[31m/m); // of a device's words nothing reaches the terminal but letters
  await sleep(100);
  assert.equal(frames().length, drawn);
});

test("a driver's death releases what is shown and is said, the next one's start too", async () => {
  const { ring3, frames } = terminal();
  using view = new LiveView(ring3, true);
  const told = view.of(info, numberPicture());
  const last = async () => {
    await sleep(50);
    return frames().at(-1)!;
  };
  told.event("number", { number: 5 });
  assert.match(await last(), /driver start #1.*number 5/s);
  told.driver(false);
  assert.match(await last(), /driver down, released.*number 0/s);
  view.changed({ ...info, incarnation: 2 });
  told.driver(true);
  told.event("number", { number: 6 });
  assert.match(await last(), /driver down, released; driver start #2.*number 6/s);
});

test("its end shows what was told last, and gives the cursor back", () => {
  const { ring3, written, frames } = terminal();
  {
    using view = new LiveView(ring3, true);
    view.of(info, numberPicture()).event("number", { number: 9 });
  }
  assert.match(frames().at(-1)!, /number 9/);
  assert.deepEqual([written[0], written.at(-1)], [HIDE_CURSOR, SHOW_CURSOR]);
});
