// Runs in: CLI. Owns: nothing. Units side by side, or one below the other, as text for a terminal. Pure.
import { beside, type Line, lit, PICTURE_COLUMNS, type Span, widthOf } from "@ring3/core/picture";
import type { Paint } from "../text.ts";

export interface Shown {
  readonly unit: string;
  readonly name: string;
  readonly incarnation: number;
  /** There is a driver. */
  readonly driver: boolean;
  /** One before it died a moment ago. */
  readonly died: boolean;
  readonly lines: readonly Line[];
}

/** `rows`: of the terminal; what finds no place is counted in the last. */
export function frameText(units: readonly Shown[], width: number, rows: number, paint: Paint): string {
  const groups: Line[][][] = [];
  let room = 0;
  for (const unit of units) {
    const block = blockOf(unit);
    const columns = widthOf(block[0]!);
    if (columns > room) {
      groups.push([]);
      room = width;
    }
    groups.at(-1)!.push(block);
    room -= columns + 1;
  }
  const all = groups.flatMap((blocks, at) => [...(at === 0 ? [] : [[]]), ...beside(...blocks)]);
  const shown =
    all.length <= rows ? all : [...all.slice(0, rows - 1), [`and ${all.length - rows + 1} more lines`]];
  return shown.map((line) => painted(cut(line, width), paint)).join("\n");
}

/** As wide as its first line, whatever is told. */
function blockOf({ unit, name, incarnation, driver, died, lines }: Shown): Line[] {
  const columns = Math.max(PICTURE_COLUMNS, ...lines.map(widthOf));
  return [
    [unit.slice(0, columns).padEnd(columns)],
    [name.slice(0, columns)],
    [
      ...(died ? [lit("driver down, released")] : []),
      ...(driver ? [`${died ? "; " : ""}driver start #${incarnation}`] : []),
    ],
    ...lines,
  ];
}

/** The end of a line that is too long is left out. */
function cut(line: Line, columns: number): Line {
  let room = columns;
  return line.flatMap((span): Span[] => {
    const text = (typeof span === "string" ? span : span.lit).slice(0, room);
    room -= text.length;
    if (text === "") return [];
    return [typeof span === "string" ? text : { lit: text }];
  });
}

const painted = (line: Line, paint: Paint): string =>
  line.map((span) => (typeof span === "string" ? span : paint("yellow", span.lit))).join("");
