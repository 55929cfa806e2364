// Runs in: manager. Owns: how a place in a driver's bundle becomes one in its sources.

import { SourceMap } from "node:module";
import { withoutSeats } from "@ring3/control/driver-stack";

/** What findOrigin gives at run time; @types/node calls it SourceOrigin or an empty object. */
interface Origin {
  readonly fileName?: string;
  readonly lineNumber?: number;
  readonly columnNumber?: number;
}

/**
 * A stack with the places in the bundle of `driver` replaced; as it is where there is no map, or none that fits. The stack is a
 * stranger's text, the map the driver author's: both may be nonsense.
 */
export function inSources(stack: string, driver: string, map: string | undefined): string {
  const alone = withoutSeats(stack);
  if (map === undefined || stack === "") return alone;
  try {
    const sources = new SourceMap(JSON.parse(map));
    return alone.replace(/driver:([a-z0-9-]+):(\d{1,7}):(\d{1,7})/g, (place, name, line, column) => {
      const { fileName, lineNumber, columnNumber } = sources.findOrigin(
        Number(line),
        Number(column),
      ) as Origin;
      if (name !== driver || fileName === undefined) return place;
      return `${fileName.replace(/^(\.\.?\/)+/, "")}:${lineNumber}:${columnNumber}`;
    });
  } catch {
    return alone;
  }
}
