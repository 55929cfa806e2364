// Runs in: manager. Owns: the pages on which stands what one device has gone through. The keeper has each of them too, for the next manager.
import { type HistoryRecord, recordName } from "@ring3/control/legacy";
import type { Passage, Step } from "@ring3/control/observation";
import type { Legacy } from "./legacy.ts";

/** As JSON. A page goes to the keeper whole with each entry, so it is short. */
const PAGE_CHARACTERS = 16_384;
/** Some sixty starts of a driver; fewer where its own words are long. */
const PAGES_MAX = 8;

/** Oldest first. */
export interface Gone {
  readonly passages: readonly Passage[];
  readonly steps: readonly Step[];
}

export class HistoryPages implements Gone {
  readonly #device: string;
  readonly #legacy: Legacy;
  readonly #pages: HistoryRecord[];
  /** Of the last one. */
  #characters: number;

  /** `left`: what stood there at an earlier manager, oldest first. */
  constructor(device: string, legacy: Legacy, left: readonly HistoryRecord[] = []) {
    this.#device = device;
    this.#legacy = legacy;
    this.#pages = [...left];
    this.#characters = left.length === 0 ? 0 : JSON.stringify(left.at(-1)).length;
  }

  get passages(): readonly Passage[] {
    return this.#pages.flatMap(({ passages }) => passages);
  }

  get steps(): readonly Step[] {
    return this.#pages.flatMap(({ steps }) => steps);
  }

  /** `enumeration`: of the device now. */
  addPassage(passage: Passage, enumeration: number): void {
    this.#add((page) => page.passages.push(passage), passage, enumeration);
  }

  addStep(step: Step, enumeration: number): void {
    this.#add((page) => page.steps.push(step), step, enumeration);
  }

  /** Nobody is to find it. */
  drop(): void {
    for (const page of this.#pages.splice(0)) this.#legacy.drop(this.#name(page));
  }

  #add(write: (page: HistoryRecord) => void, entry: Passage | Step, enumeration: number): void {
    const page = this.#pageFor(JSON.stringify(entry).length);
    write(page);
    page.enumeration = enumeration;
    this.#legacy.note("history", this.#name(page), page);
    while (this.#pages.length > PAGES_MAX) this.#legacy.drop(this.#name(this.#pages.shift()!));
  }

  /** The last one, or another where that is full. */
  #pageFor(characters: number): HistoryRecord {
    const last = this.#pages.at(-1);
    this.#characters += characters;
    if (last !== undefined && this.#characters <= PAGE_CHARACTERS) return last;
    this.#characters = characters;
    const page = (last?.page ?? 0) + 1;
    const empty = { device: this.#device, enumeration: 1, page, passages: [], steps: [] };
    this.#pages.push(empty);
    return empty;
  }

  #name({ page }: HistoryRecord): string {
    return recordName("history", `${this.#device}/${page}`);
  }
}
