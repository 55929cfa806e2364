// Runs in: manager. Owns: what each device has gone through lately, for people who look later.
import type { Passage } from "@ring3/control/observation";
import type { Clock } from "@ring3/core/clock";
import type { Life } from "@ring3/core/lifecycle";
import type { Device } from "./device.ts";

/** Of a device: some fifty starts of its driver. */
const PASSAGES_MAX = 200;

interface Known {
  readonly device: Device;
  readonly passages: Passage[];
  life: Life;
  hostPid: number | null;
}

export class History {
  readonly #clock: Clock;
  /** By the device's id: another one in that place begins anew. */
  readonly #known = new Map<string, Known>();
  readonly #followers = new Set<(device: Device, passage: Passage) => void>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Some of these have changed. */
  changed(devices: readonly Device[]): void {
    for (const device of devices) {
      const known = this.#known.get(device.id);
      if (known?.device === device) this.#look(known);
      else this.#known.set(device.id, this.#begin(device));
    }
    if (this.#known.size === devices.length) return;
    const there = new Set(devices.map(({ id }) => id));
    for (const id of this.#known.keys()) if (!there.has(id)) this.#known.delete(id);
  }

  /** Oldest first. */
  of(device: Device): readonly Passage[] {
    const known = this.#known.get(device.id);
    return known?.device === device ? known.passages : [];
  }

  follow(run: (device: Device, passage: Passage) => void): () => void {
    this.#followers.add(run);
    return () => this.#followers.delete(run);
  }

  #begin(device: Device): Known {
    const known = { device, passages: [], life: device.life, hostPid: device.hostPid };
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
    for (const follow of this.#followers) follow(device, passage);
  }
}

/** What of a life is told; the rest is how the manager counts. */
const tells = ({ state, reason, incarnation, fenced }: Life): string =>
  `${state} ${incarnation} ${fenced} ${reason}`;
