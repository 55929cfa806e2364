// Runs in: manager. Owns: what each device has gone through lately, for people who look later.
import type { Passage, Step } from "@ring3/control/observation";
import type { Clock } from "@ring3/core/clock";
import type { Life } from "@ring3/core/lifecycle";
import { beginsSteps } from "@ring3/core/steps";
import type { Device } from "./device.ts";

/** Of a device: some fifty starts of its driver. */
const PASSAGES_MAX = 200;
const STEPS_MAX = 400;

interface Follower {
  passage(device: Device, passage: Passage): void;
  step(device: Device, step: Step): void;
}

interface Known {
  readonly device: Device;
  readonly passages: Passage[];
  readonly steps: Step[];
  life: Life;
  hostPid: number | null;
}

export class History {
  readonly #clock: Clock;
  /** By the device's id: another one in that place begins anew. */
  readonly #known = new Map<string, Known>();
  readonly #followers = new Set<Follower>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Some of these have changed. */
  changed(devices: readonly Device[]): void {
    for (const device of devices) this.#look(this.#knownOf(device));
    if (this.#known.size === devices.length) return;
    const there = new Set(devices.map(({ id }) => id));
    for (const id of this.#known.keys()) if (!there.has(id)) this.#known.delete(id);
  }

  readonly stepped = (device: Device, step: Step): void => {
    const { steps } = this.#knownOf(device);
    steps.push(step);
    if (steps.length > STEPS_MAX) steps.shift();
    for (const follower of this.#followers) follower.step(device, step);
  };

  /** Oldest first. */
  of(device: Device): { readonly passages: readonly Passage[]; readonly steps: readonly Step[] } {
    const known = this.#known.get(device.id);
    return known?.device === device ? known : { passages: [], steps: [] };
  }

  /** Since its driver ended last, or was asked for. */
  lastSteps(device: Device): readonly Step[] {
    const { steps } = this.of(device);
    return steps.slice(Math.max(0, steps.findLastIndex(beginsSteps)));
  }

  follow(follower: Follower): () => void {
    this.#followers.add(follower);
    return () => this.#followers.delete(follower);
  }

  #knownOf(device: Device): Known {
    const before = this.#known.get(device.id);
    if (before?.device === device) return before;
    const known: Known = { device, passages: [], steps: [], life: device.life, hostPid: device.hostPid };
    this.#known.set(device.id, known);
    this.#add(known);
    return known;
  }

  #look(known: Known): void {
    const { life, hostPid } = known.device;
    if (life === known.life && hostPid === known.hostPid) return;
    const isNews = tells(life) !== tells(known.life) || (hostPid !== null && hostPid !== known.hostPid);
    [known.life, known.hostPid] = [life, hostPid];
    if (isNews) this.#add(known);
  }

  #add({ device, passages, life, hostPid }: Known): void {
    const { state, reason, incarnation, fenced } = life;
    const timeMs = this.#clock.wallTime();
    const passage = { device: device.id, timeMs, state, reason, incarnation, fenced, hostPid };
    passages.push(passage);
    if (passages.length > PASSAGES_MAX) passages.shift();
    for (const follower of this.#followers) follower.passage(device, passage);
  }
}

/** What of a life is told; the rest is how the manager counts. */
const tells = ({ state, reason, incarnation, fenced }: Life): string =>
  `${state} ${incarnation} ${fenced} ${reason}`;
