// Runs in: every process, and in browsers. Owns: the steps from a driver's end, or from a first start, to the next driver; and those of one to rest and back. Pure.

export const steps = [
  "failed", // why, is its detail
  "ended", // it was stopped, restarted, unplugged, or its driver did not want it
  "asked", // nothing runs, and a driver is to
  "killed", // the driver's whole sandbox
  "fenced", // no process of the old driver lives
  "stuck", // one does, though it was killed
  "back-off", // the next start waits
  "spare", // a host that waited has been taken
  "expected", // none waited; one was being started since the last driver began to end
  "cold", // none waited: one was started for it
  "seat", // in a process of other drivers'
  "opened", // the device
  "probed",
  "running",
  "replayed", // a client has sent again what the last driver had not answered
  "suspending", // the driver is asked to rest; its requests wait from here
  "suspended",
  "resuming", // it is asked to work again
  "resumed",
  "refused", // to rest: it works on
] as const;
export type StepName = (typeof steps)[number];

/** Those behind it count from there. */
export const beginsSteps = ({ step }: { readonly step: StepName }): boolean =>
  ["failed", "ended", "asked", "suspending", "resuming"].includes(step);
