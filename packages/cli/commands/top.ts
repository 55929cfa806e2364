// Runs in: CLI. Owns: the screen, while it shows what devices do. Asks the manager once an interval, and nobody else.
import { durationForm, parseDuration } from "@ring3/control/duration";
import type { Metrics } from "@ring3/control/metrics";
import { ratesOf } from "@ring3/control/rates";
import { type Command, UsageError } from "../command.ts";
import { askedToEnd } from "../lines.ts";
import { clear, redraw, rowsOf } from "../screen.ts";
import { topText } from "../top/table.ts";

export default {
  summary: "shows what each device does, once a second",
  usage: "[--interval DURATION] [--count N]",
  options: {
    interval: { type: "string", value: "DURATION", help: "between two looks; 1s unless said" },
    count: { type: "string", value: "N", help: "ends after so many; without it Ctrl-C does" },
  },
  words: [0, 0],
  details: `Requests, events (on 86 columns and more) and bytes a second, as the drivers count them; P50 and P99: the time that half and 99 of 100 requests did not pass, from their arrival at the driver
to its answer, at most a quarter too much; CPU: of one processor, by the driver's process.
With --json, a line each time: [{"id", "alias", "driver", "state", "restarts", "requests", "failed", "bytesRead", "bytesWritten", "events", "p50Us", "p99Us", "cpu", "privateBytes"}].`,
  async run(ring3, { values }) {
    const intervalMs = durationOf((values.interval as string | undefined) ?? "1s");
    const count = countOf(values.count as string | undefined);
    const manager = ring3.connect();
    const screen = ring3.out.isTTY === true && !ring3.json;
    let ended = false;
    const end = askedToEnd().then((): undefined => {
      ended = true;
    });
    const show = (before: Metrics, after: Metrics) => {
      const rates = ratesOf(before, after);
      const rows = screen ? rowsOf(ring3.out) : undefined;
      const text = topText(rates, ring3.width, (colour, words) => ring3.paint(colour, words), rows);
      if (screen) redraw(ring3.out, text);
      else ring3.show(rates, text);
    };
    try {
      let before = await manager.ask("metrics", {});
      if (screen) clear(ring3.out);
      for (let shown = 0; shown < count; shown++) {
        const later = Promise.withResolvers<void>();
        const timer = setTimeout(later.resolve, intervalMs);
        await Promise.race([later.promise, end]);
        clearTimeout(timer);
        const after = ended ? undefined : await Promise.race([manager.ask("metrics", {}), end]);
        if (after === undefined) break;
        show(before, after);
        before = after;
      }
    } finally {
      manager.disconnect();
    }
  },
} satisfies Command;

function durationOf(text: string): number {
  const ms = parseDuration(text);
  if (ms !== undefined && ms > 0) return ms;
  throw new UsageError(`--interval: expected ${durationForm}, found "${text}"`);
}

function countOf(text: string | undefined): number {
  if (text === undefined) return Number.POSITIVE_INFINITY;
  if (/^[1-9]\d*$/.test(text)) return Number(text);
  throw new UsageError(`--count: expected a number from 1, found "${text}"`);
}
