// Runs in: reflector. Owns: which layers of a profile are in force.
import type { Control } from "@ring3/core/controls";
import {
  type AxisBinding,
  type AxisName,
  axisNames,
  type Binding,
  type GyroBinding,
  type Layer,
  type Profile,
} from "@ring3/core/mapping";
import { axesFrom, untouched } from "./axes.ts";

/** What belongs together: of a stick's two axes, the layer that says anything says all. */
const parts: readonly (readonly AxisName[])[] = [
  ["leftX", "leftY"],
  ["rightX", "rightY"],
  ["leftTrigger"],
  ["rightTrigger"],
];
const defaults = axisNames.map(untouched);

interface Entry {
  readonly layer: string;
  readonly toggled: boolean;
}

export class Layers {
  readonly #profile: Profile;
  /** Who came last is last. */
  #entries: readonly Entry[] = [];
  /** The last that came first, the profile itself last. */
  #inForce: readonly Layer[] = [];
  /** Of single buttons, the topmost each. */
  #bindings: ReadonlyMap<Control, Binding> = new Map();
  #axes: readonly AxisBinding[] | undefined;

  constructor(profile: Profile) {
    this.#profile = profile;
    this.#set([]);
  }

  /** Returns what ends it. */
  hold(layer: string): () => void {
    const entry = { layer, toggled: false };
    this.#set([...this.#entries, entry]);
    return () => this.#set(this.#entries.filter((other) => other !== entry));
  }

  toggle(layer: string): void {
    const others = this.#entries.filter((entry) => !(entry.toggled && entry.layer === layer));
    this.#set(others.length < this.#entries.length ? others : [...this.#entries, { layer, toggled: true }]);
  }

  /** What is held is so no more; what was toggled stays. */
  release(): void {
    this.#set(this.#entries.filter(({ toggled }) => toggled));
  }

  bindingOf(control: Control): Binding | undefined {
    return this.#bindings.get(control);
  }

  /** The chords that have all of these, the topmost first. */
  chordsOf(controls: readonly Control[]): Binding[] {
    return this.#inForce.flatMap(({ bindings }) =>
      bindings.filter(({ on }) => on.length > 1 && controls.every((control) => on.includes(control))),
    );
  }

  /** One or two bindings for each stick, one for each trigger: every axis has exactly one. */
  get axes(): readonly AxisBinding[] {
    this.#axes ??= parts.flatMap((part) => this.#bindingsOf(part));
    return this.#axes;
  }

  get gyro(): GyroBinding | undefined {
    return this.#inForce.find(({ gyro }) => gyro !== undefined)?.gyro;
  }

  #bindingsOf(part: readonly AxisName[]): AxisBinding[] {
    const about = (binding: AxisBinding) =>
      axesFrom(binding.from)
        .map((axis) => axisNames[axis]!)
        .filter((axis) => part.includes(axis));
    const layer = this.#inForce.find(({ axes }) => axes.some((binding) => about(binding).length > 0));
    const said = (layer?.axes ?? []).filter((binding) => about(binding).length > 0);
    const covered = new Set(said.flatMap(about));
    return [
      ...said,
      ...defaults.filter(({ from }) => part.includes(from as AxisName) && !covered.has(from as AxisName)),
    ];
  }

  #set(entries: readonly Entry[]): void {
    this.#entries = entries;
    const names = new Set(entries.map(({ layer }) => layer).toReversed());
    this.#inForce = [...[...names].map((name) => this.#profile.layers.get(name)!), this.#profile];
    const bindings = this.#inForce.flatMap(({ bindings }) => bindings).filter(({ on }) => on.length === 1);
    this.#bindings = new Map(bindings.toReversed().map((binding) => [binding.on[0]!, binding]));
    this.#axes = undefined;
  }
}
