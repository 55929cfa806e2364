// Runs in: fuzzing.
import assert from "node:assert/strict";
import { ValiError } from "valibot";
import { crashText } from "../packages/cli/crash-text.ts";
import { plain } from "../packages/cli/text.ts";
import { type CrashReport, parseCrashReport } from "../packages/control/crash.ts";
import { bytesOf, type Target } from "./target.ts";

const report: CrashReport = {
  id: "1800000000000-usb-1-4_1.0-3",
  time: 1_800_000_000_000,
  device: { id: "usb-1-4:1.0", name: "Disk", identity: { vendor: "0781", product: "5583", serial: null } },
  driver: { name: "usb-storage", version: "1.0.0", class: "block" },
  sandbox: "standard",
  incarnation: 3,
  reason: { kind: "crash", text: "it broke", outside: false },
  stack: ["Error: it broke", "at read"],
  inFlight: [{ operation: "read", channel: 1, slot: 2, ageUs: 3 }],
  recorder: [{ ageUs: 5, kind: "request", text: "read" }],
  resources: { aliveMs: 1, cpuMs: 2, privateBytes: 3 },
};

export default {
  what: "crash reports, from a folder that others may have written to",
  seeds: [bytesOf(JSON.stringify(report))],
  words: ["\\u001b[2J", "\\u009b", "\\u2028", "1e999", "-1", "null", "[]"].map(bytesOf),
  run(input) {
    try {
      const report = parseCrashReport(new TextDecoder().decode(input));
      const shown = crashText(report, 80, plain).replaceAll("\n", " ");
      assert.doesNotMatch(shown, /[\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e]/u);
      return true;
    } catch (error) {
      if (error instanceof ValiError || error instanceof SyntaxError) return false;
      throw error;
    }
  },
} satisfies Target;
