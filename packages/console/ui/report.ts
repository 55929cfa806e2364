// Runs in: browser. Owns: nothing; a crash report's times and records as lines. All its times are before the newest record. Pure.
import { durationText } from "@ring3/classes/view";
import type { CrashReport } from "@ring3/control/crash";

/** "1.23 ms" */
const AGE_COLUMNS = 8;
const RECORDS_SHOWN = 40;

export const inHandText = (inFlight: CrashReport["inFlight"]): string =>
  inFlight.length === 0
    ? "It had no request in hand."
    : `In hand: ${inFlight.map(({ operation, ageUs }) => `${operation}, which came ${durationText(ageUs)} before the last record`).join("; ")}.`;

export const recordsText = (recorder: CrashReport["recorder"]): string =>
  recorder
    .slice(-RECORDS_SHOWN)
    .map(({ ageUs, kind, text }) => `${durationText(ageUs).padStart(AGE_COLUMNS)}  ${kind}  ${text}`)
    .join("\n");
