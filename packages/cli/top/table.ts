// Runs in: CLI. Owns: nothing. `ring3 top` for people: a line a device. Pure.

import type { Rates } from "@ring3/control/rates";
import { fit, type Paint, stateColours } from "../text.ts";

interface Column {
  readonly title: string;
  readonly width: number;
  /** Of a terminal that has room for it. */
  readonly from?: number;
  text(rates: Rates): string;
}

/** All but the device, which gets what is left. */
const everyColumn: readonly Column[] = [
  { title: "REQ/S", width: 5, text: ({ requests }) => scaled(requests, "") },
  { title: "EV/S", width: 5, from: 86, text: ({ events }) => scaled(events, "") },
  { title: "READ/S", width: 6, text: ({ bytesRead }) => scaled(bytesRead, "B") },
  { title: "WRITE/S", width: 7, text: ({ bytesWritten }) => scaled(bytesWritten, "B") },
  { title: "P50", width: 6, text: ({ p50Us }) => time(p50Us) },
  { title: "P99", width: 6, text: ({ p99Us }) => time(p99Us) },
  { title: "CPU", width: 4, text: ({ cpu }) => (cpu === null ? "-" : `${Math.round(cpu * 100)}%`) },
  {
    title: "MEM",
    width: 6,
    text: ({ privateBytes }) => (privateBytes === null ? "-" : scaled(privateBytes, "B")),
  },
  { title: "RESTARTS", width: 8, text: ({ restarts }) => scaled(restarts, "") },
];
const STATE_WIDTH = 11;
const NAME_MIN = 10;

/** `rows`: of the terminal; those that find no place are counted in the last. */
export function topText(
  all: readonly Rates[],
  width: number,
  paint: Paint,
  rows = Number.POSITIVE_INFINITY,
): string {
  if (all.length === 0) return 'no device yet: "ring3 sim usb-drive" plugs a simulated one in';
  const columns = everyColumn.filter(({ from = 0 }) => from <= width);
  const rest = columns.reduce((sum, column) => sum + column.width + 1, STATE_WIDTH + 1);
  const nameWidth = Math.max(NAME_MIN, width - rest);
  const line = (name: string, state: string, texts: readonly string[]) =>
    [fit(name, nameWidth), state, ...texts.map((text, at) => text.padStart(columns[at]!.width))].join(" ");
  const titles = line(
    "DEVICE",
    fit("STATE", STATE_WIDTH),
    columns.map(({ title }) => title),
  );
  const lines = all
    .toSorted((a, b) => b.requests - a.requests || b.events - a.events || (a.id < b.id ? -1 : 1))
    .map((rates) =>
      line(
        rates.alias ?? rates.id,
        paint(stateColours[rates.state], fit(rates.state, STATE_WIDTH)),
        columns.map(({ text }) => text(rates)),
      ),
    );
  const room = Math.max(1, rows - 1);
  const shown =
    lines.length <= room ? lines : [...lines.slice(0, room - 1), `and ${lines.length - room + 1} more`];
  return [paint("dim", titles), ...shown].join("\n");
}

const UNITS = ["", "k", "M", "G", "T"] as const;

/** Three digits, in thousands. */
function scaled(value: number, unit: string): string {
  let power = 0;
  let left = value;
  for (; left >= 999.5 && power < UNITS.length - 1; power++) left /= 1000;
  const digits = left >= 9.95 || (Number.isInteger(left) && power === 0) ? left.toFixed(0) : left.toFixed(1);
  const suffix = `${UNITS[power]}${unit}`;
  return unit === "" ? `${digits}${suffix}` : `${digits} ${suffix}`;
}

function time(us: number | null): string {
  if (us === null) return "-";
  if (us < 1000) return `${us} µs`;
  return us < 1_000_000
    ? `${(us / 1000).toPrecision(2 + Number(us >= 99_500))} ms`
    : `${us < 9_950_000 ? (us / 1e6).toFixed(1) : Math.round(us / 1e6)} s`;
}
