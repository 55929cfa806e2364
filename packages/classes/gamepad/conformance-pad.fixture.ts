// Runs in: node --test. Owns: a game controller that the conformance suite is run on: what it has told, and who holds it.
import type { EventData, EventName, UnitPort } from "@ring3/core/contract";
import { type Gamepad, type GamepadButton, gamepadButton, gamepadButtons } from "./contract.ts";

export interface OpenGamepad {
  readonly port: UnitPort<Gamepad>;
  close(): Promise<void>;
}

/** Who holds it. Each resolves once it is done; when it is told is the driver's business. */
export interface Hands {
  press(button: GamepadButton): Promise<void>;
  /** Everything, sticks and fingers too. */
  release(): Promise<void>;
  /** Sticks from -1 to 1, right and down positive; triggers from 0 to 1; the hat -1, 0 or 1; a finger from 0 to 1. */
  move(to: Movement): Promise<void>;
}

export interface Movement {
  readonly left?: readonly [x: number, y: number];
  readonly right?: readonly [x: number, y: number];
  readonly leftTrigger?: number;
  readonly rightTrigger?: number;
  readonly hat?: readonly [x: number, y: number];
  readonly touch?: readonly [x: number, y: number];
}

/** A unit whose driver may be put to rest and killed. */
export interface GamepadUnderTest {
  readonly hands: Hands;
  /** For one more who looks at it. */
  open(): Promise<OpenGamepad>;
  suspend(): Promise<void>;
  resume(): Promise<void>;
  /** Its driver dies, and the next one has started. */
  kill(): Promise<void>;
  close(): Promise<void>;
}

export type State = EventData<Gamepad, "state">;

/** A machine under load is slow, not broken. */
const PATIENCE_MS = 10_000;

/** One who has opened it. */
export class Watcher {
  readonly port: UnitPort<Gamepad>;
  readonly states: State[] = [];
  readonly #close: () => Promise<void>;

  constructor({ port, close }: OpenGamepad) {
    this.port = port;
    this.#close = close;
    port.on("state", (state) => this.states.push(state));
  }

  get properties() {
    return this.port.properties;
  }

  get buttons(): GamepadButton[] {
    return gamepadButtons.filter((name) => (this.properties.buttons & gamepadButton(name)) !== 0);
  }

  /** The first that fits of what is told from now on, and, where it is sticky, was told last. */
  async told<E extends EventName<Gamepad>>(
    event: E,
    what: string,
    fits: (data: EventData<Gamepad, E>) => boolean,
  ): Promise<EventData<Gamepad, E>> {
    let last: unknown;
    const { promise, resolve, reject } = Promise.withResolvers<EventData<Gamepad, E>>();
    const stop = this.port.on(event, (data) => {
      last = data;
      if (fits(data)) resolve(data);
    });
    const timer = setTimeout(
      () => reject(new Error(`${what}: not told; the last ${event}: ${JSON.stringify(last)}`)),
      PATIENCE_MS,
    );
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
      stop();
    }
  }

  state(what: string, fits: (state: State) => boolean): Promise<State> {
    return this.told("state", what, fits);
  }

  /** Nothing is pressed, nothing moved but by what a stick has of play. */
  isNeutral(state: State): boolean {
    const { stickMin, stickMax, stickFlat } = this.properties;
    const middle = (stickMin + stickMax) / 2;
    const play = Math.max(stickFlat, (stickMax - stickMin) / 50);
    const { buttons, leftTrigger, rightTrigger, hatX, hatY, leftX, leftY, rightX, rightY } = state;
    return (
      [buttons, leftTrigger, rightTrigger, hatX, hatY].every((value) => value === 0) &&
      [leftX, leftY, rightX, rightY].every((value) => Math.abs(value - middle) <= play)
    );
  }

  neutral(what: string): Promise<State> {
    return this.state(what, (state) => this.isNeutral(state));
  }

  close(): Promise<void> {
    return this.#close();
  }
}
