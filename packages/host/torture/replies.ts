// Runs in: driver host, as the driver of `ring3 torture`. Owns: nothing. Answers that come late, never, or with a length that is not theirs,
// and events about what has not happened.
import { type Faults, pause } from "./fault.ts";

/** The requests of a campaign that may be left unanswered have 80 ms, and limits.cancelMs of driver.json is 50. */
const LATE_MS = 100;

export const replies: Faults = {
  "reply-late": () => pause(LATE_MS),
  "reply-never": () => new Promise(() => {}),
  "reply-too-long"({ call }) {
    call.length += 512;
  },
  "reply-too-short"({ call }) {
    call.length = Math.max(0, call.length - 512);
  },
  "reply-of-no-length"({ call, random }) {
    call.length = [-1, 0.5, Number.NaN, 2 ** 53][Math.floor(random() * 4)]!;
  },
  "told-power-loss": ({ ctx }) => ctx.emit("powerLost", {}),
};
