// Runs in: node --test, as a reporter beside the one that people read. Writes a run's totals as one line of JSON.
import type { TestEvent } from "node:test/reporters";

export interface Totals {
  passed: number;
  failed: number;
  skipped: number;
}

export default async function* totals(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  for await (const event of events) {
    // One summary a file, and one without a file for the whole run.
    if (event.type !== "test:summary" || event.data.file !== undefined) continue;
    const { passed, failed, cancelled, skipped, todo } = event.data.counts as unknown as Record<
      string,
      number
    >;
    const result: Totals = { passed: passed!, failed: failed! + cancelled!, skipped: skipped! + todo! };
    yield JSON.stringify(result);
  }
}
