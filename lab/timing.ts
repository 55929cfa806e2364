// Runs in: lab, outside the guest and inside. The one place that says how much slower the guest is.

/** Software emulation runs JavaScript 10 to 100 times slower, and start-up dominates: waits, not computations, are scaled. */
export const TIME_FACTOR = 20;

/** Time-outs of tests inside the guest go through here. The factor is in the environment there, and 1 elsewhere. */
export function scaled(ms: number): number {
  return ms * Number(process.env.RING3_TIME_FACTOR ?? 1);
}

/** From starting QEMU until the guest asks for work; seen: 12 to 40 s. */
export const BOOT_LIMIT_MS = 180_000;

/** One test file in the guest. */
export const FILE_LIMIT_MS = 600_000;

/** One machine, boot and all its test files, with another beside it. */
export const MACHINE_LIMIT_MS = 2_400_000;
