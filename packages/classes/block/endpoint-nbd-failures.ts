// Runs in: reflector. Owns: what is said of requests that failed: a kernel tells its users no more than "I/O error".
import type { Clock } from "@ring3/core/clock";
import type { Log } from "@ring3/core/log";

const REST_MS = 1_000;

/** Says why a request has failed, but no more than once a second, and then of how many it has said nothing. */
export function failureTeller(log: Log, clock: Clock, name: string): (text: string) => void {
  let restUntil = Number.NEGATIVE_INFINITY;
  let unsaid = 0;
  return (text) => {
    if (clock.now() < restUntil) return void unsaid++;
    log.warn(`${name}: ${text}${unsaid === 0 ? "" : ` (and ${unsaid} requests before it failed too)`}`);
    unsaid = 0;
    restUntil = clock.now() + REST_MS;
  };
}
