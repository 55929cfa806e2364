// Runs in: node --test.
import assert from "node:assert/strict";
import { test } from "node:test";
import { gamepad } from "@ring3/classes/gamepad/contract";
import { Changes, same } from "./changes.ts";
import type { Context } from "./define.ts";

type Gamepad = typeof gamepad;
const { timestampUs: _, ...rest } = gamepad.events.state.data!.create();
const finger = (x: number) => ({ touching: 1, id: 7, x, y: 0 });

function told() {
  let rests = 0;
  const events: [event: string, data: { timestampUs: number }, unit: number | undefined][] = [];
  let now = 0;
  const ctx = {
    get rests() {
      return rests;
    },
    timestampUs: () => ++now,
    emit: (event: string, data: { timestampUs: number }, unit?: number) =>
      void events.push([event, data, unit]),
  } as unknown as Pick<Context<Gamepad>, "emit" | "timestampUs" | "rests">;
  return { ctx, events, rest: () => void rests++ };
}

test("a state is told the first time, and when it is another one, with the time", () => {
  const { ctx, events } = told();
  const state = new Changes<Gamepad, "state">(ctx, "state", 2);
  for (const leftX of [0, 0, 1, 1, 0]) state.tell({ ...rest, leftX });
  assert.deepEqual(
    events,
    [0, 1, 0].map((leftX, at) => ["state", { ...rest, leftX, timestampUs: at + 1 }, 2]),
  );
});

test("what is deep inside counts too", () => {
  const { ctx, events } = told();
  const touch = new Changes<Gamepad, "touch">(ctx, "touch");
  for (const x of [1, 1, 2]) touch.tell({ fingers: [finger(0), finger(x)] });
  assert.equal(events.length, 2);
});

test("the same is told again after a rest, and once", () => {
  const { ctx, events, rest: sleep } = told();
  const state = new Changes<Gamepad, "state">(ctx, "state");
  state.tell(rest);
  sleep();
  state.tell(rest);
  state.tell(rest);
  assert.equal(events.length, 2);
});

test("what has more in it is not the same, from whichever side one looks", () => {
  for (const [more, fewer] of [
    [[1, 2], [1]],
    [{ x: 1, y: 2 }, { x: 1 }],
    [{ x: 1, y: undefined }, { x: 1 }],
  ])
    assert.deepEqual([same(more, fewer), same(fewer, more), same(more, more)], [false, false, true]);
});
