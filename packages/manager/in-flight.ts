// Runs in: manager. Owns: nothing. What a device's driver has in hand, of what it records itself: a hostile one may record anything.

import { unanswered } from "@ring3/channel/recorder";
import { IN_FLIGHT_MAX, type RequestInFlight } from "@ring3/control/observation";
import type { Clock } from "@ring3/core/clock";
import { printable } from "@ring3/core/log";
import type { Claims } from "./claims.ts";
import type { Device } from "./device.ts";

/** The oldest first. Left out is what cannot be: of a channel that is not open, at a slot or of bytes that none has. */
export function inFlight(device: Device, claims: Claims, clock: Clock): RequestInFlight[] {
  const { driver, channelHost } = device;
  if (driver === undefined || channelHost === undefined) return [];
  const { operations, slots, slotBytes } = driver.contract;
  const names = new Map(Object.entries(operations).map(([name, { nr }]) => [nr, name]));
  const clients = new Map(
    claims.channelsOf(device).map(({ hostChannel, claimant }) => [hostChannel, claimant.name]),
  );
  return unanswered(device.recordedNow(clock.now()))
    .flatMap(({ a: channel, b: slot, c: nr, d: bytes, ageUs }) => {
      const [operation, client] = [names.get(nr), clients.get(channel)];
      if (operation === undefined || client === undefined || slot >= slots || bytes > slotBytes) return [];
      return [{ operation, client: printable(client), ageMs: ageUs / 1000, bytes }];
    })
    .sort((one, other) => other.ageMs - one.ageMs)
    .slice(0, IN_FLIGHT_MAX);
}
