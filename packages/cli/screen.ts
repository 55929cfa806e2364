// Runs in: CLI. Owns: nothing. What a terminal is told, so that a whole screen is drawn anew without flicker (ECMA-48).
import type { Output } from "./ring3.ts";

/** To the first column of the first line, and nothing right of or below what is written. */
const HOME = "\x1b[H";
const CLEAR_LINE = "\x1b[K";
const CLEAR_BELOW = "\x1b[J";
const CLEAR = "\x1b[2J";

/** DECTCEM, as every terminal since the VT220 has it. */
export const HIDE_CURSOR = "\x1b[?25l";
export const SHOW_CURSOR = "\x1b[?25h";

/** Of a terminal that does not say. */
const ROWS = 24;

/** 0 on a terminal of unknown size; the cursor stands below. */
export const rowsOf = (out: Output): number => (out.rows || ROWS) - 1;

export const clear = (out: Output): unknown => out.write(CLEAR);

export function redraw(out: Output, text: string): void {
  out.write(`${HOME}${text.replaceAll("\n", `${CLEAR_LINE}\n`)}${CLEAR_LINE}\n${CLEAR_BELOW}`);
}
