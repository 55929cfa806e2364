// Runs in: node --test. Owns: a keyboard or a mouse that the conformance suite is run on: what it has told, and whose hands are on it.
import type { EventName, UnitPort } from "@ring3/core/contract";
import type { InputClass } from "./contract.ts";

export interface OpenInput {
  readonly port: UnitPort<InputClass>;
  close(): Promise<void>;
}

/** Whose hands are on it. Each resolves once it is done; when it is told is the driver's business. */
export interface KeyHands {
  /** Codes that they can press, two at least where the device has keys. */
  readonly keys: readonly number[];
  press(code: number): Promise<void>;
  release(code: number): Promise<void>;
  /** Counts, right and down positive. */
  move(x: number, y: number): Promise<void>;
  /** Notches of its wheel, up positive. */
  turn(notches: number): Promise<void>;
}

/** A unit whose driver may be put to rest and killed. */
export interface InputUnderTest {
  readonly hands: KeyHands;
  /** For one more who looks at it. */
  open(): Promise<OpenInput>;
  suspend(): Promise<void>;
  resume(): Promise<void>;
  /** Its driver dies, and the next one has started. */
  kill(): Promise<void>;
  close(): Promise<void>;
}

/** A machine under load is slow, not broken. */
const PATIENCE_MS = 10_000;

/** One who has opened it. */
export class KeyWatcher {
  readonly port: UnitPort<InputClass>;
  /** What was pressed, in its order, each time that it was told. */
  readonly pressed: number[][] = [];
  readonly times: number[] = [];
  readonly moved = { x: 0, y: 0, wheel: 0 };
  readonly #close: () => Promise<void>;

  constructor({ port, close }: OpenInput) {
    this.port = port;
    this.#close = close;
    port.on("keys", ({ pressed, timestampUs }) => {
      this.pressed.push(pressed.filter((code) => code !== 0));
      this.times.push(timestampUs);
    });
    port.on("motion", ({ x, y, wheel, timestampUs }) => {
      this.moved.x += x;
      this.moved.y += y;
      this.moved.wheel += wheel;
      this.times.push(timestampUs);
    });
  }

  has(feature: number): boolean {
    return (this.port.properties.features & feature) !== 0;
  }

  /** Looks when an event of that name comes, and now. */
  async until(event: EventName<InputClass>, what: string, fits: () => boolean): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const look = () => void (fits() && resolve());
    const stop = this.port.on(event, look);
    const timer = setTimeout(
      () =>
        reject(
          new Error(`${what}: not told; keys ${this.pressed.at(-1)}, moved ${JSON.stringify(this.moved)}`),
        ),
      PATIENCE_MS,
    );
    look();
    try {
      await promise;
    } finally {
      clearTimeout(timer);
      stop();
    }
  }

  /** Those are pressed, in that order. */
  keys(...codes: readonly number[]): Promise<void> {
    return this.until("keys", `keys ${codes}`, () => `${this.pressed.at(-1) ?? ""}` === `${codes}`);
  }

  close(): Promise<void> {
    return this.#close();
  }
}
