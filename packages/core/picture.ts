// Runs in: the command line. Owns: nothing; what a class's unit looks like to people, as text that is not painted yet. Pure.
import type { Contract, EventData, EventName } from "./contract.ts";

/** Text, or text that is lit: pressed, touched, moved. What is lit is to be seen without colours too. */
export type Span = string | { readonly lit: string };
/** Of which the widths are the lengths: one column a character. */
export type Line = readonly Span[];

/** At least as much as every picture needs, so that two stand beside each other in 80. */
export const PICTURE_COLUMNS = 39;

/** One unit, by what it has told. */
export interface Picture<C extends Contract> {
  readonly take: { readonly [E in EventName<C>]: (data: EventData<C, E>) => void };
  /** Its driver is dead: nobody could say that anything is still so. */
  release(): void;
  lines(): readonly Line[];
}

export const lit = (text: string, isLit = true): Span => (isLit ? { lit: text } : text);

export const widthOf = (line: Line): number =>
  line.reduce((sum, span) => sum + (typeof span === "string" ? span : span.lit).length, 0);

/** Blocks of lines beside each other, each as wide as its widest line. */
export function beside(...blocks: readonly (readonly Line[])[]): Line[] {
  const widths = blocks.map((lines) => Math.max(0, ...lines.map(widthOf)));
  const height = Math.max(0, ...blocks.map(({ length }) => length));
  return Array.from({ length: height }, (_, row) =>
    blocks.flatMap((lines, at): Span[] => {
      const line = lines[row] ?? [];
      const isLast = at === blocks.length - 1;
      return isLast ? [...line] : [...line, " ".repeat(widths[at]! - widthOf(line) + 1)];
    }),
  );
}

/** One of the marks in a field; from 0 at the left and at the top to 1. */
export interface Mark {
  readonly x: number;
  readonly y: number;
  /** One character. */
  readonly text: string;
}

export function field(columns: number, rows: number, marks: readonly Mark[]): Line[] {
  const cells = Array.from({ length: rows }, () => Array<Span>(columns).fill(" "));
  for (const { x, y, text } of marks) cells[cell(y, rows)]![cell(x, columns)] = lit(text);
  const edge = "─".repeat(columns);
  return [[`┌${edge}┐`], ...cells.map((row): Line => ["│", ...row, "│"]), [`└${edge}┘`]];
}

/** A driver may tell of places that make no sense. */
const cell = (part: number, count: number): number =>
  Math.min(count - 1, Math.max(0, Math.floor(part * count) || 0));

/** `part`: 0 to 1. */
export function bar(part: number, columns: number): Line {
  const full = Math.round(Math.min(1, Math.max(0, part || 0)) * columns);
  return [lit("█".repeat(full)), "·".repeat(columns - full)];
}

/** Words one behind another, in as many lines as it takes. */
export function wrap(words: readonly Span[], columns = PICTURE_COLUMNS): Line[] {
  const lines: Span[][] = [[]];
  for (const word of words) {
    if (lines.at(-1)!.length > 0 && widthOf([...lines.at(-1)!, word]) > columns) lines.push([]);
    lines.at(-1)!.push(word);
  }
  return lines;
}

export const battery = (power: { readonly percent: number; readonly charging: number } | undefined): Line =>
  power === undefined
    ? ["battery  not told"]
    : [
        "battery  ",
        ...bar(power.percent / 100, 10),
        ` ${power.percent} %${power.charging ? ", charging" : ""}`,
      ];
