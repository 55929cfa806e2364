// Runs in: lab guest, as root, started by guest/start. Owns: the report port. Runs the test files that it is told to.
import { uptime } from "node:os";
import { run } from "node:test";
import { type Job, REPORT_PORT, type Report } from "../report.ts";
import { TIME_FACTOR } from "../timing.ts";
import { kept } from "./kept.ts";
import { openPort, readLine, writeLine } from "./port.ts";
import { keepKernelSteady } from "./steady.ts";

process.env.RING3_TIME_FACTOR = String(TIME_FACTOR);

const port = await openPort(REPORT_PORT);
const report = (message: Report): Promise<void> => writeLine(port, message);

await keepKernelSteady();
await report({ type: "ready", uptimeMs: Math.round(uptime() * 1000) });
const job: Job = JSON.parse(await readLine(port));

// A process a file, one after the other: they share one kernel and its buses.
for await (const event of run({ files: job.files, concurrency: 1, timeout: job.fileLimitMs })) {
  switch (event.type) {
    case "test:pass":
    case "test:fail": {
      const { name, nesting, entryFile, file, details, skip, todo } = event.data;
      const failure =
        event.type === "test:fail" ? (event.data.details.error.cause ?? event.data.details.error) : undefined;
      if (details.type === "suite" && !failure) break; // its tests count
      await report({
        type: "test",
        file: entryFile ?? file ?? "", // that of a suite's tests is the suite's
        name,
        nesting,
        status: failure ? "failed" : skip !== undefined || todo !== undefined ? "skipped" : "passed",
        ms: details.duration_ms,
        ...(failure ? { error: String(failure instanceof Error ? failure.stack : failure) } : {}),
      });
      break;
    }
    case "test:stdout":
    case "test:stderr":
      await report({ type: "output", text: event.data.message });
      break;
  }
}
for (const left of kept()) await report(left);
await report({ type: "done" });
