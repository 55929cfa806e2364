// Runs in: node --test.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Activity } from "../view.ts";
import { activityText } from "./activity.ts";

const second = (change: Partial<Activity>): Activity => ({
  ...{ requests: 0, failed: 0, bytesRead: 0, bytesWritten: 0, events: 0, p50Us: null },
  ...change,
});

test("a disk that was asked for nothing does nothing, and one that nobody has looked at is unknown", () => {
  assert.equal(activityText(second({})), "It does nothing now.");
  assert.equal(activityText(undefined), "Nothing is known of its work yet.");
});

test("requests of a second that took a little longer are whole numbers, and a failed one is one", () => {
  assert.equal(
    activityText(second({ requests: 24.975, failed: 0.999, bytesRead: 1e6 })),
    "Reads 1 MB a second, writes 0 B a second, in 25 requests a second, of which 1 fails.",
  );
});
