// Runs in: CLI. Owns: nothing. What a device's units say, a line of JSON an event.
import type { UnitInfo } from "@ring3/client";
import type { Ring3 } from "../ring3.ts";
import type { Told } from "./watched-unit.ts";

export class EventLines implements Disposable {
  readonly #ring3: Ring3;

  constructor(ring3: Ring3) {
    this.#ring3 = ring3;
  }

  of({ unit }: UnitInfo): Told {
    let last: boolean | undefined;
    return {
      event: (event, data) => {
        const { timestampUs = nowUs() } = data as { timestampUs?: number };
        this.#ring3.print(JSON.stringify({ unit, event, data, timestampUs }));
      },
      driver: (there) => {
        if (there === last) return; // that it is dead is told when it fails, and when that is proven
        last = there;
        const driver = there ? "up" : "down";
        this.#ring3.print(JSON.stringify({ unit, driver, timestampUs: nowUs() }));
      },
    };
  }

  changed(): void {}

  [Symbol.dispose](): void {}
}

/** CLOCK_MONOTONIC, as in events. */
const nowUs = (): number => Number(process.hrtime.bigint() / 1000n);
