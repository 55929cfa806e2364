// Runs in: everywhere. Owns: nothing. Pure: the local items of a HID report descriptor, as they add up to the next main item (HID 1.11 §6.2.2.8).
import { type Item, refuse } from "./items.ts";
import { USAGES_MAX } from "./limits.ts";

/** Both ends included. A usage has its page in the high 16 bits. */
export interface NumberRange {
  readonly minimum: number;
  readonly maximum: number;
}

interface UsageRange {
  minimum: number;
  maximum: number;
  /** Its item had four bytes: it has its page already. */
  readonly hasPage: boolean;
}

const NOTHING: Pick<Item, "bytes" | "unsigned"> = { bytes: 0, unsigned: 0 };

export class LocalItems {
  readonly #usages: UsageRange[] = [];
  readonly #strings: NumberRange[] = [];
  readonly #designators: NumberRange[] = [];
  #usageMinimum: Item | undefined;
  #usageMaximum: Item | undefined;
  #stringMinimum = 0;
  #designatorMinimum = 0;
  #delimiter: "none" | "open" | "chosen" = "none";

  get isDelimiterOpen(): boolean {
    return this.#delimiter !== "none";
  }

  get strings(): readonly NumberRange[] {
    return this.#strings;
  }

  get designators(): readonly NumberRange[] {
    return this.#designators;
  }

  /** `page`: the usage page at this item. */
  apply(item: Item, page: number): void {
    const { offset, tag, unsigned } = item;
    switch (tag) {
      case 0:
        this.#addUsages(item, item, page);
        break;
      case 1:
        this.#usageMinimum = item;
        this.#addPair(page);
        break;
      case 2:
        this.#usageMaximum = item;
        this.#addPair(page);
        break;
      case 3:
        this.#designators.push({ minimum: unsigned, maximum: unsigned });
        break;
      case 4:
        this.#designatorMinimum = unsigned;
        break;
      case 5:
        this.#designators.push({ minimum: this.#designatorMinimum, maximum: unsigned });
        break;
      case 7:
        this.#strings.push({ minimum: unsigned, maximum: unsigned });
        break;
      case 8:
        this.#stringMinimum = unsigned;
        break;
      case 9:
        this.#strings.push({ minimum: this.#stringMinimum, maximum: unsigned });
        break;
      case 10:
        if (unsigned !== 0 && this.isDelimiterOpen)
          refuse(offset, "Delimiter", "the open set to end", "another begins");
        if (unsigned === 0 && !this.isDelimiterOpen) refuse(offset, "Delimiter", "an open set", "none");
        this.#delimiter = unsigned === 0 ? "none" : "open";
        break;
      // Others are reserved, and nothing to Linux either (hid_parser_local).
    }
  }

  /**
   * The usages at a main item, the last page declared before it. As in Linux (hid_concatenate_last_usage_page) that page is the one of all
   * usages since the last that was declared behind it.
   */
  usagesAt(page: number): readonly NumberRange[] {
    if (this.#usageMaximum !== undefined) this.#addUsages(NOTHING, this.#usageMaximum, page); // without a minimum: from 0, as in Linux
    for (const usages of this.#usages.toReversed()) {
      if (usages.hasPage) continue;
      if (usages.maximum >>> 16 === page) break;
      usages.minimum = withPage(usages.minimum, page);
      usages.maximum = withPage(usages.maximum, page);
    }
    return this.#usages.map(({ minimum, maximum }) => ({ minimum, maximum }));
  }

  /** Minimum and maximum come in either order. */
  #addPair(page: number): void {
    if (this.#usageMinimum === undefined || this.#usageMaximum === undefined) return;
    this.#addUsages(this.#usageMinimum, this.#usageMaximum, page);
    this.#usageMinimum = undefined;
    this.#usageMaximum = undefined;
  }

  #addUsages(from: Pick<Item, "bytes" | "unsigned">, to: Item, page: number): void {
    // What else is in a set of delimiters are other names of the same control, less apt ones (HID Usage Tables 1.12 appendix B).
    if (this.#delimiter === "chosen") return;
    if (this.#delimiter === "open") this.#delimiter = "chosen";
    const hasPage = from.bytes === 4 || to.bytes === 4;
    const own = to.bytes === 4 ? to.unsigned >>> 16 : hasPage ? from.unsigned >>> 16 : page;
    const minimum = from.bytes === 4 ? from.unsigned : withPage(from.unsigned, own);
    const maximum = to.bytes === 4 ? to.unsigned : withPage(to.unsigned, own);
    // A range that ends before it begins is as long as can be in Linux, whose count turns over (hid_parser_local).
    const last = Math.min(minimum + USAGES_MAX - 1, withPage(0xffff, minimum >>> 16));
    this.#usages.push({ minimum, maximum: maximum < minimum ? last : maximum, hasPage });
  }
}

const withPage = (usage: number, page: number): number => ((page << 16) | (usage & 0xffff)) >>> 0;
