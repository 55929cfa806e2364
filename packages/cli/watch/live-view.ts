// Runs in: CLI. Owns: the screen, while it shows what a device's units say: drawn anew when that has changed, and not too often.
import type { UnitInfo } from "@ring3/client";
import type { Contract } from "@ring3/core/contract";
import { printable } from "@ring3/core/log";
import type { Picture } from "@ring3/core/picture";
import type { Ring3 } from "../ring3.ts";
import { clear, HIDE_CURSOR, redraw, rowsOf, SHOW_CURSOR } from "../screen.ts";
import { frameText } from "./frame.ts";
import type { Told } from "./watched-unit.ts";

const BETWEEN_MS = 1000 / 30;
/** A death is over sooner than people see it. */
const DIED_MS = 2000;

interface Shown {
  info: UnitInfo;
  driver: boolean;
  /** For a while after its driver's death. */
  died: NodeJS.Timeout | undefined;
  readonly picture: Picture<Contract>;
}

export class LiveView implements Disposable {
  readonly #ring3: Ring3;
  readonly #driven: boolean;
  readonly #units: Shown[] = [];
  #timer: NodeJS.Timeout | undefined;
  #drawnMs = Number.NEGATIVE_INFINITY;

  /** `driven`: its units have drivers to begin with. */
  constructor(ring3: Ring3, driven: boolean) {
    this.#ring3 = ring3;
    this.#driven = driven;
    ring3.out.write(HIDE_CURSOR);
    clear(ring3.out);
  }

  of(info: UnitInfo, picture: Picture<Contract>): Told {
    const shown: Shown = { info, driver: this.#driven, died: undefined, picture };
    this.#units.push(shown);
    this.#changed();
    return {
      event: (name, data) => {
        picture.take[name]!(data as never);
        this.#changed();
      },
      driver: (there) => {
        shown.driver = there;
        if (!there) this.#died(shown);
        this.#changed();
      },
    };
  }

  #died(shown: Shown): void {
    shown.picture.release();
    clearTimeout(shown.died);
    shown.died = setTimeout(() => {
      shown.died = undefined;
      this.#changed();
    }, DIED_MS);
  }

  changed(info: UnitInfo): void {
    const shown = this.#units.find((each) => each.info.unit === info.unit);
    if (shown === undefined) return;
    shown.info = info;
    this.#changed();
  }

  #changed(): void {
    const waitMs = Math.max(0, this.#drawnMs + BETWEEN_MS - performance.now());
    this.#timer ??= setTimeout(() => this.#draw(), waitMs);
  }

  #draw(): void {
    const { out, width } = this.#ring3;
    this.#timer = undefined;
    this.#drawnMs = performance.now();
    const units = this.#units.map(({ info: { unit, name, incarnation }, driver, died, picture }) => ({
      unit,
      name: printable(name),
      incarnation,
      driver,
      died: died !== undefined || !driver,
      lines: picture.lines(),
    }));
    redraw(
      out,
      frameText(units, width, rowsOf(out), (colour, text) => this.#ring3.paint(colour, text)),
    );
  }

  /** What it has shown last stays. */
  [Symbol.dispose](): void {
    if (this.#timer !== undefined) {
      clearTimeout(this.#timer);
      this.#draw();
    }
    for (const { died } of this.#units) clearTimeout(died);
    this.#ring3.out.write(SHOW_CURSOR);
  }
}
