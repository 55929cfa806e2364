// Runs in: every process. Owns: nothing. What valibot has against a value, in words.
import { printable } from "@ring3/core/log";
import type * as v from "valibot";

const names: Readonly<Record<string, string>> = {
  Object: "an object",
  Array: "a list",
  undefined: "nothing",
};

/** A schema's own message says best what was expected; valibot's, which all begin alike, do not. */
export function expectedText(issue: v.BaseIssue<unknown>): string {
  if (isUnknownField(issue)) return "no such field";
  if (!issue.message.startsWith("Invalid ")) return issue.message;
  const expected = issue.expected ?? issue.message;
  return names[expected] ?? expected.replace(/^\((.*)\)$/, "$1").replaceAll(" | ", " or ");
}

export function foundText(issue: v.BaseIssue<unknown>): string {
  return names[issue.received] ?? printable(issue.received, 80);
}

export function isUnknownField(issue: v.BaseIssue<unknown>): boolean {
  return issue.type === "strict_object" && issue.expected === "never";
}

export function isMissingField(issue: v.BaseIssue<unknown>): boolean {
  return issue.type === "strict_object" && issue.received === "undefined" && issue.path !== undefined;
}

/** "params.device: expected string, found 5", from the first issue. */
export function firstIssue(root: string, issues: readonly v.BaseIssue<unknown>[]): string {
  const issue = issues[0]!;
  const path = [root, ...(issue.path ?? []).map((item) => String(item.key))].join(".");
  return `${printable(path, 200)}: expected ${expectedText(issue)}, found ${foundText(issue)}`;
}
