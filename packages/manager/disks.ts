// Runs in: manager. Owns: how disks are met, from this manager's beginning to its end: what is chosen, kept in step with the units that there are, and
// ended with ring3.
import type { Config } from "@ring3/control/config";
import { type ChoiceParts, type ChosenDisks, chooseDisks } from "./choose-disks.ts";
import { unitId } from "./claim.ts";
import type { Device } from "./device.ts";
import type { KernelDisks } from "./kernel-disks.ts";
import type { Heirloom } from "./legacy.ts";

/** The kernel takes back what it had of dead reflectors within this long. */
const LETS_GO_MS = 1000;

export class Disks {
  #chosen: ChosenDisks | undefined;
  /** The configuration names them: no disk is met otherwise. */
  #only = false;
  #parts: ChoiceParts | undefined;

  /** Rejects where the configuration asks for what cannot be had. The first manager of a ring3 ends what an earlier ring3 has left. */
  async choose(choice: Config["endpoints"]["block"], parts: ChoiceParts, first: boolean): Promise<void> {
    this.#parts = parts;
    this.#only = choice !== "auto";
    this.#chosen = await chooseDisks(choice, parts);
    if (first) await this.endAll();
  }

  /** undefined where the kernel's disks are no endpoints. */
  get kernel(): KernelDisks | undefined {
    return this.#chosen?.disks;
  }

  /** What a class's reflector has to be told at its start. */
  needs(className: string): readonly string[] {
    if (className !== "block" || this.#chosen === undefined) return [];
    return [this.#chosen.kind, ...(this.#only ? ["only"] : [])];
  }

  inherit(left: readonly Heirloom<"disk">[]): void {
    this.#chosen?.inherit(left);
  }

  /** Ends those that are no unit's any more. */
  async keep(devices: readonly Device[]): Promise<void> {
    const identities = devices.flatMap(({ id, enumeration, units }) =>
      units.map(({ index, properties }) => ({
        unit: unitId(id, index),
        enumeration,
        medium: Number(properties.medium),
      })),
    );
    await this.kernel
      ?.keep(identities)
      .catch(({ message }: Error) => this.#parts!.log.error(`the kernel's disks: ${message}`));
  }

  async endAll(): Promise<void> {
    await this.kernel?.endAll();
  }

  /** The keeper is gone, and nobody will ever serve them again: whoever uses one would wait. `servers`: the reflectors' processes. */
  async abandon(servers: () => readonly number[]): Promise<void> {
    if (this.#chosen === undefined) return;
    for (const pid of servers()) endProcess(pid); // ublk waits for what they have under way
    const late = new Promise<void>((resolve) => this.#parts!.clock.after(LETS_GO_MS, resolve));
    await Promise.race([this.endAll().catch(() => {}), late]); // there is nobody to tell any more
  }
}

function endProcess(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // it has ended
  }
}
