// Runs in: manager. Owns: nothing. Whether an input device of the kernel's says anything to anybody (Documentation/input/input-programming.rst,
// "Inhibiting input devices"; Linux 5.11).
import { accessSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DeviceError, systemError } from "@ring3/core/errors";

const ENOENT = 2; // asm-generic/errno-base.h

export const inhibitedFile = (input: string): string => join(input, "inhibited");

/** undefined: there is no such device, or the kernel cannot do it. */
export function isInhibited(input: string): boolean | undefined {
  try {
    return readFileSync(inhibitedFile(input), "utf8").trim() === "1";
  } catch {
    return undefined;
  }
}

/** Throws DeviceError. */
export function setInhibited(input: string, on: boolean): void {
  const file = inhibitedFile(input);
  const what = `${on ? "silence" : "let speak"} the kernel's input device, ${file}`;
  try {
    accessSync(input);
    writeFileSync(file, on ? "1" : "0", { flag: "r+" });
  } catch (error) {
    const { errno = -ENOENT, syscall } = error as NodeJS.ErrnoException;
    if (Math.abs(errno) !== ENOENT) throw systemError(what, errno);
    throw syscall === "access"
      ? new DeviceError("disconnected", what)
      : new DeviceError("unsupported", `${what}: it takes Linux 5.11`);
  }
}
