// Runs in: manager. Owns: what each device has gone through lately, for people who look later, whichever manager was there.
import { decodeRecord, type HistoryRecord } from "@ring3/control/legacy";
import type { Passage, Step } from "@ring3/control/observation";
import type { Clock } from "@ring3/core/clock";
import { hasHost, type Life } from "@ring3/core/lifecycle";
import type { Log } from "@ring3/core/log";
import { beginsSteps } from "@ring3/core/steps";
import type { Device } from "./device.ts";
import { type Gone, HistoryPages } from "./history-pages.ts";
import type { InheritedRecord, Legacy } from "./legacy.ts";
import type { Manager } from "./manager.ts";

const SUCCEEDED = "ring3's manager died, and another took its place";

interface Follower {
  passage(device: Device, passage: Passage): void;
  step(device: Device, step: Step): void;
}

interface Known {
  readonly device: Device;
  readonly pages: HistoryPages;
  life: Life;
  hostPid: number | null;
}

export class History {
  readonly #clock: Clock;
  readonly #legacy: Legacy;
  readonly #log: Log;
  /** By the device's id: another one in that place begins anew. */
  readonly #known = new Map<string, Known>();
  /** By the device's id: of an earlier manager, until the device is seen. */
  readonly #left = new Map<string, HistoryRecord[]>();
  readonly #followers = new Set<Follower>();

  constructor(clock: Clock, legacy: Legacy, log: Log) {
    this.#clock = clock;
    this.#legacy = legacy;
    this.#log = log;
  }

  /** Of all devices of a manager that has none yet. */
  static of(manager: Manager, clock: Clock, legacy: Legacy): History {
    const history = new History(clock, legacy, manager.log);
    manager.watch({
      unitAdded() {},
      unitChanged() {},
      unitRemoved() {},
      deviceChanged: () => history.changed(manager.devices),
      stepped: (device, step) => history.stepped(device, step),
    });
    return history;
  }

  /** What earlier managers have written down, oldest first. No device depends on it: what cannot be read is left out, and nothing else. */
  inherit(left: readonly InheritedRecord[]): void {
    for (const { name, note } of left)
      try {
        const record = decodeRecord("history", name, note);
        this.#left.set(record.device, [...(this.#left.get(record.device) ?? []), record]);
      } catch (error) {
        this.#log.warn(`left out of a device's history: ${(error as Error).message}`);
        this.#legacy.drop(name);
      }
  }

  /** The buses have told what is there: of other devices nobody will ask. */
  settled(devices: readonly Device[]): void {
    this.changed(devices);
    for (const [id, left] of this.#left) new HistoryPages(id, this.#legacy, left).drop();
    this.#left.clear();
  }

  /** Some of these have changed. */
  changed(devices: readonly Device[]): void {
    for (const device of devices) this.#look(this.#knownOf(device));
    if (this.#known.size === devices.length) return;
    const there = new Set(devices.map(({ id }) => id));
    for (const [id, { pages }] of this.#known) {
      if (there.has(id)) continue;
      pages.drop();
      this.#known.delete(id);
    }
  }

  stepped(device: Device, step: Step): void {
    this.#knownOf(device).pages.addStep(step, device.enumeration);
    for (const follower of this.#followers) follower.step(device, step);
  }

  of(device: Device): Gone {
    const known = this.#known.get(device.id);
    return known?.device === device ? known.pages : { passages: [], steps: [] };
  }

  /** Since its driver ended last, or was asked for, or to rest or work. */
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
    before?.pages.drop();
    const { id, life, hostPid } = device;
    const pages = new HistoryPages(id, this.#legacy, this.#leftOf(device));
    const last = pages.passages.at(-1);
    const known: Known = { device, pages, life, hostPid };
    this.#known.set(id, known);
    // Its driver has not noticed; of one that was failing the next failure tells.
    const goesOn = last !== undefined && (hasHost(life) || tells(last) === tells(life));
    this.#add(known, goesOn ? SUCCEEDED : life.reason);
    return known;
  }

  /** Nothing where an earlier manager had another device in that place, or has ended what it had of this one. */
  #leftOf({ id, enumeration }: Device): readonly HistoryRecord[] {
    const left = this.#left.get(id) ?? [];
    this.#left.delete(id);
    if (left.at(-1)?.enumeration === enumeration) return left;
    new HistoryPages(id, this.#legacy, left).drop();
    return [];
  }

  #look(known: Known): void {
    const { life, hostPid } = known.device;
    if (life === known.life && hostPid === known.hostPid) return;
    const isHosted = hasHost(life) && hostPid !== null && hostPid !== known.hostPid;
    const isNews = tells(life) !== tells(known.life) || isHosted;
    [known.life, known.hostPid] = [life, hostPid];
    if (isNews) this.#add(known, life.reason);
  }

  #add({ device, pages, life, hostPid }: Known, reason: string): void {
    const { state, incarnation, fenced } = life;
    const timeMs = this.#clock.wallTime();
    const passage = { device: device.id, timeMs, state, reason, incarnation, fenced, hostPid };
    pages.addPassage(passage, device.enumeration);
    for (const follower of this.#followers) follower.passage(device, passage);
  }
}

/** What of a life is told; the rest is how the manager counts. */
const tells = ({
  state,
  reason,
  incarnation,
  fenced,
}: Pick<Life, "state" | "reason" | "incarnation" | "fenced">): string =>
  `${state} ${incarnation} ${fenced} ${reason}`;
