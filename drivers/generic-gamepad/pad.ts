// Runs in: driver host, jailed. Owns: one pad: what it is, and the state that its reports make.
import {
  type EventData,
  type Gamepad,
  type GamepadProperties,
  gamepad,
  gamepadButton,
  hatDirection,
  hidUsages,
} from "@ring3/sdk";
import type { Control, PadControls, PadReport } from "./controls.ts";
import { type Pair, type Roles, rolesOf } from "./roles.ts";

export type State = Omit<EventData<Gamepad, "state">, "timestampUs">;

const STICK_MIN = -0x8000; // what an i16 holds
const STICK_MAX = 0x7fff;
const TRIGGER_MAX = 0xffff;
interface Range {
  readonly minimum: number;
  readonly maximum: number;
}

export interface Identity {
  readonly bustype: number;
  readonly vendorId: number;
  readonly productId: number;
  readonly version: number;
}

export class Pad {
  readonly properties: GamepadProperties;
  readonly #reports: readonly PadReport[];
  readonly #roles: Roles;
  readonly #stick: Range;
  readonly #trigger: Range;
  readonly #rest: State;
  #state: State;

  constructor({ application, reports, byUsage }: PadControls, identity: Identity) {
    const roles = rolesOf(byUsage);
    this.#reports = reports;
    this.#roles = roles;
    this.#stick = stickRange(roles);
    this.#trigger = { minimum: 0, maximum: triggerMax(roles.triggers) };
    this.properties = propertiesOf(roles, this.#stick, this.#trigger, application, identity);
    const rest = Math.floor((this.#stick.minimum + this.#stick.maximum + 1) / 2);
    const { timestampUs: _, ...zeros } = gamepad.events.state.data!.create();
    this.#rest = { ...zeros, leftX: rest, leftY: rest, rightX: rest, rightY: rest };
    this.#state = this.#rest;
  }

  /** What was told before a rest is over: a report may not come again for a long time. */
  forget(): void {
    for (const own of this.#reports) {
      own.report.clear();
      own.seen = false;
    }
    this.#state = this.#rest;
  }

  /** Its state after a report; undefined: the report is none of its own. */
  take(reportId: number, bytes: Uint8Array): State | undefined {
    const own = this.#reports.find((each) => each.reportId === reportId);
    if (own === undefined) return undefined;
    own.report.decode(bytes);
    own.seen = true;
    const { left, right, triggers, buttons } = this.#roles;
    const before = this.#state;
    const [hatX, hatY] = this.#hat();
    this.#state = {
      buttons: buttons.reduce(
        (pressed, { button, control }) => (isOn(control) ? pressed | gamepadButton(button) : pressed),
        0,
      ),
      leftX: scaled(left[0], this.#stick, before.leftX),
      leftY: scaled(left[1], this.#stick, before.leftY),
      rightX: scaled(right[0], this.#stick, before.rightX),
      rightY: scaled(right[1], this.#stick, before.rightY),
      leftTrigger: scaled(triggers[0], this.#trigger, before.leftTrigger),
      rightTrigger: scaled(triggers[1], this.#trigger, before.rightTrigger),
      hatX,
      hatY,
    };
    return this.#state;
  }

  /** As in Linux (hidinput_hid_event), whatever number of directions the hat has; out of its range, or NaN, it points nowhere. */
  #hat(): readonly [x: number, y: number] {
    const { hat, directions: four } = this.#roles;
    if (hat !== undefined) {
      const value = hat.value ?? Number.NaN;
      const eighth = Math.trunc(((value - hat.minimum) * 8) / (hat.maximum - hat.minimum + 1));
      const pointed = hatDirection(value >= hat.minimum ? eighth : Number.NaN);
      if (pointed.some((axis) => axis !== 0) || four.every((direction) => !direction)) return pointed;
    }
    const [up, right, down, left] = four.map((direction) => (isOn(direction) ? 1 : 0));
    return [right! - left!, down! - up!];
  }
}

/** The first stick's own, where an event has room for it. */
function stickRange({ left, right }: Roles): Range {
  const [first] = [...left, ...right].filter((control) => control !== undefined);
  const fits = first !== undefined && first.minimum >= STICK_MIN && first.maximum <= STICK_MAX;
  return fits ? first : { minimum: STICK_MIN, maximum: STICK_MAX };
}

function triggerMax(triggers: Pair): number {
  const trigger = triggers[0] ?? triggers[1];
  return trigger === undefined ? 0 : Math.min(TRIGGER_MAX, trigger.maximum - trigger.minimum);
}

function propertiesOf(
  { left, right, hat, directions: four, buttons, axisCodes }: Roles,
  stick: Range,
  trigger: Range,
  application: number,
  { bustype, vendorId, productId, version }: Identity,
): GamepadProperties {
  const some = (pair: readonly (Control | undefined)[]): boolean => pair.some((control) => control);
  const extent = stick.maximum - stick.minimum;
  // drivers/hid/hid-input.c, hidinput_configure_usage
  const isNoisy = application !== hidUsages.genericDesktop.multiAxisController;
  return {
    ...gamepad.properties!.create(),
    busType: bustype,
    vendor: vendorId,
    product: productId,
    version,
    buttons: buttons.reduce((bits, { button }) => bits | gamepadButton(button), 0),
    stickMin: stick.minimum,
    stickMax: stick.maximum,
    stickFuzz: isNoisy ? extent >> 8 : 0,
    stickFlat: isNoisy ? extent >> 4 : 0,
    triggerMax: trigger.maximum,
    sticks: some(right) ? 2 : some(left) ? 1 : 0,
    hat: hat !== undefined || some(four) ? 1 : 0,
    axisCodes,
  };
}

const isOn = (control: Control | undefined): boolean => {
  const value = control?.value ?? 0;
  return value !== 0 && !Number.isNaN(value);
};

/** What cannot be is cut to what can; a null state is none, and changes nothing (hidinput_hid_event). */
function scaled(control: Control | undefined, to: Range, before: number): number {
  const value = control?.value ?? Number.NaN;
  if (control === undefined || Number.isNaN(value)) return before;
  const { minimum, maximum } = control;
  const part = (Math.min(maximum, Math.max(minimum, value)) - minimum) / (maximum - minimum);
  return Math.round(to.minimum + part * (to.maximum - to.minimum));
}
