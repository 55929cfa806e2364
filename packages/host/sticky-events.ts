// Runs in: driver host. Owns: which sticky events of this incarnation whoever opens a unit later is still to be told. Pure.

export interface StickyEvent {
  readonly unit: number;
  readonly event: string;
  readonly data: unknown;
}

/** One of each unit's events of a name, the newest: a driver may tell the same for ever. */
export class StickyEvents {
  readonly #kept = new Map<string, StickyEvent>();

  keep(told: StickyEvent): void {
    const key = `${told.unit} ${told.event}`;
    this.#kept.delete(key); // so that it comes behind those that were told before it
    this.#kept.set(key, told);
  }

  /** Oldest first. */
  of(unit: number): StickyEvent[] {
    return [...this.#kept.values()].filter((kept) => kept.unit === unit);
  }
}
