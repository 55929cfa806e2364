// Runs in: browser. Owns: states as people read them, and numbers that no class's view has.
import { clockText, countText } from "@ring3/classes/view";
import type { DeviceState, DeviceStatus, Explanation } from "./told.ts";

export const percentText = (share: number | null) =>
  share === null ? "–" : `${countText(Math.round(share * 1000) / 10)} %`;

const clockToSeconds = new Intl.DateTimeFormat(undefined, {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
});
export const secondText = (ms: number) => clockToSeconds.format(ms);
const day = new Intl.DateTimeFormat(undefined, { dateStyle: "medium" });
/** In the zone of whoever looks; with its day where that is another one than today. */
export const timeText = (ms: number) => {
  const then = day.format(ms);
  return then === day.format(Date.now()) ? clockText(ms) : `${then}, ${clockText(ms)}`;
};
/** What stands behind a message of the log: " wanted=512 got=64". */
export const fieldsText = (fields: Readonly<Record<string, unknown>>) =>
  Object.entries(fields)
    .map(([name, value]) => ` ${name}=${typeof value === "string" ? JSON.stringify(value) : value}`)
    .join("");

/** What a state means, for somebody who has not read the documentation. */
export const meanings: Readonly<Record<DeviceState, string>> = {
  unmatched: "No driver that ring3 has is for this device.",
  available:
    "ring3 has a driver for it. The kernel's own driver has the device, and keeps it until somebody asks for it.",
  starting: "A new process is being given the device.",
  running: "Its driver works.",
  suspended:
    "Its driver rests, because somebody or the machine has asked for it. What is asked meanwhile waits.",
  stopped: "It was stopped. If it was taken from the kernel's driver, that has it back.",
  failed: "Its driver has failed. The next one starts as soon as the old one is proven to be gone.",
  quarantined:
    "Its driver failed five times in a row without doing any work. It waits for somebody to restart it.",
  stuck: "The old driver's process cannot be ended: it hangs in the kernel. No other may start beside it.",
  gone: "It was unplugged. What is asked of it waits a moment, should it come back.",
};

/** What a device's state means now: a restart stops it on the way. */
export const meaningOf = ({ state, reason }: Pick<DeviceStatus, "state" | "reason">): string =>
  state === "stopped" && reason.startsWith("restarted")
    ? "Its driver ends, and another takes its place."
    : meanings[state];

const OFTEN = 3;
const OFTEN_MS = 60_000;

/** What somebody should do; undefined: nothing. `failures`: when its drivers failed, as far as is known. */
export function attention(
  { state, driver }: Pick<DeviceStatus, "state" | "driver">,
  failures: readonly number[] = [],
  nowMs = Date.now(),
): string | undefined {
  const lately = failures.filter((timeMs) => nowMs - timeMs < OFTEN_MS).length;
  switch (state) {
    case "quarantined":
      return "Read its log and its last crash report, then restart it.";
    case "stuck":
      return "Unplug it, or restart the machine.";
    case "unmatched":
      return "Install a driver for it, or leave it to the kernel.";
    case "failed":
      return "It is being started again. If that goes on, read its log and its last crash report.";
    default:
      return lately < OFTEN
        ? undefined
        : `Its driver ${driver} has failed ${lately} times within a minute. Read its log and its last crash report; if it cannot do its work so, stop it.`;
  }
}

/** By how soon somebody should look. */
export const urgency: Readonly<Record<DeviceState, number>> = {
  stuck: 0,
  quarantined: 1,
  failed: 2,
  gone: 3,
  starting: 4,
  running: 5,
  suspended: 6,
  stopped: 7,
  available: 8,
  unmatched: 9,
};

/** Why a driver was chosen for a device, or was not. */
export const matchText = ({ score, matched, missed }: Explanation["ranking"][number]): string =>
  score === 0
    ? `is not for it: ${missed.join(", ")}`
    : [`fits by ${matched.join(", ")}`, ...missed].join("; ");

/** What its driver has of a device: "usb-1-4.2:1.0" is interface 0 of configuration 1. */
export function grantText({ id, bus }: Pick<DeviceStatus, "id" | "bus">): string {
  if (bus === "hid") return `the node (hidraw) of ${id}, and no other`;
  const [, place, configuration, face] = /^usb-(.*):(\d+)\.(\d+)$/.exec(id) ?? [];
  return place === undefined
    ? `the USB device ${id}`
    : `interface ${face} of configuration ${configuration} of the USB device at ${place} (control transfers, by which it is set up, reach all of that device)`;
}
