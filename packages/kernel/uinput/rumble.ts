// Runs in: reflector. Owns: one device's uploaded effects, those that are playing and the gain; what two motors make of them, as the
// kernel's own drivers do it for devices without memory for effects (drivers/input/ff-memless.c). Pure: times are passed in.
import type { Effect, Periodic } from "./effect.ts";

const FULL = 0xffff; // magnitudes of rumble, and the gain
const PERIODIC_FULL = 0x7fff; // what FULL is to a wave's magnitude (ml_combine_effects)
const ENVELOPE_INTERVAL_MS = 50; // FF_ENVELOPE_INTERVAL

/** One play of an effect. */
interface Run {
  /** Repetitions, with the one under way. */
  left: number;
  playAt: number;
  /** Infinity: when somebody stops it. */
  stopAt: number;
}

export interface Felt {
  /** 0 to 65535 */
  readonly strong: number;
  readonly weak: number;
  /** When all will be still, if nobody asks for anything more; Infinity: it stays as it is. */
  readonly untilMs: number;
  /** When to look again; Infinity: not before something is asked for. */
  readonly nextMs: number;
}

/** What programs have left with a device: plain data. */
export interface Uploads {
  /** 0 to 65535 */
  readonly gain: number;
  readonly effects: readonly (readonly [id: number, effect: Effect])[];
  /** Those that go on, with their repetitions left and when the one under way began, or will: by a clock that the next process has too. */
  readonly playing: readonly (readonly [id: number, left: number, playAt: number])[];
}

export const NO_UPLOADS: Uploads = { gain: FULL, effects: [], playing: [] };

export class RumbleMixer {
  readonly #effects: Map<number, Effect>;
  readonly #runs = new Map<number, Run>();
  #gain: number;

  constructor({ gain, effects, playing } = NO_UPLOADS) {
    this.#gain = gain;
    this.#effects = new Map(effects);
    for (const [id, left, playAt] of playing)
      this.#runs.set(id, { left, playAt, stopAt: endOf(this.#effects.get(id)!, playAt) });
  }

  get uploads(): Uploads {
    const playing = [...this.#runs].map(([id, { left, playAt }]) => [id, left, playAt] as const);
    return { gain: this.#gain, effects: [...this.#effects], playing };
  }

  /** One that is playing begins anew (ml_ff_upload). */
  upload(id: number, effect: Effect, now: number): void {
    const run = this.#runs.get(id);
    const playing = run !== undefined && goneOn(run, this.#effects.get(id)!, now);
    this.#effects.set(id, effect);
    this.play(id, playing ? run.left : 0, now);
  }

  erase(id: number): void {
    this.#effects.delete(id);
    this.#runs.delete(id);
  }

  /** No repetitions: it stops. False: programs may name effects that nobody has uploaded. */
  play(id: number, repetitions: number, now: number): boolean {
    const effect = this.#effects.get(id);
    if (effect === undefined) return false;
    const playAt = now + effect.delay;
    if (repetitions > 0) this.#runs.set(id, { left: repetitions, playAt, stopAt: endOf(effect, playAt) });
    else this.#runs.delete(id);
    return true;
  }

  /** A gain beyond full is none (drivers/input/ff-core.c, input_ff_event). */
  setGain(gain: number): void {
    if (gain <= FULL) this.#gain = gain;
  }

  /** `now` never goes back. */
  felt(now: number): Felt {
    let [strong, weak] = [0, 0];
    let [untilMs, nextMs] = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
    for (const [id, run] of this.#runs) {
      const effect = this.#effects.get(id)!;
      if (!goneOn(run, effect, now)) {
        this.#runs.delete(id);
        continue;
      }
      untilMs = Math.max(untilMs, run.stopAt + (run.left - 1) * (effect.delay + effect.length));
      nextMs = Math.min(nextMs, nextChange(run, effect, now));
      if (now < run.playAt) continue;
      const level = this.#levelOf(run, effect, now);
      strong = Math.min(strong + level.strong, FULL);
      weak = Math.min(weak + level.weak, FULL);
    }
    return { strong, weak, untilMs: this.#runs.size === 0 ? Number.POSITIVE_INFINITY : untilMs, nextMs };
  }

  /** ml_combine_effects */
  #levelOf(run: Run, effect: Effect, now: number): { strong: number; weak: number } {
    const scaled = (magnitude: number, full: number) => Math.floor((magnitude * this.#gain) / full);
    if (effect.kind === "rumble")
      return { strong: scaled(effect.strong, FULL), weak: scaled(effect.weak, FULL) };
    const both = scaled(enveloped(run, effect, now), PERIODIC_FULL);
    return { strong: both, weak: both };
  }
}

const endOf = ({ length }: Effect, playAt: number): number =>
  length === 0 ? Number.POSITIVE_INFINITY : playAt + length;

/** Into the repetition that `now` lies in; false: all are over. */
function goneOn(run: Run, effect: Effect, now: number): boolean {
  while (now >= run.stopAt) {
    if (--run.left === 0) return false;
    run.playAt = run.stopAt + effect.delay;
    run.stopAt = endOf(effect, run.playAt);
  }
  return true;
}

/** Always later than `now`. */
function nextChange({ playAt, stopAt }: Run, effect: Effect, now: number): number {
  if (now < playAt) return playAt;
  if (effect.kind === "rumble") return stopAt;
  const attacked = playAt + effect.attackLength;
  if (now < attacked) return Math.min(now + ENVELOPE_INTERVAL_MS, attacked, stopAt);
  if (effect.fadeLength === 0) return stopAt;
  const fades = stopAt - effect.fadeLength;
  return now < fades ? fades : Math.min(now + ENVELOPE_INTERVAL_MS, stopAt);
}

/** The magnitude at that time (apply_envelope). */
function enveloped({ playAt, stopAt }: Run, effect: Periodic, now: number): number {
  const magnitude = Math.abs(effect.magnitude);
  const between = (level: number, passed: number, length: number) => {
    const from = Math.min(level, PERIODIC_FULL);
    return from + Math.trunc(((magnitude - from) * passed) / length);
  };
  if (now < playAt + effect.attackLength)
    return between(effect.attackLevel, now - playAt, effect.attackLength);
  if (now > stopAt - effect.fadeLength) return between(effect.fadeLevel, stopAt - now, effect.fadeLength);
  return magnitude;
}
