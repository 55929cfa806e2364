// Runs in: tests. Owns: what two motors must make of effects: by table, by hand, and by a model that knows intervals instead of states.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Effect, Periodic, Rumble } from "./effect.ts";
import { RumbleMixer } from "./rumble.ts";

const FULL = 0xffff;
const NEVER = Number.POSITIVE_INFINITY;
const STILL = { strong: 0, weak: 0, untilMs: NEVER, nextMs: NEVER };

const rumble = (strong: number, weak: number, length: number, delay = 0): Rumble => ({
  kind: "rumble",
  strong,
  weak,
  length,
  delay,
});
const wave = (magnitude: number, change: Partial<Periodic> = {}): Periodic => ({
  kind: "periodic",
  magnitude,
  attackLength: 0,
  attackLevel: 0,
  fadeLength: 0,
  fadeLevel: 0,
  length: 0,
  delay: 0,
  ...change,
});

/** All of `effects` are played once at 0. */
function playing(effects: readonly Effect[], gain = FULL): RumbleMixer {
  const mixer = new RumbleMixer({ gain, effects: [...effects.entries()], playing: [] });
  for (const id of effects.keys()) mixer.play(id, 1, 0);
  return mixer;
}

const combined: readonly (readonly [
  what: string,
  effects: Effect[],
  gain: number,
  strong: number,
  weak: number,
])[] = [
  ["nothing is still", [], FULL, 0, 0],
  ["one effect is felt as it is", [rumble(0x8000, 0x1234, 0)], FULL, 0x8000, 0x1234],
  ["the gain scales it, rounded down", [rumble(0x8000, 3, 0)], 49151, 24575, 2],
  ["no gain is still", [rumble(FULL, FULL, 0), wave(0x7fff)], 0, 0, 0],
  ["two effects add up", [rumble(1000, 0, 0), rumble(200, 30, 0)], FULL, 1200, 30],
  ["they add up to full at most", [rumble(0xc000, 0, 0), rumble(0xc000, 1, 0)], FULL, FULL, 1],
  ["the gain scales each, not the sum", [rumble(FULL, 0, 0), rumble(FULL, 0, 0)], 0x7fff, 2 * 0x7fff, 0],
  ["a wave is felt by both motors, full at 0x7fff", [wave(0x7fff)], FULL, FULL, FULL],
  ["a wave that begins downwards is as strong", [wave(-0x4000)], FULL, 32768, 32768],
  ["the strongest wave downwards is full too", [wave(-0x8000)], FULL, FULL, FULL],
  ["waves and rumble add up", [wave(0x1000), rumble(100, 0, 0)], FULL, 8292, 8192],
];
for (const [what, effects, gain, strong, weak] of combined)
  test(what, () => {
    const felt = playing(effects, gain).felt(0);
    assert.deepEqual([felt.strong, felt.weak], [strong, weak]);
  });

test("delay, play, delay, play: what is felt, when it is over, when it changes next", () => {
  const mixer = new RumbleMixer();
  mixer.upload(3, rumble(100, 50, 20, 5), 0);
  mixer.play(3, 2, 1000);
  const still = { strong: 0, weak: 0, untilMs: 1050 };
  const loud = { strong: 100, weak: 50, untilMs: 1050 };
  assert.deepEqual(mixer.felt(1000), { ...still, nextMs: 1005 });
  assert.deepEqual(mixer.felt(1005), { ...loud, nextMs: 1025 });
  assert.deepEqual(mixer.felt(1024.9), { ...loud, nextMs: 1025 });
  assert.deepEqual(mixer.felt(1025), { ...still, nextMs: 1030 });
  assert.deepEqual(mixer.felt(1030), { ...loud, nextMs: 1050 });
  assert.deepEqual(mixer.felt(1050), STILL);
});

test("length 0 goes on until it is stopped, however often it was to be repeated", () => {
  const mixer = new RumbleMixer();
  mixer.upload(0, rumble(9, 9, 0, 10), 0);
  mixer.play(0, 3, 0);
  assert.deepEqual(mixer.felt(0), { strong: 0, weak: 0, untilMs: NEVER, nextMs: 10 });
  assert.deepEqual(mixer.felt(1e9), { strong: 9, weak: 9, untilMs: NEVER, nextMs: NEVER });
  mixer.play(0, 0, 1e9);
  assert.deepEqual(mixer.felt(1e9), STILL);
});

test("a second play begins anew; another effect goes on beside it", () => {
  const mixer = playing([rumble(1, 0, 100), rumble(20, 0, 150)]);
  mixer.play(0, 1, 60);
  assert.deepEqual(mixer.felt(60), { strong: 21, weak: 0, untilMs: 160, nextMs: 150 });
  assert.deepEqual(mixer.felt(150), { strong: 1, weak: 0, untilMs: 160, nextMs: 160 });
});

test("an upload while it plays is felt at once, and begins anew with the repetitions that are left", () => {
  const mixer = new RumbleMixer({ gain: FULL, effects: [[0, rumble(1, 0, 100)]], playing: [] });
  mixer.play(0, 3, 0);
  assert.equal(mixer.felt(110).untilMs, 300);
  mixer.upload(0, rumble(7, 0, 50), 110);
  assert.deepEqual(mixer.felt(110), { strong: 7, weak: 0, untilMs: 210, nextMs: 160 });
});

test("an upload after its end plays nothing, though nobody has looked since", () => {
  const mixer = playing([rumble(1, 0, 100)]);
  mixer.upload(0, rumble(7, 0, 50), 100);
  assert.deepEqual(mixer.felt(100), STILL);
});

test("an erased effect is still at once, and cannot be played", () => {
  const mixer = playing([rumble(1, 0, 100), rumble(20, 0, 100)]);
  mixer.erase(1);
  assert.equal(mixer.felt(10).strong, 1);
  mixer.play(1, 1, 10);
  mixer.play(77, 1, 10);
  assert.equal(mixer.felt(10).strong, 1);
  assert.deepEqual(mixer.uploads, { gain: FULL, effects: [[0, rumble(1, 0, 100)]], playing: [[0, 1, 0]] });
});

test("a gain beyond full is not taken", () => {
  const mixer = playing([rumble(1000, 0, 0)]);
  mixer.setGain(0x8000);
  mixer.setGain(FULL + 1);
  assert.equal(mixer.felt(0).strong, 500);
});

test("a wave comes from its attack level and goes to its fade level, in steps of 50 ms", () => {
  const mixer = playing([
    wave(0x4000, { length: 400, attackLength: 120, attackLevel: 0, fadeLength: 100, fadeLevel: 0x7fff }),
  ]);
  const steps: (readonly [at: number, magnitude: number])[] = [];
  for (let at = 0; at !== NEVER; at = mixer.felt(at).nextMs)
    steps.push([at, Math.round((mixer.felt(at).strong * 0x7fff) / FULL)]);
  assert.deepEqual(steps, [
    [0, 0],
    [50, Math.floor((0x4000 * 50) / 120)],
    [100, Math.floor((0x4000 * 100) / 120)],
    [120, 0x4000],
    [300, 0x4000],
    [350, 0x7fff - Math.floor(((0x7fff - 0x4000) * 50) / 100)],
    [400, 0],
  ]);
});

test("a level beyond a wave's full is full", () => {
  const loudest = wave(0, { attackLength: 100, attackLevel: 0xffff });
  assert.equal(playing([loudest], 0x8000).felt(0).strong, 0x8000);
});

/** What a program may do, at whole milliseconds. */
type Step = { readonly at: number; readonly id: number } & (
  | { readonly do: "upload"; readonly effect: Rumble }
  | { readonly do: "play"; readonly times: number }
  | { readonly do: "erase" }
  | { readonly do: "gain"; readonly gain: number }
);
const id = fc.nat(3);
const at = fc.nat(400);
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    do: fc.constant("upload" as const),
    at,
    id,
    effect: fc.record({
      kind: fc.constant("rumble" as const),
      strong: fc.nat(FULL),
      weak: fc.nat(FULL),
      length: fc.nat(60),
      delay: fc.nat(30),
    }),
  }),
  fc.record({ do: fc.constant("play" as const), at, id, times: fc.nat(3) }),
  fc.record({ do: fc.constant("erase" as const), at, id }),
  fc.record({ do: fc.constant("gain" as const), at, id, gain: fc.nat(FULL + 2) }),
);
const steps = fc
  .array(step, { maxLength: 30 })
  .map((list) => list.toSorted((one, other) => one.at - other.at));

function apply(mixer: RumbleMixer, step: Step): void {
  switch (step.do) {
    case "upload":
      return mixer.upload(step.id, step.effect, step.at);
    case "play":
      return void mixer.play(step.id, step.times, step.at);
    case "erase":
      return mixer.erase(step.id);
    case "gain":
      return mixer.setGain(step.gain);
  }
}

/** Each effect as the list of its intervals to come: [from, to) for each repetition. */
class Model {
  readonly #effects = new Map<number, Rumble>();
  readonly #intervals = new Map<number, [number, number][]>();
  #gain = FULL;

  apply(step: Step): void {
    const { at, id } = step;
    if (step.do === "gain" && step.gain <= FULL) this.#gain = step.gain;
    if (step.do === "erase") {
      this.#effects.delete(id);
      this.#intervals.delete(id);
    }
    if (step.do === "upload") {
      const left = (this.#intervals.get(id) ?? []).filter(([, to]) => to > at).length;
      this.#effects.set(id, step.effect);
      this.#schedule(id, at, left);
    }
    if (step.do === "play" && this.#effects.has(id)) this.#schedule(id, at, step.times);
  }

  #schedule(id: number, at: number, times: number): void {
    const { length, delay } = this.#effects.get(id)!;
    this.#intervals.set(
      id,
      Array.from({ length: times }, (_, turn) => {
        const from = at + turn * (delay + length) + delay;
        return length === 0 ? [at + delay, NEVER] : [from, from + length];
      }),
    );
  }

  felt(now: number): [strong: number, weak: number] {
    const here = [...this.#intervals].flatMap(([id, intervals]) =>
      intervals.some(([from, to]) => from <= now && now < to) ? [this.#effects.get(id)!] : [],
    );
    const sum = (of: (effect: Rumble) => number) =>
      Math.min(
        FULL,
        here.reduce((all, effect) => all + Math.floor((of(effect) * this.#gain) / FULL), 0),
      );
    return [sum(({ strong }) => strong), sum(({ weak }) => weak)];
  }
}

test("any program: at every millisecond it is felt what the intervals of all plays say", () => {
  fc.assert(
    fc.property(steps, (list) => {
      const [mixer, model] = [new RumbleMixer(), new Model()];
      let next = 0;
      for (let now = 0; now <= 500; now++) {
        for (; list[next]?.at === now; next++) {
          apply(mixer, list[next]!);
          model.apply(list[next]!);
        }
        const { strong, weak } = mixer.felt(now);
        assert.deepEqual([strong, weak], model.felt(now), `at ${now}`);
      }
    }),
  );
});

test("any program: looked at only when said, it is the same; and still from the end that was said", () => {
  fc.assert(
    fc.property(steps, (list) => {
      const [often, seldom] = [new RumbleMixer(), new RumbleMixer()];
      let next = 0;
      let said = seldom.felt(0);
      for (let now = 0; now <= 500; now++) {
        const asked = list[next]?.at === now;
        for (; list[next]?.at === now; next++) for (const one of [often, seldom]) apply(one, list[next]!);
        if (asked || now >= said.nextMs) said = seldom.felt(now);
        assert.ok(said.nextMs > now && said.untilMs > now);
        const { strong, weak, untilMs } = often.felt(now);
        assert.deepEqual([said.strong, said.weak, said.untilMs], [strong, weak, untilMs], `at ${now}`);
      }
    }),
  );
});

test("any waves at any time: both motors between still and full, and the next look is later", () => {
  const u16 = fc.nat(FULL);
  const any: fc.Arbitrary<Effect> = fc.oneof(
    fc.record({
      kind: fc.constant("periodic" as const),
      magnitude: fc.integer({ min: -0x8000, max: 0x7fff }),
      attackLength: u16,
      attackLevel: u16,
      fadeLength: u16,
      fadeLevel: u16,
      length: u16,
      delay: u16,
    }),
    fc.record({
      kind: fc.constant("rumble" as const),
      strong: u16,
      weak: u16,
      length: u16,
      delay: u16,
    }),
  );
  const looks = fc.array(fc.double({ min: 0, max: 2e5, noNaN: true }), { maxLength: 20 });
  fc.assert(
    fc.property(fc.array(any, { maxLength: 5 }), u16, looks, (effects, gain, times) => {
      const mixer = playing(effects, gain);
      for (const now of times.toSorted((one, other) => one - other)) {
        const { strong, weak, nextMs, untilMs } = mixer.felt(now);
        for (const motor of [strong, weak])
          assert.ok(Number.isInteger(motor) && motor >= 0 && motor <= FULL, `${motor}`);
        assert.ok(nextMs > now && nextMs <= untilMs);
      }
    }),
  );
});
