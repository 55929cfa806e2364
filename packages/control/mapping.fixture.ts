// Runs in: tests. Owns: nothing; mapping files, and what the parser has against them.
import assert from "node:assert/strict";
import { DocumentError } from "./document.ts";
import { parseMapping } from "./mapping.ts";

/** What is said of one profile of every gamepad, from line 5 on. */
export const file = (profile: string) =>
  `devices:\n  - for: { class: gamepad }\n    profiles:\n      main:\n${profile}`;
/** Of its buttons, from line 6 on. */
export const buttons = (...lines: string[]) =>
  file(["buttons:", ...lines.map((line) => `  ${line}`)].map((line) => `        ${line}`).join("\n"));

export function complaint(text: string): string {
  try {
    parseMapping(text, "pad.yaml");
  } catch (error) {
    assert.ok(error instanceof DocumentError, String(error));
    return error.message;
  }
  return "accepted";
}
