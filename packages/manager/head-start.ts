// Runs in: manager. Owns: what a device's next driver will need, got while the last one ends: its host is expected, and a stream is opened.

import { type FailureReason, type Life, next, startsAtOnce } from "@ring3/core/lifecycle";
import type { BusDevice, Grant } from "./bus.ts";
import type { ChosenDriver } from "./drivers.ts";
import type { HostKind } from "./host-process.ts";
import { kindOf } from "./incarnation.ts";

/** What is to be told of a driver that is ending, as long as nobody knows how it ends. */
const ENDING: FailureReason = { kind: "exit", text: "", outside: false };

export class HeadStart {
  readonly #expectHost: (kind: HostKind) => boolean;
  #opening: Promise<Grant> | undefined;
  #taken = true;

  constructor(expectHost: (kind: HostKind) => boolean) {
    this.#expectHost = expectHost;
  }

  /**
   * The last driver is ending, whether or not its failure is told yet. Nothing is got where none follows at once, nothing twice, and nothing beside a
   * start that still goes on: that one's opening may be under way. A stream may be
   * opened before the last one is fenced, where a host waits for it: that fences all by itself.
   */
  get(life: Life, driver: ChosenDriver, bus: BusDevice): void {
    if (
      !this.#taken ||
      life.state === "starting" ||
      !startsAtOnce(next(life, { type: "failed", reason: ENDING }))
    )
      return;
    this.#taken = false;
    const waits = this.#expectHost(kindOf(driver, bus));
    if (!waits || bus.transport !== "usbip") return; // a stream is opened faster than a host comes up, and would take the processor from its start
    this.#opening = bus.open();
    this.#opening.catch(() => {}); // it is opened again
  }

  /** What is being opened, if anything, is the caller's from now on. */
  take(): Promise<Grant> | undefined {
    const opening = this.#opening;
    this.#opening = undefined;
    this.#taken = true;
    return opening;
  }

  /** None follows. Resolves once what was opened in vain can end nobody's any more. */
  async drop(): Promise<void> {
    await this.take()
      ?.then(({ descriptor }) => descriptor.close())
      .catch(() => {});
  }
}
