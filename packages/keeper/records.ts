// Runs in: keeper. Owns: what a manager has it keep for the next one, by name: a text and descriptors, neither of which it looks at.

import type { Handed } from "@ring3/control/peer";
import { DeviceError } from "@ring3/core/errors";

interface Record<D> {
  note: string | null;
  held: readonly D[];
}

/** A host, a device, a reflector, a client and an attached device have one each; what a device has gone through has eight at most. */
const RECORDS_MAX = 10_000;

export class Records<D extends Handed> {
  /** In the order of their making. */
  readonly #records = new Map<string, Record<D>>();

  note(name: string, note: string): void {
    this.#at(name).note = note;
  }

  /** Takes the descriptors. */
  hold(name: string, held: readonly D[]): void {
    const record = this.#at(name);
    closeAll(record.held);
    record.held = held;
  }

  drop(name: string): void {
    closeAll(this.#records.get(name)?.held ?? []);
    this.#records.delete(name);
  }

  at(index: number): { name: string; note: string | null; held: readonly D[] } | undefined {
    const entry = [...this.#records][index];
    return entry && { name: entry[0], ...entry[1] };
  }

  clear(): void {
    for (const name of [...this.#records.keys()]) this.drop(name);
  }

  #at(name: string): Record<D> {
    const known = this.#records.get(name);
    if (known !== undefined) return known;
    if (this.#records.size >= RECORDS_MAX)
      throw new DeviceError("no-space", `keep ${name}: ${RECORDS_MAX} records are kept`);
    const record: Record<D> = { note: null, held: [] };
    this.#records.set(name, record);
    return record;
  }
}

function closeAll(held: readonly Handed[]): void {
  for (const descriptor of held) descriptor.close();
}
