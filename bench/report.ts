// Runs in: benchmarks. Owns: nothing. What people read of a benchmark, in 80 columns. Pure.
import {
  type Benchmark,
  type Figures,
  isGood,
  type Measured,
  type Result,
  type Rows,
  type Table,
} from "./benchmark.ts";

export function headText(name: string, { what }: Benchmark, pinned: string | null): string {
  return `${name}, ${whereText(pinned)}: ${what}`;
}

export function roundText(round: Measured, unit: string): string {
  const ratio = (round.ours / round.peer).toFixed(3);
  const disturbed = isGood(round) ? "" : `, dropped: ${percent(round.steal)} stolen`;
  return `  ${variantText(round)}${round.ours.toPrecision(4)} : ${round.peer.toPrecision(4)} ${unit} = ${ratio}${disturbed}`;
}

export function resultText(result: Result): string {
  const { name, unit, also } = result;
  return [name, ...[result, ...also].map((figures) => figuresText(figures, figures.unit ?? unit))].join("\n");
}

function figuresText(figures: Figures, unit: string): string {
  const { pinned, ratio, goal, met, rounds, dropped, ours, peer, cpuUs } = figures;
  const left = dropped === 0 ? "" : `, ${dropped} dropped`;
  const cpu = cpuUs === null ? "" : `\n    processor: ${cpuUs.ours} : ${cpuUs.peer} µs an operation`;
  return `  ${ratio.median} [${ratio.min} to ${ratio.max}], goal ${goal} ${met ? "met" : "NOT met"}, ${whereText(pinned)}
    ${variantText(figures)}${ours} : ${peer} ${unit}, ${rounds} rounds${left}${cpu}`;
}

const variantText = ({ variant }: { readonly variant?: string }) =>
  variant === undefined ? "" : `${variant}: `;

/** Numbers are set right, words left. */
export function tableText(name: string, { columns, note }: Table, { rows, machine }: Rows): string {
  const lines = [columns, ...rows].map((row) => Object.keys(columns).map((field) => String(row[field])));
  const numbers = Object.keys(columns).map((field) => typeof rows[0]?.[field] === "number");
  const widths = numbers.map((_, at) => Math.max(...lines.map((line) => line[at]!.length)));
  const set = (word: string, at: number) =>
    numbers[at] ? word.padStart(widths[at]!) : word.padEnd(widths[at]!);
  const where = `on Linux ${machine.kernel}, ${machine.processor}`;
  return [
    name,
    ...lines.map((line) => line.map(set).join("  ").trimEnd()),
    where,
    ...(note === undefined ? [] : [note]),
  ].join("\n  ");
}

const whereText = (pinned: string | null) =>
  pinned === null ? "on all processors" : `on ${/^\d+$/.test(pinned) ? "processor" : "processors"} ${pinned}`;
const percent = (share: number) => `${(100 * share).toFixed(0)} %`;
