// Runs in: manager. Owns: nothing. What this process's user may not open, asked of the kernel without opening anything.
import { accessSync, constants } from "node:fs";

/** Somebody else may, or root alone. What is not there, or cannot be written by anybody, is denied to nobody. */
export function isDenied(path: string): boolean {
  try {
    accessSync(path, constants.R_OK | constants.W_OK);
    return false;
  } catch (error) {
    return ["EACCES", "EPERM"].includes((error as NodeJS.ErrnoException).code ?? "");
  }
}
