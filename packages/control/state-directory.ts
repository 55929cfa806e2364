// Runs in: CLI and applications. Owns: nothing. Where a running ring3 is found.
import { join, resolve } from "node:path";
import { DeviceError } from "@ring3/core/errors";

/** `--state-dir`, else RING3_STATE_DIR, else /run/ring3 for root and a folder under XDG_RUNTIME_DIR for anyone else. */
export function stateDirectory(
  named: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
  uid: number,
): string {
  const wanted = named ?? env.RING3_STATE_DIR;
  if (wanted !== undefined && wanted !== "") return resolve(wanted);
  if (uid === 0) return "/run/ring3";
  if (env.XDG_RUNTIME_DIR) return join(env.XDG_RUNTIME_DIR, "ring3");
  throw new DeviceError(
    "invalid",
    "no state directory: XDG_RUNTIME_DIR is not set; name one with --state-dir DIR or RING3_STATE_DIR",
  );
}

/** Where the manager listens. */
export function controlSocket(directory: string): string {
  return join(directory, "control.sock");
}
