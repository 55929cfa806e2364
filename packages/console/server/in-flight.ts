// Runs in: console. Owns: which devices the manager tells of, beside their metrics, what their drivers have in hand: those that pages ask about.
import type { ManagerConnection } from "@ring3/client/manager-connection";
import type { InFlight } from "@ring3/control/observation";
import type { Clock, Timer } from "@ring3/core/clock";

/** A page asks once a second while somebody looks at it; one that has not asked for so long is gone or hidden. */
const FORGOTTEN_MS = 3000;

interface Followed {
  readonly first: Promise<InFlight>;
  latest: InFlight | undefined;
  forget: Timer;
}

export class InFlightKeeper {
  readonly #ask: ManagerConnection["ask"];
  readonly #clock: Clock;
  readonly #followed = new Map<string, Followed>();

  constructor(ask: ManagerConnection["ask"], clock: Clock) {
    this.#ask = ask;
    this.#clock = clock;
  }

  /** As the manager has told it last: it is asked once, however many pages look, and tells from then on. */
  async of(device: string): Promise<InFlight> {
    const known = this.#followed.get(device);
    if (known === undefined) return this.#follow(device);
    known.forget.cancel();
    known.forget = this.#forgetLater(device);
    return known.latest ?? known.first;
  }

  heard(told: InFlight): void {
    const known = this.#followed.get(told.device);
    if (known !== undefined) known.latest = told;
  }

  /** What the manager tells of another one in its place is to be asked for anew. */
  gone(device: string): void {
    this.#followed.get(device)?.forget.cancel();
    this.#followed.delete(device);
  }

  #follow(device: string): Promise<InFlight> {
    const first = this.#ask("inFlight", { device, follow: true });
    const followed: Followed = { first, latest: undefined, forget: this.#forgetLater(device) };
    this.#followed.set(device, followed);
    first.catch(() => {
      if (this.#followed.get(device) === followed) this.gone(device);
    });
    return first;
  }

  #forgetLater(device: string): Timer {
    return this.#clock.after(FORGOTTEN_MS, () => {
      this.#followed.delete(device);
      this.#ask("inFlight", { device, follow: false }).catch(() => {}); // it has gone, and nothing is told of it
    });
  }
}
