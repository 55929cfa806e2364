// Runs in: manager. Owns: how what is known of a dead incarnation becomes a crash report. Pure.

import { type RecordEntry, unanswered } from "@ring3/channel/recorder";
import type { CrashReport } from "@ring3/control/crash";
import type { Identity } from "@ring3/control/fields";
import type { Manifest } from "@ring3/control/manifest";
import type { Contract } from "@ring3/core/contract";
import { kindOfCode } from "@ring3/core/errors";
import type { FailureReason } from "@ring3/core/lifecycle";
import { printable } from "@ring3/core/log";

/** Lines of a stack, and characters of each. */
const STACK_LINES = 40;
const STACK_COLUMNS = 300;

export interface Crash {
  readonly time: number;
  readonly device: { readonly id: string; readonly name: string; readonly identity: Identity };
  readonly manifest: Manifest;
  readonly contract: Contract;
  readonly sandboxed: boolean;
  readonly incarnation: number;
  readonly reason: FailureReason;
  /** In terms of the driver's sources already. */
  readonly stack: string;
  readonly recorded: readonly RecordEntry[];
  readonly resources: CrashReport["resources"];
}

export function crashReport(crash: Crash): CrashReport {
  const { time, device, manifest, incarnation, reason } = crash;
  const operation = operationNames(crash.contract);
  return {
    id: idOf(time, device.id, incarnation),
    time,
    device,
    driver: { name: manifest.name, version: manifest.version, class: manifest.class },
    sandbox: crash.sandboxed ? manifest.sandbox : "none",
    incarnation,
    reason: { kind: reason.kind, text: printable(reason.text), outside: reason.outside },
    stack: stackLines(crash.stack),
    inFlight: unanswered(crash.recorded).map(({ a, b, c, ageUs }) => ({
      operation: operation(c),
      channel: a,
      slot: b,
      ageUs,
    })),
    recorder: crash.recorded.map((entry) => ({
      ageUs: entry.ageUs,
      kind: entry.kind,
      text: recordText(entry, operation),
    })),
    resources: crash.resources,
  };
}

/** Sorts by time; safe as a file's name. */
function idOf(time: number, device: string, incarnation: number): string {
  return `${time}-${device.replace(/[^A-Za-z0-9.-]/g, "_")}-${incarnation}`;
}

export function stackLines(stack: string): string[] {
  return stack
    .split("\n")
    .map((line) => printable(line.trim(), STACK_COLUMNS))
    .filter((line) => line !== "")
    .slice(0, STACK_LINES);
}

function operationNames(contract: Contract): (nr: number) => string {
  const names = new Map(Object.entries(contract.operations).map(([name, { nr }]) => [nr, name]));
  return (nr) => names.get(nr) ?? `operation ${nr}`;
}

function recordText({ kind, a, b, c, text }: RecordEntry, operation: (nr: number) => string): string {
  switch (kind) {
    case "request":
      return `${operation(c)} on slot ${b} of channel ${a}`;
    case "answer":
      return `${c === 0 ? "done" : (kindOfCode(c) ?? `outcome ${c}`)} on slot ${b} of channel ${a}`;
    case "submit":
      return `transfer ${a}: ${c} bytes, endpoint ${b & 0x0f} ${(b & 0x80) === 0 ? "out" : "in"}`;
    case "reap":
      return `transfer ${a}: ${b} bytes moved${c === 0 ? "" : `, errno ${c}`}`;
    case "turn":
      return `slot ${b} of channel ${a}`;
    case "log":
      return printable(text);
  }
}
