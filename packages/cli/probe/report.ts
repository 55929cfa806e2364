// Runs in: CLI. Owns: nothing. What `ring3 probe` says. Pure.
import { wrapped } from "../command.ts";
import type { Paint } from "../text.ts";

export interface GroupResult {
  readonly group: string;
  readonly probes: number;
  readonly denied: number;
}

/** What --json prints. */
export interface Result {
  readonly probes: number;
  readonly denied: number;
  /** "name: why" */
  readonly escaped: readonly string[];
  /** How many system calls the driver's filter lets through in any form. */
  readonly syscalls: number;
}

const NAME_WIDTH = 12;
const COUNT_WIDTH = 4;

export function groupText({ group, probes, denied }: GroupResult, paint: Paint): string {
  const counts = `${String(denied).padStart(COUNT_WIDTH)} of ${String(probes).padStart(COUNT_WIDTH)} denied`;
  return `${group.padEnd(NAME_WIDTH)} ${denied === probes ? paint("green", counts) : paint("red", counts)}`;
}

export function resultText(
  { probes, denied, escaped, syscalls }: Result,
  width: number,
  paint: Paint,
): string {
  const total = `${probes} probes, ${denied} denied, ${escaped.length} escaped; ${syscalls} system calls are left to the driver`;
  return [
    "",
    paint("bold", wrapped("", total, width)),
    ...(escaped.length === 0 ? [] : ["", paint("red", "Escaped")]),
    ...escaped.map((line) => wrapped("  ", line, width)),
  ].join("\n");
}
