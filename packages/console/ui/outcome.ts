// Runs in: browser. Owns: nothing; how long what came of an action is so. Pure.
import type { DeviceState, DeviceStatus } from "@ring3/control/status";

type Seen = Pick<DeviceStatus, "state" | "incarnation">;

/**
 * Whether the page has heard of what an action came to. The answer, and the words of the states on the way to it, come by two
 * connections: the answer may be there first, and "running" may still be what was before a restart.
 * `before`: as the device was when it was asked for.
 */
export function isHeard(before: Seen, came: DeviceState, now: Seen): boolean {
  if (now.state === came && came !== before.state) return true;
  return now.incarnation > before.incarnation && now.state !== "starting";
}

/** What an action comes to where nothing is in the way. */
const aims: Readonly<Record<string, DeviceState>> = {
  start: "running",
  take: "running",
  restart: "running",
  resume: "running",
  suspend: "suspended",
  stop: "stopped",
};

/** `state`: undefined where the action is about none. A reason that stands beside what was aimed at is that of an earlier action, or of a failure. */
export function outcomeText(
  verb: string,
  label: string,
  state: DeviceState | undefined,
  reason: string,
): string {
  if (state === undefined) return `${label}: done.`;
  return reason === "" || state === aims[verb] ? `It is ${state}.` : `It is ${state}: ${reason}.`;
}
