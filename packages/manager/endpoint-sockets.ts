// Runs in: manager. Owns: the paths at which applications meet units: one folder a class, one socket an endpoint. Reflectors are handed
// the sockets and can make none themselves.

import { chmodSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Descriptor } from "@ring3/kernel/fd/descriptor";
import { bindPath } from "@ring3/kernel/socket/unix";

const OWNER_ONLY = 0o600;
/** Whoever connects is asked about: a socket's mode knows no rules. */
const ANYBODY = 0o666;

export class EndpointSockets {
  readonly #directory: string;
  readonly #paths = new Map<string, string[]>();

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** Replaces what a reflector that has died left there. The socket is the caller's. */
  open(className: string, unit: string, kind: string, guests: boolean): { path: string; socket: Descriptor } {
    const folder = join(this.#directory, className);
    mkdirSync(folder, { recursive: true });
    chmodSync(folder, 0o711); // whatever the umask
    const path = join(folder, `${unit.replace("#", ".")}.${kind}`); // "#" would begin a fragment in the endpoint's URI
    const socket = bindPath(path, guests ? ANYBODY : OWNER_ONLY);
    this.#paths.set(unit, [...(this.#paths.get(unit) ?? []).filter((known) => known !== path), path]);
    return { path, socket };
  }

  /** Nobody finds the unit there any more. */
  remove(unit: string): void {
    for (const path of this.#paths.get(unit) ?? []) rmSync(path, { force: true });
    this.#paths.delete(unit);
  }
}
