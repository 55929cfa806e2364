// Runs in: the usb-drive sim. Owns: one logical unit: its medium, its pending unit attentions and sense data.
import { WriteCache } from "../cache.ts";
import type { Image, Medium } from "../disk.ts";
import {
  DEVICE_RESET,
  MEDIUM_CHANGED,
  NO_MEDIUM,
  OUT_OF_RANGE,
  POWER_ON,
  POWER_ON_OR_RESET,
  type Sense,
  STOPPED,
  WRITE_PROTECTED,
} from "./sense.ts";

export interface UnitOptions {
  readonly lun: number;
  readonly sectorBytes: number;
  readonly readOnly: boolean;
  readonly removable: boolean;
  readonly writeCache: boolean;
  readonly vendor: string;
  readonly product: string;
  readonly serial: string;
}

export interface Counters {
  reads: number;
  writes: number;
  flushes: number;
  readBytes: number;
  writtenBytes: number;
}

export class LogicalUnit {
  readonly options: UnitOptions;
  readonly badSectors: Set<number>;
  readonly counters: Counters = { reads: 0, writes: 0, flushes: 0, readBytes: 0, writtenBytes: 0 };
  sense: Sense | undefined;
  stopped = false;
  removalPrevented = false;
  #attentions: Sense[] = [POWER_ON_OR_RESET];
  #image: Image | undefined;
  #medium: Medium | undefined;
  #cache: WriteCache | undefined;

  constructor(options: UnitOptions, image: Image, badSectors: Set<number>) {
    this.options = options;
    this.badSectors = badSectors;
    this.#load(image);
  }

  get medium(): Medium | undefined {
    return this.#medium;
  }

  get image(): Image | undefined {
    return this.#image;
  }

  get sectors(): number {
    return (this.#medium?.sizeBytes ?? 0) / this.options.sectorBytes;
  }

  get dirtyBytes(): number {
    return this.#cache?.dirtyBytes ?? 0;
  }

  /** The medium, if commands may use it; else why not. */
  ready(): Medium | Sense {
    if (this.#medium === undefined) return NO_MEDIUM;
    return this.stopped ? STOPPED : this.#medium;
  }

  /** As `ready`, for `count` sectors from `lba`. */
  reach(lba: number, count: number, change: "read" | "change"): Medium | Sense {
    const medium = this.ready();
    if (isSense(medium)) return medium;
    if (change === "change" && this.options.readOnly) return WRITE_PROTECTED;
    return lba + count > this.sectors || lba >= this.sectors ? OUT_OF_RANGE : medium;
  }

  takeAttention(): Sense | undefined {
    return this.#attentions.shift();
  }

  /** What the host would like to keep safe is in the image afterwards. */
  async eject(): Promise<Image | undefined> {
    const image = this.#image;
    const medium = this.#medium;
    this.#image = undefined;
    this.#medium = undefined;
    this.#cache = undefined;
    await medium?.flush();
    return image;
  }

  insert(image: Image): void {
    this.#load(image);
    this.stopped = false;
    this.#attentions.push(MEDIUM_CHANGED);
  }

  /** A reset of the device keeps its power, and so its cache. That power was lost is still told, and instead (SAM-5 §5.14). */
  reset(): void {
    this.sense = undefined;
    this.removalPrevented = false;
    this.#attentions = this.#attentions.includes(POWER_ON) ? [POWER_ON] : [DEVICE_RESET];
  }

  losePower(): void {
    this.#cache?.losePower();
    this.sense = undefined;
    this.stopped = false;
    this.removalPrevented = false;
    this.#attentions = [POWER_ON];
  }

  #load(image: Image): void {
    this.#image = image;
    this.#cache = this.options.writeCache ? new WriteCache(image, this.options.sectorBytes) : undefined;
    this.#medium = this.#cache ?? image;
  }
}

export function isSense(value: object): value is Sense {
  return "asc" in value;
}
