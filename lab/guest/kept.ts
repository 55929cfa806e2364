// Runs in: lab guest. Owns: what tests leave for whoever has started the lab (`--keep FOLDER`); the rest of the guest's files ends with it.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import type { Report } from "../report.ts";

const FOLDER = "/run/ring3-kept";

/** A file of that name, outside of the guest. */
export function keep(name: string, text: string): void {
  mkdirSync(FOLDER, { recursive: true });
  writeFileSync(`${FOLDER}/${name}`, text);
}

export function kept(): Report[] {
  mkdirSync(FOLDER, { recursive: true });
  return readdirSync(FOLDER).map((name) => ({
    type: "kept",
    name,
    text: readFileSync(`${FOLDER}/${name}`, "utf8"),
  }));
}
