// Runs in: browser. Owns: what can be done to a device, by its state, and what each means. Pure.
import type { DeviceStatus } from "@ring3/control/status";

export interface Action {
  readonly verb: string;
  readonly label: string;
  readonly meaning: string;
}

const stop: Action = {
  verb: "stop",
  label: "Stop",
  meaning:
    "The driver ends, and what is asked fails. If the device was taken from the kernel's driver, that gets it back.",
};
const running: readonly Action[] = [
  {
    verb: "restart",
    label: "Restart",
    meaning: "Another driver takes its place; what is asked meanwhile waits.",
  },
  { verb: "suspend", label: "Suspend", meaning: "The driver rests; what is asked meanwhile waits." },
  stop,
];

export function actionsFor({ state }: Pick<DeviceStatus, "state">): readonly Action[] {
  switch (state) {
    case "running":
    case "starting":
      return running;
    case "suspended":
      return [{ verb: "resume", label: "Resume", meaning: "The driver goes on." }, stop];
    case "failed":
    case "quarantined":
      return [{ verb: "restart", label: "Restart", meaning: "Starts its driver at once." }, stop];
    case "stopped":
      return [{ verb: "start", label: "Start", meaning: "Starts its driver." }];
    case "available":
      return [
        {
          verb: "take",
          label: "Take from the kernel",
          meaning: "The kernel's driver lets go of it, unless it is in use, and ring3's has it.",
        },
      ];
    case "unmatched":
    case "stuck":
    case "gone":
      return [];
  }
}

const unplug: Action = {
  verb: "unplug",
  label: "Unplug it",
  meaning: "Pulls the simulated device out, and plugs it in again two seconds later.",
};
const faults: readonly Action[] = [
  { verb: "crash", label: "Crash its driver", meaning: "Kills the driver's process (SIGKILL)." },
  {
    verb: "hang",
    label: "Hang its driver",
    meaning: "Stops the driver's process (SIGSTOP): it answers nothing any more.",
  },
  {
    verb: "garbage",
    label: "Feed it garbage",
    meaning: "The simulated device answers nonsense for a moment.",
  },
  unplug,
];

/** In a demo. They stay where a driver fails: another is there in a moment. */
export function faultsFor({ state }: Pick<DeviceStatus, "state">): readonly Action[] {
  switch (state) {
    case "starting":
    case "running":
    case "suspended":
    case "failed":
      return faults;
    case "stopped":
    case "quarantined":
    case "stuck":
      return [unplug];
    case "available":
    case "unmatched":
    case "gone":
      return [];
  }
}

/** A trace goes on over a driver's death, which is what is worth to be seen. */
export const mayBeTraced = ({ state }: Pick<DeviceStatus, "state">): boolean =>
  state === "starting" || state === "running" || state === "suspended" || state === "failed";
