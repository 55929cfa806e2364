// Runs in: browser. Owns: nothing; what holds of a unit, by what it has told. Pure.
import type { ViewParts } from "@ring3/classes/view";

type Holding = ViewParts["events"];

/**
 * A driver that is gone can say of nothing that it is still so; one that works tells anew what is, behind the word of it. Both words, where they come
 * close together, may be one.
 */
export function holding(before: Holding, event: string, data: NonNullable<Holding[string]>): Holding {
  switch (event) {
    case "end":
      return {};
    case "driver":
      return { driver: data };
    default:
      return { ...before, [event]: data };
  }
}
