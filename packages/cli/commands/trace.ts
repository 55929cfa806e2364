// Runs in: CLI. Owns: the file that it writes. It reads what driver and clients record while they work, in memory that they lend, and asks them nothing.
import { traceDevice } from "@ring3/client/connect";
import { ChromeTrace } from "@ring3/client/trace/chrome-trace";
import { traceName } from "@ring3/client/trace/trace-text";
import { durationForm, parseDuration } from "@ring3/control/duration";
import { withoutKindText } from "@ring3/control/wire";
import type { DeviceError } from "@ring3/core/errors";
import { printable } from "@ring3/core/log";
import { type Command, UsageError } from "../command.ts";
import { askedToEnd } from "../lines.ts";
import { TraceFile } from "../trace/trace-file.ts";

const PROGRESS_MS = 250;

export default {
  summary: "records each request's way from application to device, for Perfetto",
  usage: "DEVICE [--for DURATION] [--output FILE]",
  options: {
    for: { type: "string", value: "DURATION", help: "ends after that long; without it Ctrl-C does" },
    output: { type: "string", value: "FILE", help: "trace-DEVICE.json unless said" },
  },
  words: [1, 1],
  details: `The file is in Chrome's Trace Event Format; ui.perfetto.dev and chrome://tracing open it. It shows applications, reflector, driver host and kernel
surface on one clock, an arrow along each request, log lines, and each incarnation of the driver. It has names, sizes and places of requests, none of their bytes.
With --json: {"file", "device", "seconds", "events", "requests", "lost", "refused"}; lost: records that were overwritten before they were read.`,
  async run(ring3, { values, words: [wanted] }) {
    const forMs = durationOf(values.for as string | undefined);
    const manager = ring3.connect();
    const terminal = ring3.err.isTTY === true && !ring3.json;
    const line = (text: string) => terminal && ring3.err.write(`\r\x1b[K${text.slice(0, ring3.width - 1)}`);
    const timers: NodeJS.Timeout[] = [];
    let file: TraceFile | undefined;
    try {
      const trace = new ChromeTrace((event) => file?.add(event));
      const feed = traceDevice(manager, wanted!, (item) => trace.take(item));
      const device = await feed.start((id) => {
        file = new TraceFile((values.output as string | undefined) ?? traceName(id));
      });
      const begun = performance.now();
      const seconds = () => Number(((performance.now() - begun) / 1000).toFixed(3));
      if (terminal)
        timers.push(
          setInterval(
            () => line(`${seconds().toFixed(1)} s, ${trace.requests} requests; Ctrl-C ends it`),
            PROGRESS_MS,
          ),
        );
      const later = Promise.withResolvers<undefined>();
      if (forMs !== undefined) timers.push(setTimeout(() => later.resolve(undefined), forMs));
      const cut = await Promise.race([feed.over, askedToEnd().then(() => undefined), later.promise]);
      const end = await feed.stop();
      trace.finish(end);
      const { lost } = feed;
      const refused = feed.refused + trace.refused;
      const took = seconds();
      file!.end({ device, lost, refused, clock: "CLOCK_MONOTONIC" });
      line("");
      const { path, events } = file!;
      const { requests } = trace;
      ring3.show(
        { file: path, device, seconds: took, events, requests, lost, refused },
        [
          `${requests} requests of ${device} in ${took.toFixed(1)} s: ${path}`,
          ...remarks(lost, refused),
          "open it at https://ui.perfetto.dev or chrome://tracing",
        ].join("\n"),
      );
      return cut === undefined ? 0 : ended(ring3.err, cut);
    } finally {
      for (const timer of timers) clearTimeout(timer);
      manager.disconnect();
    }
  },
} satisfies Command;

function durationOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const ms = parseDuration(text);
  if (ms !== undefined && ms > 0) return ms;
  throw new UsageError(`--for: expected ${durationForm}, found "${text}"`);
}

function remarks(lost: number, refused: number): string[] {
  return [
    ...(lost === 0 ? [] : [`${lost} records are missing: they came faster than they could be read`]),
    ...(refused === 0 ? [] : [`${refused} records were left out: they cannot be true`]),
  ];
}

/** The trace has ended before it was to. */
function ended(err: { write(text: string): unknown }, cut: DeviceError): number {
  err.write(`ring3 trace: it ended early: ${printable(withoutKindText(cut))}\n`);
  return 1;
}
