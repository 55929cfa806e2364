// Runs in: node --test, as a reporter beside the one that people read. Writes a run's totals as one line of JSON.
import { basename } from "node:path";
import type { TestEvent } from "node:test/reporters";

export interface Totals {
  passed: number;
  failed: number;
  skipped: number;
  /** "file: name: the error's first line" each, so that whoever reads the end of a long output alone knows where to look. */
  failures: string[];
}

/** A test within which another failed is not told beside it. */
const OF_ANOTHER = "subtestsFailed";

interface Failed {
  readonly name: string;
  readonly file?: string | undefined;
  readonly details: { readonly error: { readonly failureType?: string; readonly cause?: unknown } };
}

function failure({ name, file, details }: Failed): string | undefined {
  const { failureType, cause } = details.error;
  if (failureType === OF_ANOTHER) return undefined;
  const told = cause instanceof Error ? cause.message : String(cause);
  return `${basename(file ?? "")}: ${name}: ${told.split("\n", 1)[0]}`;
}

export default async function* totals(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  const failures: string[] = [];
  for await (const event of events) {
    if (event.type === "test:fail") {
      const told = failure(event.data);
      if (told !== undefined) failures.push(told);
    }
    // One summary a file, and one without a file for the whole run.
    if (event.type !== "test:summary" || event.data.file !== undefined) continue;
    const { passed, failed, cancelled, skipped, todo } = event.data.counts as unknown as Record<
      string,
      number
    >;
    const result: Totals = {
      passed: passed!,
      failed: failed! + cancelled!,
      skipped: skipped! + todo!,
      failures,
    };
    yield JSON.stringify(result);
  }
}
