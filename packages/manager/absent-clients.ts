// Runs in: manager. Owns: those who had opened units at a manager that died, until they are back or have had their time.

import { type ClientRecord, recordName } from "@ring3/control/legacy";
import type { Clock, Timer } from "@ring3/core/clock";
import type { Claimant } from "./claim.ts";
import type { Claims } from "./claims.ts";
import type { Device } from "./device.ts";
import type { Heirloom } from "./legacy.ts";

interface Absent extends Claimant {
  readonly timer: Timer;
}

export class AbsentClients {
  readonly #clients = new Set<Absent>();
  readonly #clock: Clock;
  readonly #returnMs: number;
  readonly #claims: Claims;

  /** `returnMs`: how long they have. */
  constructor(clock: Clock, returnMs: number, claims: Claims) {
    this.#clock = clock;
    this.#returnMs = returnMs;
    this.#claims = claims;
  }

  /** Its openings stand, and others find the units in use. */
  inherit({ name, record }: Heirloom<"client">, deviceOf: (id: string) => Device | undefined): void {
    const absent = this.#stand(name, record);
    this.#clients.add(absent);
    this.#claims.inherit(absent, record, deviceOf);
  }

  /** Whoever comes back with the token, as the user and in the part that it had, is that client; it is asked for once. */
  find(token: string, uid: number, reflector: string | null): Claimant | undefined {
    for (const absent of this.#clients) {
      if (absent.token !== token || absent.uid !== uid || absent.reflector !== reflector) continue;
      absent.timer.cancel();
      this.#clients.delete(absent);
      return absent;
    }
    return undefined;
  }

  /** That reflector has died: nobody will come back, and the next one is to find nothing in use. */
  forget(reflector: string): void {
    for (const absent of this.#clients) {
      if (absent.reflector !== reflector) continue;
      absent.timer.cancel();
      this.#leave(absent);
    }
  }

  #leave(absent: Absent): void {
    this.#clients.delete(absent);
    this.#claims.closeAll(absent);
  }

  #stand(record: string, { name, uid, reflector }: ClientRecord): Absent {
    const absent: Absent = {
      name,
      uid,
      reflector,
      pid: null,
      trusted: reflector !== null,
      token: record.slice(recordName("client", "").length),
      timer: this.#clock.after(this.#returnMs, () => this.#leave(absent)),
      // What it misses it learns from the answer to its return.
      lost() {},
      ready() {},
      paused() {},
      stuck() {},
      trace() {},
    };
    return absent;
  }
}
